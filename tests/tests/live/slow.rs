//! A machine that has no time for the pipeline, and nobody who reads what it shows: how that ends.

use std::fs;
use std::io::{BufRead, BufReader, PipeReader, Read, Write, pipe};
use std::process::{Child, ChildStderr, Stdio};

use anyhow::{Context, Result, ensure};
use dnstrace_tests::node::{SERVICE_V4, wire};
use dnstrace_tests::product::binary;
use nix::fcntl::{FcntlArg, fcntl};
use nix::poll::{PollTimeout, poll};
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use crate::cast::{Cast, Peer, ask, can_run};

/// Longer than it takes where there is time.
const SLOW_MS: u16 = 2_000;
/// Longer than what counts as one signal.
const BETWEEN_SIGNALS_MS: u16 = 300;

#[test]
fn slow_end_has_its_summary_though_output_is_blocked() {
    if can_run("slow end", &[]) {
        slow_end().unwrap();
    }
}

fn slow_end() -> Result<()> {
    let run = Blocked::start()?;
    let held = Held::new(run.pid())?;
    // `timeout` sends one to its child and one to their group.
    kill(run.pid(), Signal::SIGINT)?;
    kill(run.pid(), Signal::SIGTERM)?;
    pause(SLOW_MS);
    drop(held);
    let (code, said) = run.end()?;
    ensure!(code == Some(0), "{code:?} {said}");
    ensure!(said.contains("transactions  1: 1 answered") && !said.contains("does not add up"), "{said}");
    ensure!(said.contains("standard output is blocked"), "{said}");
    Ok(())
}

#[test]
fn second_signal_waits_for_nothing() {
    if can_run("second signal", &[]) {
        second_signal().unwrap();
    }
}

fn second_signal() -> Result<()> {
    let mut run = Blocked::start()?;
    let held = Held::new(run.pid())?;
    kill(run.pid(), Signal::SIGINT)?;
    pause(BETWEEN_SIGNALS_MS);
    kill(run.pid(), Signal::SIGINT)?;
    // Its end, while the thread is held.
    let said = run.said()?;
    drop(held);
    let (code, _) = run.end()?;
    ensure!(code == Some(3) && said.contains("stopped without a summary, by a second signal"), "{code:?} {said}");
    Ok(())
}

/// A run that has seen a query with its response, and cannot show it.
struct Blocked {
    child: Child,
    stderr: BufReader<ChildStderr>,
    _stdout: PipeReader,
    _peer: Peer,
    cast: Cast,
}

impl Blocked {
    fn start() -> Result<Self> {
        let (cast, peer) = Cast::with_peer()?;
        let (reader, mut writer) = pipe()?;
        let room = fcntl(&writer, FcntlArg::F_GETPIPE_SZ)?;
        writer.write_all(&vec![b'\n'; room.try_into()?])?;
        let mut command = cast.node.command(binary()?);
        command.args(["trace", "--hooks", "device"]).stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let stderr = BufReader::new(child.stderr.take().context("no stderr")?);
        let mut run = Self { child, stderr, _stdout: reader, _peer: peer, cast };
        let mut first = String::new();
        run.stderr.read_line(&mut first)?;
        ensure!(first.starts_with("watching"), "{first}");
        ask(&run.cast.client, "udp", SERVICE_V4, &[wire::query(1, "a.example", wire::A)])?;
        Ok(run)
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// What it says up to its end.
    fn said(&mut self) -> Result<String> {
        let mut said = String::new();
        self.stderr.read_to_string(&mut said)?;
        Ok(said)
    }

    fn end(mut self) -> Result<(Option<i32>, String)> {
        let said = self.said()?;
        Ok((self.child.wait()?.code(), said))
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // Both fail when it has ended, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The pipeline's thread of a process, which gets no time until this is dropped.
struct Held(Pid);

impl Held {
    fn new(process: Pid) -> Result<Self> {
        let thread = pipeline_of(process)?;
        ptrace::seize(thread, ptrace::Options::empty())?;
        let held = Self(thread);
        ptrace::interrupt(thread)?;
        waitpid(thread, Some(WaitPidFlag::__WALL))?;
        Ok(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // One that has ended is not gone before its tracer has seen that.
        if ptrace::detach(self.0, None).is_err() {
            let _ = waitpid(self.0, Some(WaitPidFlag::__WALL));
        }
    }
}

fn pipeline_of(process: Pid) -> Result<Pid> {
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let thread = thread?;
        if fs::read_to_string(thread.path().join("comm"))? == "pipeline\n" {
            return Ok(Pid::from_raw(thread.file_name().to_string_lossy().parse()?));
        }
    }
    anyhow::bail!("no pipeline")
}

fn pause(milliseconds: u16) {
    // Of nothing, the time only.
    let _ = poll(&mut [], PollTimeout::from(milliseconds));
}
