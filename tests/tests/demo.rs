//! `cargo xtask demo`: it shows what it promises, and nothing is left of it, however it ends.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

use anyhow::{Context, Result, ensure};
use dnstrace_tests::node::{Node, mount_point};
use dnstrace_tests::skip::{is_root, skip};
use dnstrace_tests::{coredns, product};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

#[test]
fn every_outcome_is_shown() -> Result<()> {
    if !is_root() {
        skip("demo", "not root");
        return Ok(());
    }
    let demo = Demo::start(&["--for", "8s"])?;
    let made = demo.made()?;
    let shown = demo.end()?;
    ensure!(shown.status.success(), "{}", shown.stderr);
    check_outcomes(&shown.transactions()?)?;
    made.check_gone()
}

#[test]
fn real_coredns_can_be_watched() -> Result<()> {
    if !is_root() {
        skip("demo with CoreDNS", "not root");
        return Ok(());
    }
    let coredns = coredns::binary()?;
    let demo = Demo::start(&["--for", "6s", "--coredns", &coredns.to_string_lossy()])?;
    let made = demo.made()?;
    let shown = demo.end()?;
    let asks_for_a_pod = |transaction: &Value| transaction["process"]["comm"] == "coredns" && has_cause(transaction);
    ensure!(shown.transactions()?.iter().any(asks_for_a_pod), "{:?}", shown.stdout);
    made.check_gone()
}

