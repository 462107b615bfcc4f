//! Real DNS servers in a pod, which forward everything to the upstream, or do as they are configured.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::node::{Pod, UPSTREAM_V4};
use crate::{coredns, resolved};

/// How long a server may take to listen on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// Lines it may say before it is ready.
const LINES: usize = 1 << 10;

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `CoreDNS`.
    CoreDns,
    /// The last `CoreDNS` before its forward plugin gave up on a dead upstream sooner.
    OldCoreDns,
    /// Unbound.
    Unbound,
    /// dnsmasq.
    Dnsmasq,
    /// systemd-resolved, which listens on 127.0.0.53, too.
    Resolved,
}

impl Program {
    /// Its process's name.
    #[must_use]
    pub fn comm(self) -> &'static str {
        match self {
            Self::CoreDns | Self::OldCoreDns => "coredns",
            Self::Unbound => "unbound",
            Self::Dnsmasq => "dnsmasq",
            Self::Resolved => "systemd-resolve",
        }
    }

    /// What it says when it listens.
    fn ready(self) -> &'static str {
        match self {
            Self::CoreDns | Self::OldCoreDns => "CoreDNS-",
            Self::Unbound => "start of service",
            Self::Dnsmasq => "started, version",
            // The pod's address is the last one, and TCP comes after UDP.
            Self::Resolved => "Listening on TCP socket",
        }
    }

    /// What has it ask `upstream` for everything.
    fn forwarding(self, pod: &Pod, upstream: &str) -> String {
        match self {
            Self::CoreDns | Self::OldCoreDns => format!(". {{\n forward . {upstream}\n}}\n"),
            Self::Unbound => unbound(pod, upstream),
            Self::Dnsmasq => dnsmasq(upstream),
            Self::Resolved => resolved(pod, upstream),
        }
    }

    fn command(self, pod: &Pod, configuration: &Path) -> Result<Command> {
        let mut command = pod.command(match self {
            Self::CoreDns => coredns::binary()?,
            Self::OldCoreDns => coredns::old_binary()?,
            Self::Unbound => "unbound".into(),
            Self::Dnsmasq => "dnsmasq".into(),
            Self::Resolved => "sh".into(),
        })?;
        match self {
            Self::CoreDns | Self::OldCoreDns => command.arg("-conf"),
            Self::Unbound => command.args(["-d", "-c"]),
            Self::Dnsmasq => command.args(["--keep-in-foreground", "--log-facility=-", "-C"]),
            Self::Resolved => command.args(["-c", resolved::SCRIPT, "sh"]),
        };
        command.arg(configuration);
        if self == Self::Resolved {
            let (program, library) = resolved::program()?;
            command.arg(program).env("LD_LIBRARY_PATH", library);
            command.envs([("SYSTEMD_LOG_LEVEL", "debug"), ("SYSTEMD_LOG_TARGET", "console")]);
        }
        Ok(command)
    }
}

fn unbound(pod: &Pod, upstream: &str) -> String {
    let upstream = upstream.replace(':', "@");
    format!(
        "server:\n interface: {}\n interface: {}\n interface: 127.0.0.1\n access-control: 0.0.0.0/0 allow\n \
         access-control: ::/0 allow\n do-daemonize: no\n chroot: \"\"\n username: \"\"\n pidfile: \"\"\n directory: \"/\"\n \
         use-syslog: no\n logfile: \"\"\n verbosity: 1\n module-config: \"iterator\"\n do-not-query-localhost: no\n \
         num-threads: 1\nremote-control:\n control-enable: no\nforward-zone:\n name: \".\"\n forward-addr: {upstream}\n",
        pod.v4, pod.v6
    )
}

fn dnsmasq(upstream: &str) -> String {
    let upstream = upstream.replace(':', "#");
    format!("no-resolv\nno-hosts\ncache-size=0\nuser=root\npid-file=\nedns-packet-max=4096\nserver={upstream}\n")
}

fn resolved(pod: &Pod, upstream: &str) -> String {
    format!("[Resolve]\nDNS={upstream}\nDNSSEC=no\nLLMNR=no\nMulticastDNS=no\nDNSStubListenerExtra={}\n", pod.v4)
}

/// A server in a pod, gone when dropped.
pub struct Server {
    child: Child,
    _folder: TempDir,
}

impl Server {
    /// Listens from when this returns, and asks the upstream.
    pub fn start(program: Program, pod: &Pod) -> Result<Self> {
        Self::asking(program, pod, &format!("{UPSTREAM_V4}:53"))
    }

    /// The same with another upstream.
    pub fn asking(program: Program, pod: &Pod, upstream: &str) -> Result<Self> {
        Self::configured(program, pod, &program.forwarding(pod, upstream))
    }

    /// The same with this configuration.
    pub fn configured(program: Program, pod: &Pod, configuration: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("configuration");
        fs::write(&file, configuration)?;
        let mut command = program.command(pod, &file)?;
        let (said, saying) = nix::unistd::pipe()?;
        command.stdin(Stdio::null()).stdout(saying.try_clone()?).stderr(saying);
        let child = command.spawn().with_context(|| format!("cannot start {program:?}"))?;
        // The command holds the pipe's other end, which would keep it open.
        drop(command);
        let server = Self { child, _folder: folder };
        let lines = lines(File::from(said));
        let mut before = String::new();
        while !before.contains(program.ready()) {
            let line =
                lines.recv_timeout(PATIENCE).with_context(|| format!("{program:?} does not listen: {before}"))?;
            before.push_str(&line);
        }
        Ok(server)
    }
}

impl Server {
    /// Halts it: when this returns none of its threads runs any more, which may take a moment on a busy machine.
    pub fn halt(&self) -> Result<()> {
        kill(self.process(), Signal::SIGSTOP)?;
        let status = waitpid(self.process(), Some(WaitPidFlag::WUNTRACED))?;
        ensure!(matches!(status, WaitStatus::Stopped(..)), "not halted: {status:?}");
        Ok(())
    }

    /// Lets it go on.
    pub fn go_on(&self) -> Result<()> {
        Ok(kill(self.process(), Signal::SIGCONT)?)
    }

    fn process(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail when it has ended, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads on when nobody listens any more: a full pipe would stop the server.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = sync_channel(LINES);
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let _ = sender.try_send(line);
        }
    });
    receiver
}
