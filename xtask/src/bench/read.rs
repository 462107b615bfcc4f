//! Packets a second out of a capture file: dnstrace in each of its formats, beside tshark and tcpdump on the same packets.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Result;
use dnstrace_tests::{command, product};

use super::{capture, nanoseconds_each, peak, time};

const PACKETS: u64 = 5_000_000;
/// A fifth: what takes memory for each packet shows.
const PACKETS_FEWER: u64 = 1_000_000;
/// tshark keeps what it has seen, and is slow.
const PACKETS_TSHARK: u64 = 300_000;
const ROUNDS: usize = 3;
/// The budget of design.md, for text on one core.
const BUDGET_PER_SECOND: f64 = 1e6;
const BUDGET_TO_TSHARK: f64 = 20.0;
const BUDGET_MIB: u64 = 64;

/// What a person would have tshark print to read DNS.
const FIELDS: [&str; 14] = [
    "frame.time_epoch",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "udp.srcport",
    "udp.dstport",
    "dns.id",
    "dns.flags.response",
    "dns.flags.rcode",
    "dns.qry.name",
    "dns.qry.type",
    "dns.a",
    "dns.aaaa",
];

pub(super) fn run() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = |packets| -> Result<PathBuf> {
        let path = folder.path().join(format!("{packets}.pcap"));
        capture::write(&path, packets).map(|()| path)
    };
    let (short, fewer, all) = (file(PACKETS_TSHARK)?, file(PACKETS_FEWER)?, file(PACKETS)?);
    let mib = fs::metadata(&all)?.len() >> 20;
    println!("\nReading a file of {PACKETS} packets, {mib} MiB, on one core unless said (best of {ROUNDS})");
    println!(
        "{:<34} {:>9} {:>9} {:>11} {:>9} {:>8} {:>9}",
        "program", "packets", "ns", "packets/s", "x tshark", "budget", "peak MiB"
    );
    let tshark = other("tshark", || best(&mut tshark(&short), PACKETS_TSHARK))?;
    let tcpdump = other("tcpdump", || best(&mut tcpdump(&fewer), PACKETS_FEWER))?;
    let beside = Beside { tshark: tshark.as_ref().map(|run| run.each_ns) };
    for (name, run) in [("tshark -T fields", tshark), ("tcpdump -n", tcpdump)] {
        if let Some(run) = run {
            beside.show(name, &run);
        }
    }
    let text = best(&mut read(&all, true, &[])?, PACKETS)?;
    beside.show("dnstrace read", &text);
    let shorter = best(&mut read(&fewer, true, &[])?, PACKETS_FEWER)?;
    beside.show("dnstrace read, a shorter file", &shorter);
    beside.show("dnstrace read --format json", &best(&mut read(&all, true, &["--format", "json"])?, PACKETS)?);
    beside.show("dnstrace read --name nothing", &best(&mut read(&all, true, &["--name", "nothing"])?, PACKETS)?);
    beside.show("dnstrace read, every core", &best(&mut read(&all, false, &[])?, PACKETS)?);
    beside.sum_up(&text, &shorter);
    Ok(())
}

/// What one program did.
struct Run {
    packets: u64,
    each_ns: f64,
    peak_memory_kib: u64,
}

/// What it is held against.
struct Beside {
    tshark: Option<f64>,
}

impl Beside {
    fn show(&self, name: &str, run: &Run) {
        let rate = 1e9 / run.each_ns;
        println!(
            "{name:<34} {:>9} {:>9.0} {rate:>11.0} {:>9} {:>7.2}x {:>9}",
            run.packets,
            run.each_ns,
            self.ratio(run).map_or("-".to_owned(), |ratio| format!("{ratio:.1}")),
            rate / BUDGET_PER_SECOND,
            run.peak_memory_kib >> 10
        );
    }

    fn sum_up(&self, text: &Run, shorter: &Run) {
        let ratio = self.ratio(text).map_or("-".to_owned(), |ratio| format!("{ratio:.1}"));
        let (rate, peak) = (1e9 / text.each_ns, text.peak_memory_kib >> 10);
        println!("packets/s {rate:.0} [{BUDGET_PER_SECOND:.0}], times tshark {ratio} [{BUDGET_TO_TSHARK:.0}]");
        println!("peak {peak} MiB [{BUDGET_MIB}], of a fifth of the file {} MiB", shorter.peak_memory_kib >> 10);
    }

    fn ratio(&self, run: &Run) -> Option<f64> {
        Some(self.tshark? / run.each_ns)
    }
}

/// A program that may not be there; without root it cannot be installed.
fn other(program: &str, run: impl FnOnce() -> Result<Run>) -> Result<Option<Run>> {
    if command::exists(program) {
        return run().map(Some);
    }
    println!("{program} is not installed");
    Ok(None)
}

fn tshark(file: &Path) -> Command {
    let mut command = pinned(Path::new("tshark"));
    command.arg("-r").arg(file).args(["-T", "fields"]).args(FIELDS.iter().flat_map(|field| ["-e", *field]));
    command
}

fn tcpdump(file: &Path) -> Command {
    let mut command = pinned(Path::new("tcpdump"));
    command.args(["-n", "-r"]).arg(file);
    command
}

fn read(file: &Path, one_core: bool, arguments: &[&str]) -> Result<Command> {
    let binary = product::binary()?;
    let mut command = if one_core { pinned(&binary) } else { Command::new(binary) };
    command.arg("read").arg(file).args(arguments);
    Ok(command)
}

/// All its threads on one core.
fn pinned(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program);
    command
}

/// The round that the machine's other work disturbed least.
fn best(command: &mut Command, packets: u64) -> Result<Run> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut best = Run { packets, each_ns: f64::MAX, peak_memory_kib: 0 };
    for _ in 0..ROUNDS {
        let (peak_memory_kib, took): (u64, Duration) = time(|| peak::of(command))?;
        best.each_ns = best.each_ns.min(nanoseconds_each(took, packets));
        best.peak_memory_kib = best.peak_memory_kib.max(peak_memory_kib);
    }
    Ok(best)
}