#[test]
fn signal_in_the_middle_leaves_nothing() -> Result<()> {
    if !is_root() {
        skip("demo, signals", "not root");
        return Ok(());
    }
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let demo = Demo::start(&["--for", "5m"])?;
        let made = demo.made()?;
        kill(demo.pid(), signal)?;
        let shown = demo.end()?;
        ensure!(shown.status.success(), "{signal}: {}", shown.stderr);
        ensure!(shown.stdout.last().is_some_and(|line| line.contains(r#""kind":"summary""#)), "{:?}", shown.stdout);
        made.check_gone().with_context(|| signal.to_string())?;
    }
    Ok(())
}

#[test]
fn killed_demo_leaves_nothing_but_cgroups_that_the_next_removes() -> Result<()> {
    if !is_root() {
        skip("demo, killed", "not root");
        return Ok(());
    }
    let demo = Demo::start(&["--for", "5m"])?;
    let made = demo.made()?;
    kill(demo.pid(), Signal::SIGKILL)?;
    ensure!(demo.end()?.status.signal() == Some(Signal::SIGKILL as i32));
    drop(Node::new()?);
    made.check_gone()
}

#[test]
fn failed_start_leaves_nothing() -> Result<()> {
    if !is_root() {
        skip("demo, failed start", "not root");
        return Ok(());
    }
    let mut demo = demo(&["--for", "yesterday"])?.spawn()?;
    let pid = demo.id();
    ensure!(!demo.wait()?.success());
    ensure!(cgroups_of(pid)?.is_empty());
    Ok(())
}

#[test]
fn without_root_a_recording_shows_the_same() -> Result<()> {
    let mut command = demo(&[])?;
    // SAFETY: between fork and exec only a system call is made. A user namespace without ids of its own makes its
    // creator nobody, whose files and toolchain stay within reach.
    unsafe {
        command.pre_exec(|| Ok(unshare(CloneFlags::CLONE_NEWUSER)?));
    }
    let Ok(output) = command.output() else {
        skip("demo without root", "the kernel gives no user namespace");
        return Ok(());
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && stderr.contains("needs root"), "{stderr}");
    let stdout = String::from_utf8(output.stdout)?;
    check_outcomes(&transactions(stdout.lines())?)
}

#[test]
fn recording_is_small() -> Result<()> {
    let length = fs::metadata(product::workspace().join("tests/captures/demo.pcapng.gz"))?.len();
    ensure!(length < 60_000, "{length} bytes");
    Ok(())
}

/// Whether a transaction is what is looked for.
type Accept<'a> = dyn Fn(&Value) -> bool + 'a;

/// What the introduction promises.
fn check_outcomes(transactions: &[Value]) -> Result<()> {
    let promised: [(&str, &Accept); 7] = [
        ("a cluster name that exists", &|one| {
            is(one, "cart.default.svc.cluster.local", "NOERROR") && one["answer"][0] == "10.96.31.7"
        }),
        ("a name that does not exist", &|one| one["reply_code"] == "NXDOMAIN"),
        ("a failure", &|one| is(one, "broken.example", "SERVFAIL")),
        ("no response", &|one| one["outcome"] == "no-response" && one["query"] == "silent.example"),
        ("a truncated response", &|one| is(one, "many.example", "NOERROR") && one["truncated"] == true),
        ("a Service address", &|one| one["dest_orig"] == "10.96.0.10"),
        ("a DNS pod that asks for a pod", &|one| {
            let cause = transactions.iter().find(|other| has_cause(one) && other["id"] == one["cause"]);
            one["dest"] == "192.0.2.53" && cause.is_some_and(|cause| cause["query"] == one["query"])
        }),
    ];
    for (what, is_it) in promised {
        ensure!(transactions.iter().any(is_it), "not shown: {what}\n{transactions:#?}");
    }
    check_tcp_after_truncation(transactions)
}

/// The pod, not only the DNS pod behind it, asks again over TCP and gets all.
fn check_tcp_after_truncation(transactions: &[Value]) -> Result<()> {
    let of_pod = |proto: &str| {
        let mut all = transactions.iter().filter(|one| is(one, "many.example", "NOERROR") && one["record_type"] == "A");
        all.find(|one| one["src"] == "10.244.0.10" && one["proto"] == proto).context(format!("nothing over {proto}"))
    };
    let (udp, tcp) = (of_pod("udp")?, of_pod("tcp")?);
    ensure!(udp["truncated"] == true && tcp["truncated"] == false && tcp["answer_count"] == 60, "{udp:#}\n{tcp:#}");
    ensure!(udp["ts"].as_str() < tcp["ts"].as_str(), "{udp:#}\n{tcp:#}");
    Ok(())
}

fn is(transaction: &Value, name: &str, rcode: &str) -> bool {
    transaction["query"] == name && transaction["reply_code"] == rcode
}

fn has_cause(transaction: &Value) -> bool {
    transaction["cause"].is_string()
}

fn transactions<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<Value>> {
    let values = lines.map(|line| serde_json::from_str(line).with_context(|| line.to_owned()));
    let all: Vec<Value> = values.collect::<Result<_>>()?;
    Ok(all.into_iter().filter(|value| value["kind"] == "transaction").collect())
}

/// `cargo xtask demo`, whose process becomes the demo itself.
fn demo(arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(std::env::var_os("CARGO").context("no CARGO")?);
    command.args(["run", "--quiet", "--package", "xtask", "--", "demo", "--format", "json"]).args(arguments);
    command.current_dir(product::workspace()).stdin(Stdio::null());
    Ok(command)
}

/// A demo that has begun; it is asked to end when dropped.
struct Demo {
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
    /// Not a pipe: nobody reads it while the demo runs.
    stdout: File,
    /// Where it makes its temporary files.
    folder: TempDir,
}

/// What a demo showed.
struct Shown {
    status: ExitStatus,
    stdout: Vec<String>,
    stderr: String,
}

impl Demo {
    /// Starts it and waits until dnstrace watches.
    fn start(arguments: &[&str]) -> Result<Self> {
        let (stdout, folder) = (tempfile::tempfile()?, tempfile::tempdir()?);
        let mut command = demo(arguments)?;
        command.env("TMPDIR", folder.path()).stdout(stdout.try_clone()?).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let stderr = BufReader::new(child.stderr.take().context("no stderr")?);
        let mut demo = Self { child, stderr, said: String::new(), stdout, folder };
        while !demo.said.contains("watching device") {
            ensure!(demo.stderr.read_line(&mut demo.said)? > 0, "no demo: {}", demo.said);
        }
        Ok(demo)
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// What there is of it now.
    fn made(&self) -> Result<Made> {
        let processes = descendants(self.child.id())?;
        let mut netns: HashSet<PathBuf> = processes.iter().filter_map(|pid| netns_of(*pid)).collect();
        // A client that has just been forked is not in its pod yet.
        netns.retain(|netns| Some(netns) != netns_of(std::process::id()).as_ref());
        // Two DNS pods, an upstream, and the node, whose program is dnstrace. The clients have only just begun.
        ensure!(processes.len() >= 4 && netns.len() >= 4, "{processes:?} in {netns:?}");
        let made = Made { demo: self.child.id(), processes, netns };
        ensure!(!cgroups_of(made.demo)?.is_empty(), "no cgroups");
        Ok(made)
    }

    /// Waits until it has ended, and left no file. Its programs have its stderr: the end of that is the end of the last.
    fn end(mut self) -> Result<Shown> {
        self.stderr.read_to_string(&mut self.said)?;
        let status = self.child.wait()?;
        let left: Vec<_> = fs::read_dir(&self.folder)?.map(|entry| entry.map(|entry| entry.file_name())).collect();
        ensure!(left.is_empty(), "files are left: {left:?}");
        self.stdout.rewind()?;
        let stdout = BufReader::new(&self.stdout).lines().collect::<Result<_, _>>()?;
        Ok(Shown { status, stdout, stderr: std::mem::take(&mut self.said) })
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Once it was waited for, its id may be another's.
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            let _ = kill(self.pid(), Signal::SIGTERM);
            let _ = self.child.wait();
        }
    }
}

impl Shown {
    fn transactions(&self) -> Result<Vec<Value>> {
        transactions(self.stdout.iter().map(String::as_str))
    }
}

/// Two seconds, all in all.
const LOOKS: u32 = 40;
const BETWEEN_LOOKS_MS: u16 = 50;

/// What a demo made on this machine.
struct Made {
    demo: u32,
    processes: HashSet<u32>,
    netns: HashSet<PathBuf>,
}

impl Made {
    /// A process that was killed has closed its files a moment before it is gone: a few looks, not one.
    fn check_gone(&self) -> Result<()> {
        for _ in 0..LOOKS {
            if self.look().is_ok() {
                break;
            }
            let _ = nix::poll::poll(&mut [], BETWEEN_LOOKS_MS);
        }
        self.look()
    }

    /// A network namespace without a name and without a process is no more. Those of other tests are not looked at.
    fn look(&self) -> Result<()> {
        let parents = parents()?;
        let left: Vec<&u32> = self.processes.iter().filter(|pid| parents.contains_key(pid)).collect();
        ensure!(left.is_empty(), "processes are left: {left:?}");
        let left: Vec<u32> =
            parents.into_keys().filter(|pid| netns_of(*pid).is_some_and(|netns| self.netns.contains(&netns))).collect();
        ensure!(left.is_empty(), "network namespaces are left, of {left:?}");
        let cgroups = cgroups_of(self.demo)?;
        ensure!(cgroups.is_empty(), "cgroups are left: {cgroups:?}");
        Ok(())
    }
}

/// `net:[4026532389]`.
fn netns_of(pid: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/net")).ok()
}

/// The parent of each process that has not ended.
fn parents() -> Result<HashMap<u32, u32>> {
    let processes = fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(processes.filter_map(|pid| Some((pid, parent(pid)?))).collect())
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit(')').next()?.split_whitespace();
    // One that has ended waits for its parent as Z.
    fields.next().filter(|state| *state != "Z")?;
    fields.next()?.parse().ok()
}

fn descendants(ancestor: u32) -> Result<HashSet<u32>> {
    let parents = parents()?;
    let descends = |pid: &u32| {
        std::iter::successors(Some(*pid), |pid| parents.get(pid).copied()).skip(1).any(|pid| pid == ancestor)
    };
    Ok(parents.keys().copied().filter(descends).collect())
}

fn cgroups_of(demo: u32) -> Result<Vec<PathBuf>> {
    let folders = fs::read_dir(mount_point()?)?.flatten().map(|folder| folder.path());
    let begin = format!("dtn-{demo}-");
    Ok(folders.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&begin))).collect())
}
