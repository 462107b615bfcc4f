//! How many observations a second one core takes from the ring buffer to joined transactions.

use std::time::Duration;

use anyhow::Result;
use dnstrace::decode::{DecodeOptions, Decoder};
use dnstrace::join::{Join, JoinOptions};
use dnstrace_tests::frame::{IPV4, UDP, ethernet, ipv4, udp};
use dnstrace_tests::node::wire;
use dnstrace_tests::test_run::KernelHalf;

use super::traffic::message_id;
use super::{nanoseconds_each, time};

const RING: u32 = 1 << 27;
/// Each is seen at six points: 240,000 records of 256 bytes fit the ring.
const TRANSACTIONS: u32 = 40_000;
const ROUNDS: u32 = 3;
/// The budget of design.md.
const BUDGET_PER_SECOND: f64 = 1e6;

/// The ways of a query and of its response through the programs that a test run can enter.
const QUERY_WAY: [&str; 3] = ["socket_out", "device", "socket_in"];
const RESPONSE_WAY: [&str; 3] = ["socket_out", "device", "socket_in"];

pub(super) fn run() -> Result<()> {
    let mut half = KernelHalf::load(RING, 65_536)?;
    println!("\nRing buffer to joined transactions ({TRANSACTIONS} transactions at 6 points, best of {ROUNDS})");
    println!("{:<26} {:>8} {:>16} {:>8}", "stages", "ns", "observations/s", "budget");
    let drained = best(&mut half, |half| Ok(half.drain(|_| {})))?;
    show("drain", drained);
    show("drain, decode", best(&mut half, |half| Ok(decode(half)))?);
    show("drain, decode, join", best(&mut half, |half| Ok(join(half)))?);
    Ok(())
}

fn show(stages: &str, each: f64) {
    let rate = 1e9 / each;
    println!("{stages:<26} {each:>8.0} {rate:>16.0} {:>7.1}x", rate / BUDGET_PER_SECOND);
}

/// Nanoseconds for each packet, of the best round.
fn best(half: &mut KernelHalf, work: impl Fn(&mut KernelHalf) -> Result<usize>) -> Result<f64> {
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        fill(half)?;
        let (packets, took): (usize, Duration) = time(|| work(half))?;
        best = best.min(nanoseconds_each(took, packets as u64));
    }
    Ok(best)
}

fn fill(half: &mut KernelHalf) -> Result<()> {
    for number in 0..TRANSACTIONS {
        let port = 20_000 + u16::try_from(number / 65_536)?;
        let query =
            wire::query(message_id(number.into()), &format!("name-{}.default.svc.cluster.local", number % 1_000), 1);
        let asked = ethernet(IPV4, &ipv4(UDP, &[], 0, &udp(port, 53, &query)));
        let answered = ethernet(IPV4, &swapped(ipv4(UDP, &[], 0, &udp(53, port, &wire::response(&query, 1)))));
        for program in QUERY_WAY {
            half.repeat(program, &asked, 1)?;
        }
        for program in RESPONSE_WAY {
            half.repeat(program, &answered, 1)?;
        }
    }
    Ok(())
}

/// Source and destination address the other way round.
fn swapped(mut packet: Vec<u8>) -> Vec<u8> {
    packet[12..20].rotate_left(4);
    packet
}

fn decode(half: &mut KernelHalf) -> usize {
    let mut decoder = Decoder::new(&DecodeOptions { ports: vec![53], tunnels: true });
    half.drain(|packet| {
        decoder.add(packet, |_| {});
    })
}

fn join(half: &mut KernelHalf) -> usize {
    let mut decoder = Decoder::new(&DecodeOptions { ports: vec![53], tunnels: true });
    let mut join = Join::new(&JoinOptions { query_timeout: Duration::from_secs(5), open_max: 32_768 });
    let mut transactions = 0;
    let packets = half.drain(|packet| {
        decoder.add(packet, |observation| {
            join.add(observation, |_| transactions += 1);
        });
        join.expire(packet.time, |_| transactions += 1);
    });
    join.finish(|_| transactions += 1);
    assert_eq!(transactions, TRANSACTIONS, "each query and its response are one transaction");
    packets
}
