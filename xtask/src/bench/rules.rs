//! What saying what is wrong costs: the time that rules add to reading the same packets, and the memory they keep.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use dnstrace::capture::file::{CaptureFile, Captures, NamedFile};
use dnstrace::decode::DecodeOptions;
use dnstrace::join::JoinOptions;
use dnstrace::pipeline::{Ended, Outputs, PipelineOptions, Stop, run_files};
use dnstrace::rules::Rules;
use dnstrace::rules::report::Report;
use dnstrace::sink::{
    Filter, Format, Layout, Outlet, OutletOptions, Palette, Show, Summary, Text, TextOptions, WhenFull, write_all,
};

use super::capture::{Asking, Load, Stream};
use super::owner::heap;

/// The pods of a node, and what they ask.
const NODE: Load = Load { clients: 250, queries_per_second: 33_000, asking: Asking::Lookups };
/// The same, where each query is the only one of its lookup: the worst that can be asked of rules.
const APART: Load = Load { asking: Asking::Apart, ..NODE };
/// Packets of a round, at each point.
const PACKETS: u64 = 100_000;
/// Where a message is seen on its way from pod to pod of a node: at its socket, at the pod's interface, by the bridge twice,
/// at the other pod's interface, at its socket. So it is on this project's own nodes.
const BRIDGED: u64 = 6;
/// The same where the node routes between pods and has no bridge.
const ROUTED: u64 = 4;
const HOP_NS: u64 = 10_000;
/// The best of several is the one that nobody else disturbed: many short ones find a quiet moment, where few long ones do not.
const ROUNDS: usize = 30;
const QUERY_TIMEOUT: Duration = Duration::from_millis(5_250);
const OPEN_MAX: usize = 32_768;
/// The budgets of issue 6: what rules add on a node whose pods ask as pods do, seen where this project's own nodes see it.
const BUDGET_ADDED: f64 = 20.0;
const BUDGET_MIB: f64 = 64.0;
/// What the memory is measured with: a million names, so many queries a second, for so long.
const BUSY: Load = Load { clients: 250, queries_per_second: 100_000, asking: Asking::Apart };
const MINUTES: u64 = 10;
/// Packets of a query: some have no response, some are connections.
const BUSY_PACKETS_PER_MINUTE: u64 = BUSY.queries_per_second * 60 * 2;

const MIB: f64 = 1_048_576.0;

pub(super) fn run() -> Result<()> {
    println!("\nWhat rules add to the time of {PACKETS} packets as text (best of {ROUNDS})");
    println!(
        "{:<34} {:>11} {:>11} {:>9} {:>8} {:>6}",
        "each packet is seen", "without, ns", "with, ns", "added", "budget", "holds"
    );
    for (words, load, points, budget) in [
        ("lookups, at 6 points (bridge)", NODE, BRIDGED, Some(BUDGET_ADDED)),
        ("lookups, at 4 points (routed)", NODE, ROUTED, None),
        ("lookups, once", NODE, 1, None),
        ("queries apart, at 6 points", APART, BRIDGED, None),
        ("queries apart, once", APART, 1, None),
    ] {
        let (without, with) = added(load, points)?;
        let added = (with / without - 1.0) * 100.0;
        let (budget, holds) = match budget {
            Some(budget) => (format!("{budget:.0}%"), if added <= budget { "yes" } else { "NO" }),
            None => ("-".to_owned(), "-"),
        };
        println!("{words:<34} {without:>11.0} {with:>11.0} {added:>8.0}% {budget:>8} {holds:>6}");
    }
    memory()
}

/// Nanoseconds for each packet without rules and with them.
fn added(load: Load, points: u64) -> Result<(f64, f64)> {
    let files = (0..points).map(|point| {
        let mut bytes = Vec::new();
        let mut stream = Stream::new(load, PACKETS).delayed(point * HOP_NS);
        stream.read_to_end(&mut bytes).map(|_| Arc::<[u8]>::from(bytes))
    });
    let files: Vec<_> = files.collect::<io::Result<_>>()?;
    let round = |rules: fn() -> Option<Rules>| -> Result<f64> {
        let readers = files.iter().map(|bytes| io::Cursor::new(Arc::clone(bytes)));
        let before = processor_time();
        let summary = read(readers, Show::Transactions, rules)?;
        let took = processor_time().saturating_sub(before);
        ensure!(summary.packets == PACKETS * points, "{} packets were read", summary.packets);
        Ok(super::nanoseconds_each(took, PACKETS * points))
    };
    let (mut without, mut with) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        without = without.min(round(|| None)?);
        with = with.min(round(|| Some(Rules::new()))?);
    }
    Ok((without, with))
}

