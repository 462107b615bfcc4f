//! What knowing who is who costs: memory of what is known and of a process that learns it, requests, the time of a lookup.

mod cluster;
mod facts;
mod names;
mod process;
mod runtime;
mod tree;

use std::time::Duration;

use anyhow::{Result, ensure};
use dnstrace::capture::{BootTime, Direction, Hook, Layer, Packet, Point, Socket, WallTime};
use dnstrace::owner::{Owner, Party};

use self::facts::REMOTE_PODS;
use self::names::{CONTAINERS, PODS};
use self::process::Measured;
use super::{nanoseconds_each, time};

/// The budgets of issue 5.
const BUDGET_NODE_MIB: f64 = 32.0;
const BUDGET_REMOTE_MIB: f64 = 130e6 / MIB;
const BUDGET_LOOKUP_NS: f64 = 200.0;
/// The list and the watch of the node's pods, the node, the lists of Services and of cluster DNS's EndpointSlices.
const BUDGET_REQUESTS: u32 = 5;

const MIB: f64 = 1_048_576.0;
const LOOKUPS: u32 = 1_000_000;
/// The best of several is the one that nobody else disturbed.
const ROUNDS: u32 = 5;

pub(super) fn run() -> Result<()> {
    println!(
        "\nWho is who: {PODS} pods with {CONTAINERS} containers from every source; {REMOTE_PODS} pods of other nodes"
    );
    println!("{:<46} {:>8} {:>8} {:>6}", "what", "", "budget", "holds");
    show_processes(&process::run()?);
    let mut owner = Owner::live(0, Some(Box::new(|_| {})));
    let node = memory(|| facts::of_node().for_each(|(source, fact)| owner.apply(source, fact, BootTime(1))));
    show("memory of the node's pods, MiB", node, BUDGET_NODE_MIB);
    let remote = memory(|| facts::of_others().for_each(|(source, fact)| owner.apply(source, fact, BootTime(1))));
    show("memory of addresses of other nodes, MiB", remote, BUDGET_REMOTE_MIB);
    ensure!(owner.counts().index.left_out == 0, "not all of it was taken");
    show("lookup of a pod by its socket, ns", lookup(&owner, facts::socket)?, BUDGET_LOOKUP_NS);
    show("lookup of a pod with the node's network, ns", lookup(&owner, facts::host_socket)?, BUDGET_LOOKUP_NS);
    show("lookup of a pod by its address, ns", by_address(&owner)?, BUDGET_LOOKUP_NS);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn show_processes(measured: &Measured) {
    let Measured { whole_kib, without_kib, requests, requests_off } = *measured;
    let (whole, without) = (whole_kib as f64 / 1024.0, without_kib as f64 / 1024.0);
    show("peak of a process with every source, MiB", whole, BUDGET_NODE_MIB);
    println!("{:<46} {without:>8.1} {:>8} {:>6}", "peak of a process without any, MiB", "-", "-");
    show("what the sources add to it, MiB", whole - without, BUDGET_NODE_MIB);
    show("requests to the API server until all is told", requests.into(), BUDGET_REQUESTS.into());
    show("requests with --kube off", requests_off.into(), 0.0);
}

fn show(what: &str, value: f64, budget: f64) {
    let holds = if value <= budget { "yes" } else { "NO" };
    println!("{what:<46} {value:>8.1} {budget:>8.1} {holds:>6}");
}

/// What the heap has more after `work`, MiB.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn memory(work: impl FnOnce()) -> f64 {
    let before = heap();
    work();
    heap().saturating_sub(before) as f64 / MIB
}

/// Bytes in use: in arenas, and in maps of their own.
pub(super) fn heap() -> usize {
    // SAFETY: it reads the allocator's own counters, and takes no pointer.
    let counters = unsafe { libc::mallinfo2() };
    counters.uordblks + counters.hblkhd
}

/// Nanoseconds of a lookup of sockets that `socket` makes of random numbers.
fn lookup(owner: &Owner, socket: fn(u64) -> Socket) -> Result<f64> {
    let sockets: Vec<Socket> = facts::random().map(socket).take(usize::try_from(LOOKUPS)?).collect();
    best(|| {
        let packets = sockets.iter().map(|socket| packet(*socket));
        packets.filter(|packet| is_container(owner.socket_of(packet).as_ref())).count()
    })
}

fn by_address(owner: &Owner) -> Result<f64> {
    let addresses: Vec<_> = facts::random().map(facts::address).take(usize::try_from(LOOKUPS)?).collect();
    best(|| {
        let found = addresses.iter().map(|address| owner.at_address(*address, BootTime(2)));
        found.filter(|party| matches!(party, Some(Party::Pod { .. }))).count()
    })
}

fn best(find: impl Fn() -> usize) -> Result<f64> {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let (found, took) = time(|| Ok(find()))?;
        ensure!(found == usize::try_from(LOOKUPS)?, "{found} of {LOOKUPS} were found");
        best = best.min(took);
    }
    Ok(nanoseconds_each(best, LOOKUPS.into()))
}

fn is_container(party: Option<&Party>) -> bool {
    matches!(party, Some(Party::Pod { container: Some(_), .. }))
}

fn packet(socket: Socket) -> Packet<'static> {
    Packet {
        time: BootTime(2),
        wall: WallTime(2),
        point: Point { hook: Hook::Socket, direction: Direction::Out, ifindex: 0, netns: 0 },
        layer: Layer::Ip,
        wire_len: 0,
        bytes: &[],
        vlan: None,
        gso_size: 0,
        later_fragments: false,
        hop_id: None,
        dropped: None,
        socket,
    }
}
