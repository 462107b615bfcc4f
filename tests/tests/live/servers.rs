//! Real DNS servers in a pod, which forward everything to the upstream.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use dnstrace_tests::coredns;
use dnstrace_tests::node::{Pod, UPSTREAM_V4};
use tempfile::TempDir;

/// How long a server may take to listen on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// Lines it may say before it is ready.
const LINES: usize = 1 << 10;

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    CoreDns,
    Unbound,
    Dnsmasq,
}

impl Program {
    /// Its process's name.
    pub(crate) fn comm(self) -> &'static str {
        match self {
            Self::CoreDns => "coredns",
            Self::Unbound => "unbound",
            Self::Dnsmasq => "dnsmasq",
        }
    }

    /// What it says when it listens.
    fn ready(self) -> &'static str {
        match self {
            Self::CoreDns => "CoreDNS-",
            Self::Unbound => "start of service",
            Self::Dnsmasq => "started, version",
        }
    }

    fn command(self, pod: &Pod, folder: &TempDir, upstream: &str) -> Result<Command> {
        let file = folder.path().join("configuration");
        let mut command = pod.command(match self {
            Self::CoreDns => coredns::binary()?,
            Self::Unbound => "unbound".into(),
            Self::Dnsmasq => "dnsmasq".into(),
        })?;
        match self {
            Self::CoreDns => fs::write(&file, format!(". {{\n forward . {upstream}\n}}\n"))?,
            Self::Unbound => fs::write(&file, unbound(pod, upstream))?,
            Self::Dnsmasq => fs::write(&file, dnsmasq(upstream))?,
        }
        match self {
            Self::CoreDns => command.arg("-conf").arg(&file),
            Self::Unbound => command.args(["-d", "-c"]).arg(&file),
            Self::Dnsmasq => command.args(["--keep-in-foreground", "--log-facility=-", "-C"]).arg(&file),
        };
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

/// A server in a pod, gone when dropped.
pub(crate) struct Server {
    child: Child,
    _folder: TempDir,
}

impl Server {
    /// Listens from when this returns, and asks the upstream.
    pub(crate) fn start(program: Program, pod: &Pod) -> Result<Self> {
        Self::asking(program, pod, &format!("{UPSTREAM_V4}:53"))
    }

    /// The same with another upstream.
    pub(crate) fn asking(program: Program, pod: &Pod, upstream: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut command = program.command(pod, &folder, upstream)?;
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