/// Reads captures as `dnstrace read` does.
fn read<R: Read>(readers: impl Iterator<Item = R>, show: Show, rules: fn() -> Option<Rules>) -> Result<Arc<Summary>> {
    let files = readers.enumerate().map(|(number, reader)| {
        let file = CaptureFile::open(reader)?;
        Ok(NamedFile { path: format!("{number}.pcap"), stem: format!("{number}"), file })
    });
    let captures = Captures::new(files.collect::<Result<_>>()?);
    let filter = Filter::default();
    let options = OutletOptions { show, filter, count: None, only_problems: false, when_full: WhenFull::Wait };
    let (outlet, end) = Outlet::new(options);
    let writer = thread::spawn(move || {
        let (path, palette, layout) = (false, Palette::plain(), Layout::fitting(None));
        let mut format =
            Format::Text(Box::new(Text::new(TextOptions { path, palette, query_timeout: QUERY_TIMEOUT, layout })));
        write_all(&end, &mut format, &mut io::sink(), |_| {})
    });
    let report = (show == Show::Nothing).then(|| Box::new(Report::new()));
    let outputs = Outputs { outlet, recorder: None, rules: rules(), report };
    let Ended { summary, outlet, .. } = run_files(captures, &options_of_pipeline(), outputs, &Stop::default());
    outlet.end(Arc::clone(&summary));
    writer.join().ok().transpose()?;
    Ok(summary)
}

fn options_of_pipeline() -> PipelineOptions {
    PipelineOptions {
        decode: DecodeOptions { ports: vec![53], tunnels: true },
        join: JoinOptions { query_timeout: QUERY_TIMEOUT, open_max: OPEN_MAX },
        run_for: None,
        until_finding: None,
        owners: Vec::new(),
    }
}

/// Of all threads of this process.
fn processor_time() -> Duration {
    // SAFETY: all bytes zero are a valid `rusage`.
    let mut used = unsafe { std::mem::zeroed::<libc::rusage>() };
    // SAFETY: the pointer is to a live variable of the right type.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut used) };
    let part = |time: libc::timeval| {
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_usec * 1_000).unwrap_or_default())
    };
    part(used.ru_utime) + part(used.ru_stime)
}

/// What a report of a busy node keeps, minute by minute.
fn memory() -> Result<()> {
    let before = heap();
    let peaks: Arc<[AtomicUsize]> = (0..MINUTES).map(|_| AtomicUsize::new(0)).collect();
    let stream = Stream::new(BUSY, BUSY_PACKETS_PER_MINUTE * MINUTES);
    let watched = Watched { stream, before, peaks: Arc::clone(&peaks) };
    read([watched].into_iter(), Show::Nothing, || Some(Rules::new()))?;
    let rate = BUSY.queries_per_second;
    println!("\nMemory of a report at {rate} queries/s, MiB at the most in each of {MINUTES} minutes");
    let peaks: Vec<_> = peaks.iter().map(|peak| mib(peak.load(Ordering::Relaxed))).collect();
    let figures: Vec<_> = peaks.iter().map(|peak| format!("{peak:.1}")).collect();
    println!("{}", figures.join("  "));
    let most = peaks.iter().copied().fold(0.0, f64::max);
    println!("at the most {most:.1} [{BUDGET_MIB}], {}", if most <= BUDGET_MIB { "holds" } else { "does NOT hold" });
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn mib(bytes: usize) -> f64 {
    bytes as f64 / MIB
}

/// A capture whose reader's memory is looked at as it is read.
struct Watched {
    stream: Stream,
    before: usize,
    peaks: Arc<[AtomicUsize]>,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        let minute = usize::try_from(self.stream.made() / BUSY_PACKETS_PER_MINUTE).unwrap_or(usize::MAX);
        if let Some(peak) = self.peaks.get(minute) {
            peak.fetch_max(heap().saturating_sub(self.before), Ordering::Relaxed);
        }
        Ok(read)
    }
}
