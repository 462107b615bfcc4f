//! Queries at rising rates, watched by dnstrace, and then by `tcpdump -w`: what each loses and how much of a core it takes.
//! tcpdump writes packets down; dnstrace sees each at more points, joins them, and writes a record for each transaction.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use dnstrace_tests::product;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, sysconf};
use serde_json::Value;

use super::traffic::Ends;
use super::{peak, time};

/// Queries a second; each has a response.
const RATES: [u32; 4] = [1_000, 20_000, 50_000, 100_000];
const DURATION: Duration = Duration::from_secs(4);

pub(super) fn run() -> Result<()> {
    let ends = Ends::new()?;
    let folder = tempfile::tempdir()?;
    println!(
        "\nLoss and CPU, {} s at each rate; client, server and tool share the machine's cores",
        DURATION.as_secs()
    );
    println!(
        "{:<12} {:>9} {:>9} {:>11} {:>9} {:>7} {:>6} {:>9} {:>9}",
        "tool", "offered/s", "reached/s", "saw packets", "lost", "lost %", "CPU %", "peak MiB", "start ms"
    );
    for rate in RATES {
        for tool in [Tool::Dnstrace, Tool::Tcpdump] {
            measure(&ends, folder.path(), tool, rate)?;
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Tool {
    Dnstrace,
    Tcpdump,
}

/// Packets a tool was given, and how many of them it lost.
struct Seen {
    packets: u64,
    lost: u64,
}

/// What a tool took of the machine.
struct Used {
    /// Until it watched.
    start: Duration,
    /// Of a core, while it watched.
    cpu_seconds: f64,
    peak_memory_kib: u64,
}

fn measure(ends: &Ends, folder: &Path, tool: Tool, rate: u32) -> Result<()> {
    let output = folder.join("output");
    let ((mut child, ready), start) = time(|| start(ends, tool, &output))?;
    let before = cpu_seconds(child.id())?;
    let (_, answered) = ends.converse(rate, DURATION)?;
    let cpu_seconds = cpu_seconds(child.id())? - before;
    let used = Used { start, cpu_seconds, peak_memory_kib: peak::so_far(child.id())? };
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT)?;
    let mut said = String::new();
    ready.take(1 << 20).read_to_string(&mut said)?;
    child.wait()?;
    let seen = match tool {
        Tool::Dnstrace => of_dnstrace(&output)?,
        Tool::Tcpdump => of_tcpdump(&said)?,
    };
    show(tool, rate, answered, &seen, &used);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn show(tool: Tool, rate: u32, answered: u64, seen: &Seen, used: &Used) {
    let seconds = DURATION.as_secs_f64();
    let name = match tool {
        Tool::Dnstrace => "dnstrace",
        Tool::Tcpdump => "tcpdump -w",
    };
    let share = 100.0 * seen.lost as f64 / (seen.packets as f64).max(1.0);
    println!(
        "{name:<12} {rate:>9} {:>9.0} {:>11} {:>9} {share:>7.3} {:>6.1} {:>9} {:>9}",
        answered as f64 / seconds,
        seen.packets,
        seen.lost,
        100.0 * used.cpu_seconds / seconds,
        used.peak_memory_kib / 1024,
        used.start.as_millis()
    );
}

/// Starts a tool in the node's netns and waits until it watches.
fn start(ends: &Ends, tool: Tool, output: &Path) -> Result<(Child, impl BufRead + use<>)> {
    let mut command = match tool {
        Tool::Dnstrace => {
            let mut command = ends.node.command(product::binary()?);
            command.args(["trace", "--format", "json"]).stdout(fs::File::create(output)?);
            command
        }
        Tool::Tcpdump => {
            let mut command = ends.node.command("tcpdump");
            command.args(["-i", "any", "-w"]).arg(output).args(["port", "53"]).stdout(Stdio::null());
            command
        }
    };
    let mut child = command.stderr(Stdio::piped()).spawn()?;
    let mut stderr = BufReader::new(child.stderr.take().context("no stderr")?);
    let mut line = String::new();
    while !(line.starts_with("watching device") || line.contains("listening on")) {
        line.clear();
        ensure!(stderr.read_line(&mut line)? > 0, "{} did not start", command.get_program().display());
    }
    Ok((child, stderr))
}

/// User and system time of a process so far.
fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat.rsplit(')').next().context("no fields")?;
    let ticks: Vec<u32> = fields.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    let each_second = sysconf(SysconfVar::CLK_TCK)?.context("no clock ticks")?;
    Ok(f64::from(ticks.iter().sum::<u32>()) / f64::from(u32::try_from(each_second)?))
}

/// The summary is the last line.
fn of_dnstrace(output: &Path) -> Result<Seen> {
    let file = BufReader::new(fs::File::open(output)?);
    let end = file.lines().map_while(Result::ok).last().context("dnstrace wrote nothing")?;
    let summary: Value = serde_json::from_str(&end)?;
    ensure!(summary["adds_up"] == true, "dnstrace's sums do not agree: {end}");
    let number = |name: &str| summary[name].as_u64().with_context(|| format!("no {name} in {end}"));
    let lost = number("lost")?;
    Ok(Seen { packets: number("packets")? + lost, lost })
}

/// `400 packets captured`, `400 packets received by filter`, `0 packets dropped by kernel`.
fn of_tcpdump(said: &str) -> Result<Seen> {
    let number = |what: &str| -> Result<u64> {
        let line = said.lines().find(|line| line.contains(what)).with_context(|| format!("no {what:?} in {said:?}"))?;
        Ok(line.split_whitespace().next().context("an empty line")?.parse()?)
    };
    Ok(Seen { packets: number("received by filter")?, lost: number("dropped by kernel")? })
}
