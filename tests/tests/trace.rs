//! How a run of `dnstrace trace` begins and ends: limits, signals, pipes, privileges.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Read, pipe};
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};

use anyhow::Result;
use dnstrace_tests::node::{Netns, wire};
use dnstrace_tests::product::{self, Run};
use dnstrace_tests::skip;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Nothing else is in the netns, so that it sees nothing but what a test sends.
const TRACE: [&str; 4] = ["trace", "--hooks", "device", "--interface=lo"];
/// More than channel and pipe hold.
const MANY: u16 = 12_000;

/// A netns, unless this is not root.
fn netns(part: &str) -> Option<Netns> {
    if !skip::is_root() {
        skip::skip(part, "not root");
        return None;
    }
    Some(Netns::new().unwrap())
}

/// Queries over `lo` that nobody answers, each with an id of its own.
fn ask(netns: &Netns, count: u16) {
    let sent: Result<()> = netns.run(|| {
        // Where nobody listened, an ICMP error would come back for each.
        let _silent = UdpSocket::bind("127.0.0.1:53")?;
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        for id in 0..count {
            socket.send_to(&wire::query(id, "a.example", wire::A), "127.0.0.1:53")?;
        }
        Ok(())
    });
    sent.unwrap();
}

fn trace(netns: &Netns, arguments: &[&str]) -> Command {
    let mut command = netns.command(product::binary().unwrap());
    command.args(TRACE).args(arguments).stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Starts it and waits until it watches; gives its standard error, too.
fn watching(command: &mut Command) -> (Child, impl Read + use<>) {
    let mut child = command.spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.starts_with("watching"), "{line}");
    (child, stderr)
}

/// Its exit code and the rest of its standard error.
fn ended(mut child: Child, mut stderr: impl Read) -> (Option<i32>, String) {
    let mut text = String::new();
    stderr.read_to_string(&mut text).unwrap();
    (child.wait().unwrap().code(), text)
}

fn start(netns: &Netns, arguments: &[&str]) -> Run {
    Run::start(netns, &[&TRACE[..], arguments].concat()).unwrap()
}

#[test]
fn as_many_lines_as_asked_for_end_the_run() {
    let Some(netns) = netns("--count") else { return };
    let run = start(&netns, &["--count", "3", "--observations"]);
    ask(&netns, 5);
    let ended = run.end().unwrap();
    assert_eq!((ended.status.code(), ended.stdout.len()), (Some(0), 3), "{ended:?}");
}

#[test]
fn time_limit_ends_the_run() {
    let Some(netns) = netns("--for") else { return };
    let ended = start(&netns, &["--for", "20ms"]).end().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
}

#[test]
fn signals_end_the_run_with_a_summary_that_adds_up() {
    let Some(netns) = netns("signals") else { return };
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let run = start(&netns, &["--format", "json"]);
        ask(&netns, 7);
        let ended = run.signal(signal).unwrap();
        let records = ended.json().unwrap();
        let summary = records.last().unwrap();
        let told = records.iter().filter(|record| record["kind"] != "finding");
        assert_eq!(told.count(), 8, "{ended:?}");
        assert_eq!((&summary["kind"], &summary["adds_up"]), (&"summary".into(), &true.into()));
        assert_eq!((&summary["transactions"], &summary["outstanding"]), (&7.into(), &7.into()));
        assert!(ended.stderr.iter().any(|line| line == "transactions  7: 7 outstanding"), "{ended:?}");
    }
}

#[test]
fn closed_pipe_ends_the_run_with_0() {
    let Some(netns) = netns("closed pipe") else { return };
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let (child, stderr) = watching(trace(&netns, &["--observations"]).stdout(writer));
    ask(&netns, 1);
    let (code, text) = ended(child, stderr);
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn output_that_nobody_reads_is_dropped_and_counted() {
    let Some(netns) = netns("blocked output") else { return };
    let (_reader, writer) = pipe().unwrap();
    let (child, stderr) = watching(trace(&netns, &["--observations", "--format=json"]).stdout(writer));
    ask(&netns, MANY);
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let (code, text) = ended(child, stderr);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("standard output is blocked"), "{text}");
    assert!(text.contains(" dropped\n") && !text.contains("does not add up"), "{text}");
}

#[test]
fn without_privileges_one_line_says_what_is_missing() {
    let Some(netns) = netns("privileges") else { return };
    // A root that has none of root's capabilities: it can still read and run the binary, wherever it is.
    let mut command = netns.command("setpriv");
    command.args(["--bounding-set=-all", "--inh-caps=-all"]).arg(product::binary().unwrap()).args(TRACE);
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), stderr.lines().count()), (Some(3), 1), "{stderr}");
    assert!(stderr.contains("not permitted") && stderr.contains("NET_RAW"), "{stderr}");
}

#[test]
fn what_does_not_exist_is_one_line_and_3() {
    let Some(netns) = netns("wrong names") else { return };
    for (arguments, message) in [
        (&["trace", "--interface", "nowhere0"][..], "no interface nowhere0"),
        (&["trace", "--hooks=socket", "--cgroup", "/nowhere"][..], "no hook could be attached: socket: "),
    ] {
        let output = netns.command(product::binary().unwrap()).args(arguments).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), stderr.lines().count()), (Some(3), 1), "{stderr}");
        assert!(stderr.contains(message), "{stderr}");
    }
}

/// What the kernel's files are hidden behind, in a mount namespace of its own, and what is said then.
#[test]
fn what_the_kernel_does_not_tell_is_said_and_the_rest_goes_on() {
    let Some(netns) = netns("hidden files") else { return };
    let cgroup = dnstrace_tests::node::mount_point().unwrap();
    for (hide, message) in [
        ("mount -t tmpfs none /sys/kernel/btf".to_owned(), "CONFIG_DEBUG_INFO_BTF=y"),
        (format!("umount --lazy {}", cgroup.display()), "not watching socket: no cgroup v2"),
    ] {
        let mut command = netns.command("unshare");
        command.args(["--mount", "sh", "-c", &format!("{hide} && exec \"$0\" trace --for 100ms")]);
        let output = command.arg(product::binary().unwrap()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        assert!(stderr.lines().any(|line| line.contains(message)), "{stderr}");
        assert!(stderr.contains("watching device: all interfaces"), "{stderr}");
    }
}
