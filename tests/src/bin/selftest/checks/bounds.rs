//! Sizes and losses: what is captured whole, what is cut, what does not fit, and that each is counted.

use anyhow::{Context, Result, ensure};
use dnstrace::capture::live::LiveOptions;
use dnstrace::capture::{Counter, Direction, Hook};

use super::Ground;
use crate::V4;
use crate::traffic::{Exchange, Pair, USUAL};
use crate::watch::{Watched, options, watch};

/// Around every size class of the records, up to what fits a frame of the largest snaplen.
const LENGTHS: [usize; 16] =
    [30, 100, 147, 148, 149, 175, 176, 300, 432, 1_000, 1_456, 1_472, 4_000, 4_016, 32_000, 65_494];

pub(super) fn sizes(ground: &Ground) -> Result<()> {
    let (exchanges, watched) = watch(&options(&ground.machine), || {
        let pair = Pair::new((V4, 53).into())?;
        LENGTHS.into_iter().map(|length| pair.exchange(length)).collect::<Result<Vec<_>>>()
    })?;
    for exchange in &exchanges {
        whole(exchange, &watched).with_context(|| format!("{} bytes", exchange.query.len()))?;
    }
    let cut = Hook::PASSED.map(|hook| watched.count(hook, Counter::Cut));
    ensure!(cut == [0, 0], "counts {cut:?} cut");
    Ok(())
}

fn whole(exchange: &Exchange, watched: &Watched) -> Result<()> {
    for hook in Hook::PASSED {
        for direction in [Direction::Out, Direction::In] {
            let sighting = watched.one(hook, direction, &exchange.query)?;
            ensure!(sighting.wire_len as usize == sighting.bytes.len(), "cut at {hook:?}");
        }
    }
    Ok(())
}

/// What is longer than the snaplen is cut to it, says its length on the wire, and is counted.
pub(super) fn snaplen(ground: &Ground) -> Result<()> {
    const SNAPLEN: u32 = 80;
    const LENGTH: usize = 300;
    let cutting = LiveOptions { snaplen: SNAPLEN, ..options(&ground.machine) };
    let (exchange, watched) = watch(&cutting, || Pair::new((V4, 53).into())?.exchange(LENGTH))?;
    for hook in Hook::PASSED {
        ensure!(watched.count(hook, Counter::Cut) == 4, "{hook:?}: {} cut, not 4", watched.count(hook, Counter::Cut));
    }
    for sighting in &watched.sightings {
        let captured = sighting.bytes.len();
        ensure!(captured == SNAPLEN as usize, "captured {captured} bytes, not {SNAPLEN}");
        ensure!(sighting.wire_len as usize > LENGTH, "the length on the wire is cut too: {}", sighting.wire_len);
    }
    // What is left of the message behind an Ethernet, an IP and a UDP header, which are 42 bytes.
    let start = &exchange.query[..SNAPLEN as usize - 42];
    ensure!(watched.carrying(start) == 4, "the cut does not keep the beginning");
    Ok(())
}

/// A ring buffer nobody empties takes what fits in; the rest is counted, and the packets pass.
pub(super) fn ring_full(ground: &Ground) -> Result<()> {
    const EXCHANGES: u64 = 100;
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE)?.context("no page size")?;
    let small = LiveOptions { ring_bytes: u32::try_from(page)?, ..options(&ground.machine) };
    let ((), watched) = watch(&small, || {
        let pair = Pair::new((V4, 53).into())?;
        (0..EXCHANGES).try_for_each(|_| pair.exchange(USUAL).map(drop))
    })?;
    for hook in Hook::PASSED {
        let (seen, full) = (watched.count(hook, Counter::Seen), watched.count(hook, Counter::RingFull));
        ensure!(seen == 4 * EXCHANGES, "{hook:?} saw {seen} packets");
        ensure!(full > 0 && full < seen, "{hook:?}: ring full for {full} of {seen}");
    }
    ensure!(!watched.sightings.is_empty(), "nothing came out of a full ring");
    Ok(())
}

/// TCP's bare acknowledgements carry nothing and are only counted.
pub(super) fn no_payload(ground: &Ground) -> Result<()> {
    for hook in Hook::PASSED {
        let counts = &ground.usual.watched.counts;
        ensure!(counts.get(hook, Counter::NoPayload) > 0, "{hook:?} counts none: {counts:?}");
    }
    Ok(())
}
