//! What attached hooks add to real packets on their way from pod to pod: six passes of the device hook, two of sockets.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use anyhow::{Context, Result, ensure};
use dnstrace_tests::node::Node;
use dnstrace_tests::product;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::traffic::{DNS_PORT, Ends, OTHER_PORT};
use super::{nanoseconds_each, time};

const PACKETS: u32 = 100_000;
/// Each state is measured in turn, several times over: what the machine does besides hits all of them.
const ROUNDS: usize = 5;

pub(super) fn run() -> Result<()> {
    let ends = Ends::new()?;
    println!("\nPackets from pod to pod through the node ({PACKETS} at a time, best of {ROUNDS})");
    println!("{:<10} {:<18} {:>10} {:>12} {:>8}", "traffic", "hooks", "ns/packet", "added", "ratio");
    for (name, port) in [("not DNS", OTHER_PORT), ("DNS", DNS_PORT)] {
        let best = measure(&ends, port)?;
        for (hooks, each) in HOOKS.iter().zip(best) {
            let hooks = if hooks.is_empty() { "none" } else { hooks };
            println!("{name:<10} {hooks:<18} {each:>10.0} {:>12.0} {:>7.2}x", each - best[0], each / best[0]);
        }
    }
    Ok(())
}

const HOOKS: [&str; 4] = ["", "device", "socket", "device,socket"];

fn measure(ends: &Ends, port: u16) -> Result<[f64; HOOKS.len()]> {
    let mut best = [f64::MAX; HOOKS.len()];
    for _ in 0..ROUNDS {
        for (hooks, best) in HOOKS.iter().zip(&mut best) {
            let tracer = if hooks.is_empty() { None } else { Some(Tracer::start(&ends.node, hooks)?) };
            let ((), took) = time(|| ends.flood(port, PACKETS))?;
            *best = best.min(nanoseconds_each(took, u64::from(PACKETS)));
            tracer.map(Tracer::stop).transpose()?;
        }
    }
    Ok(best)
}

/// The product, writing to nowhere.
struct Tracer {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
}

impl Tracer {
    fn start(node: &Node, hooks: &str) -> Result<Self> {
        let mut command = node.command(product::binary()?);
        command.args(["trace", "--format", "json", "--hooks", hooks]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let mut stderr = BufReader::new(child.stderr.take().context("no stderr")?);
        let mut line = String::new();
        while !line.starts_with("watching") {
            line.clear();
            ensure!(stderr.read_line(&mut line)? > 0, "dnstrace did not start");
        }
        Ok(Self { child, stderr })
    }

    /// Ends it, and reads its summary so that it is not held up.
    fn stop(mut self) -> Result<()> {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGINT)?;
        std::io::copy(&mut self.stderr, &mut std::io::sink())?;
        self.child.wait()?;
        Ok(())
    }
}
