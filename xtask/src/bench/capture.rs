//! A capture of a busy node's DNS, the same bytes each time: a few thousand clients, search lists, aliases, IPv4 and IPv6,
//! UDP and some TCP, EDNS, queries that nobody answers. It is written as it is made, and so takes no memory.

mod lookup;
mod packets;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Result;

use lookup::Lookup;

/// 2026-11-24T08:00:00Z.
const START_NS: u64 = 1_795_507_200_000_000_000;
/// Mean time between two queries: 33,000 of them a second.
const BETWEEN_QUERIES_NS: u64 = 30_000;

/// A frame and its time; a number keeps frames of one time in order.
type Timed = (u64, u64, Vec<u8>);

/// Writes a pcap file of the traffic's first `count` packets.
pub(super) fn write(path: &Path, count: u64) -> Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    // draft-ietf-opsawg-pcap: nanoseconds, version 2.4, Ethernet.
    let words = [0xa1b2_3c4d, 4 << 16 | 2, 0, 0, 1 << 18, 1];
    file.write_all(&words.map(u32::to_le_bytes).concat())?;
    for (time_ns, _, frame) in Traffic::new().take(usize::try_from(count)?) {
        let length = u32::try_from(frame.len())?;
        let (seconds, fraction) = (u32::try_from(time_ns / 1_000_000_000)?, u32::try_from(time_ns % 1_000_000_000)?);
        file.write_all(&[seconds, fraction, length, length].map(u32::to_le_bytes).concat())?;
        file.write_all(&frame)?;
    }
    Ok(file.into_inner()?.sync_data()?)
}

/// Frames in the order of their times, without end.
struct Traffic {
    random: Random,
    now_ns: u64,
    number: u64,
    /// Frames of lookups that began; their responses come later than other queries.
    waiting: BinaryHeap<Reverse<Timed>>,
}

impl Traffic {
    fn new() -> Self {
        Self { random: Random(0x9e37_79b9_7f4a_7c15), now_ns: START_NS, number: 0, waiting: BinaryHeap::new() }
    }

    fn begin_lookup(&mut self) {
        self.now_ns += self.random.below(2 * BETWEEN_QUERIES_NS);
        let lookup = Lookup::any(&mut self.random);
        for (after_ns, frame) in packets::of(&lookup, &mut self.random) {
            self.number += 1;
            self.waiting.push(Reverse((self.now_ns + after_ns, self.number, frame)));
        }
    }
}

impl Iterator for Traffic {
    type Item = Timed;

    fn next(&mut self) -> Option<Timed> {
        while self.waiting.peek().is_none_or(|Reverse((time_ns, ..))| *time_ns > self.now_ns) {
            self.begin_lookup();
        }
        self.waiting.pop().map(|Reverse(timed)| timed)
    }
}

/// xorshift64 (Marsaglia, 2003): the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

#[cfg(test)]
mod tests {
    use dnstrace::decode::Message;

    use super::*;

    #[test]
    fn times_advance_and_most_frames_carry_messages() {
        let frames: Vec<Timed> = Traffic::new().take(10_000).collect();
        assert!(frames.is_sorted_by_key(|(time_ns, ..)| *time_ns));
        assert!(
            frames.last().is_some_and(|(time_ns, ..)| (100_000_000..1_000_000_000).contains(&(time_ns - START_NS)))
        );
        let udp = frames.iter().filter_map(|(_, _, frame)| match frame[12..] {
            [0x08, 0x00, ..] if frame[23] == 17 => frame.get(42..),
            _ => None,
        });
        let read = udp.map(|message| Message::read(message, u32::try_from(message.len()).unwrap_or(u32::MAX)));
        let read: Vec<_> = read.map(|message| message.is_ok_and(|message| message.question.is_some())).collect();
        assert!(read.len() > 5_000 && read.iter().all(|&readable| readable));
    }
}
