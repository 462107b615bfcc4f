//! How a run ends.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use anyhow::{Context, Result, ensure};
use dnstrace_tests::command;
use dnstrace_tests::node::{SERVICE_V4, wire};
use dnstrace_tests::product::{Ended, Run, binary};
use nix::sys::signal::Signal;

use crate::cast::{Cast, ask, can_run};
use crate::path::hops;

#[test]
fn interrupt_ends_with_a_summary_that_adds_up() {
    if can_run("SIGINT", &[]) {
        signalled(Signal::SIGINT).unwrap();
    }
}

#[test]
fn terminate_ends_with_a_summary_that_adds_up() {
    if can_run("SIGTERM", &[]) {
        signalled(Signal::SIGTERM).unwrap();
    }
}

fn signalled(signal: Signal) -> Result<()> {
    let (cast, _peer) = Cast::with_peer()?;
    let run = start(&cast, &[])?;
    ask(&cast.client, "udp", SERVICE_V4, &queries(&["a.example"]))?;
    ask(&cast.client, "send", SERVICE_V4, &queries(&["silent.example"]))?;
    let ended = run.signal(signal)?;
    let summary = summary(&ended)?;
    ensure!(summary["answered"] == 1 && summary["outstanding"] == 1, "{summary:#}");
    ensure!(ended.stderr.iter().any(|line| line.contains("transactions")), "{:?}", ended.stderr);
    Ok(())
}

#[test]
fn run_for_a_time_ends_by_itself() {
    if can_run("--for", &[]) {
        let (cast, _peer) = Cast::with_peer().unwrap();
        let ended = start(&cast, &["--for", "100ms"]).unwrap().end().unwrap();
        assert_eq!(summary(&ended).unwrap()["transactions"], 0);
    }
}

#[test]
fn run_of_some_lines_ends_with_the_last() {
    if can_run("--count", &[]) {
        count().unwrap();
    }
}

fn count() -> Result<()> {
    let (cast, _peer) = Cast::with_peer()?;
    let run = start(&cast, &["--count", "2"])?;
    ask(&cast.client, "udp", SERVICE_V4, &queries(&["a.example", "b.example", "c.example"]))?;
    let ended = run.end()?;
    let records = ended.json()?;
    ensure!(records.iter().filter(|record| record["kind"] == "transaction").count() == 2, "{records:#?}");
    summary(&ended).map(drop)
}

#[test]
fn closed_pipe_ends_the_run_without_failure() {
    if can_run("closed pipe", &[]) {
        closed_pipe().unwrap();
    }
}

fn closed_pipe() -> Result<()> {
    let (cast, _peer) = Cast::with_peer()?;
    let mut command = cast.node.command(binary()?);
    command.args(["trace", "--hooks", "device"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Killed(command.spawn()?);
    let mut stderr = BufReader::new(child.0.stderr.take().context("no stderr")?).lines();
    let first = stderr.next().context("no line")??;
    ensure!(first.starts_with("watching"), "{first}");
    drop(child.0.stdout.take());
    // The first line finds the pipe closed.
    ask(&cast.client, "udp", SERVICE_V4, &queries(&["a.example"]))?;
    let said = stderr.collect::<Result<Vec<_>, _>>()?;
    ensure!(child.0.wait()?.code() == Some(0), "{said:?}");
    Ok(())
}

/// A process that is killed when the test ends before it does.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // Both fail when it has ended, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn times_are_those_of_the_wall_clock() {
    if can_run("wall clock", &[]) {
        wall_clock().unwrap();
    }
}

fn wall_clock() -> Result<()> {
    let (cast, _peer) = Cast::with_peer()?;
    let run = start(&cast, &["--path"])?;
    // Text of one form and length compares as the times do.
    let now = || command::output("date", &["-u", "+%Y-%m-%dT%H:%M:%S.%NZ"]);
    let before = now()?;
    ask(&cast.client, "udp", SERVICE_V4, &queries(&["a.example"]))?;
    let after = now()?;
    let ended = run.stop()?;
    let records = ended.json()?;
    let record = records.iter().find(|record| record["query"] == "a.example").context("no transaction")?;
    let ts = record["ts"].as_str().context("no ts")?;
    ensure!(before.trim() <= ts && ts <= after.trim(), "{before} {ts} {after}");
    ensure!(hops(record).map(|hop| hop["at_us"].as_u64()).is_sorted(), "{record:#}");
    Ok(())
}

fn start(cast: &Cast, arguments: &[&str]) -> Result<Run> {
    let cgroup = cast.node.cgroup().path().to_str().context("no text")?;
    Run::start(cast.node.netns(), &[&["trace", "--format", "json", "--cgroup", cgroup], arguments].concat())
}

fn queries(names: &[&str]) -> Vec<Vec<u8>> {
    (1..).zip(names).map(|(id, name)| wire::query(id, name, wire::A)).collect()
}

/// The last record, whose sums agree.
fn summary(ended: &Ended) -> Result<serde_json::Value> {
    let summary = ended.json()?.pop().context("no record")?;
    ensure!(summary["kind"] == "summary" && summary["adds_up"] == true && summary["lost"] == 0, "{summary:#}");
    Ok(summary)
}
