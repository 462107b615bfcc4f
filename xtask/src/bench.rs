//! `cargo xtask bench`: what dnstrace costs and what it keeps up with. Each figure stands beside another of the same run,
//! on the same machine in the same minute: the ratio is what can be compared, and what design.md's budget is held against.

mod capture;
mod loss;
mod owner;
mod path;
mod peak;
mod pipeline;
mod programs;
mod read;
mod rules;
mod traffic;

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use dnstrace_tests::{command, debian, skip};

use crate::build_ebpf::root;

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only this part; may be given more than once
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// Set when this is the optimised build of itself
    #[arg(long, hide = true)]
    optimised: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Each program on one packet, by `BPF_PROG_TEST_RUN`
    Programs,
    /// Ring buffer to joined transactions, one core
    Pipeline,
    /// Real packets through a node, hooks attached and not
    Path,
    /// Loss and CPU at rising rates, beside `tcpdump -w`
    Loss,
    /// Packets a second out of a file, beside tshark and tcpdump; needs no root
    Read,
    /// Memory and lookups of who is who; needs no root
    Owner,
    /// What rules add to the time of reading, and the memory they keep; needs no root
    Rules,
}

impl Part {
    fn needs_no_root(self) -> bool {
        matches!(self, Self::Read | Self::Owner | Self::Rules)
    }
}

/// Runs it.
pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!(
        skip::is_root() || (!args.only.is_empty() && args.only.iter().all(|part| part.needs_no_root())),
        "measuring eBPF needs root: run `sudo -E cargo xtask bench`, or `cargo xtask bench --only read`"
    );
    if !args.optimised {
        return optimised(args);
    }
    let wants = |part: Part| args.only.is_empty() || args.only.contains(&part);
    if wants(Part::Programs) {
        programs::run()?;
    }
    if wants(Part::Pipeline) {
        pipeline::run()?;
    }
    if wants(Part::Path) {
        path::run()?;
    }
    if wants(Part::Loss) {
        debian::install(&["tcpdump"])?;
        loss::run()?;
    }
    if wants(Part::Read) {
        if skip::is_root() {
            debian::install(&["tcpdump", "tshark"])?;
        }
        read::run()?;
    }
    if wants(Part::Owner) {
        owner::run()?;
    }
    if wants(Part::Rules) {
        rules::run()?;
    }
    Ok(())
}

/// Runs the optimised build of this program, which measures the optimised build of the product.
fn optimised(args: &Args) -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root()).args(["run", "--quiet", "--release", "--package", "xtask", "--", "bench", "--optimised"]);
    for part in &args.only {
        let name = clap::ValueEnum::to_possible_value(part).map(|value| value.get_name().to_owned());
        cargo.arg("--only").args(name);
    }
    command::visible(&mut cargo)
}

/// How long `work` takes.
fn time<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Duration)> {
    #[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
    let start = std::time::Instant::now();
    let value = work()?;
    Ok((value, start.elapsed()))
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn nanoseconds_each(time: Duration, count: u64) -> f64 {
    time.as_nanos() as f64 / count as f64
}
