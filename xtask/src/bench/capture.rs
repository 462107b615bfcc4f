//! A capture of a busy node's DNS, the same bytes each time: a few thousand clients, search lists, aliases, IPv4 and IPv6,
//! UDP and some TCP, EDNS, queries that nobody answers. It is made as it is read, and so takes no memory.

mod asked;
mod packets;
mod walk;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::Result;

use asked::Asked;

/// 2026-11-24T08:00:00Z.
const START_NS: u64 = 1_795_507_200_000_000_000;
/// Clients and their queries.
#[derive(Clone, Copy)]
pub(super) struct Load {
    pub(super) clients: u64,
    pub(super) queries_per_second: u64,
    pub(super) asking: Asking,
}

/// What queries have to do with each other.
#[derive(Clone, Copy)]
pub(super) enum Asking {
    /// Nothing: each is for another of a million names.
    Apart,
    /// They are lookups of stub resolvers: A and AAAA, the search list, names that many ask for.
    Lookups,
}

/// Pods of a few nodes.
pub(super) const NODES: Load = Load { clients: 4_000, queries_per_second: 33_000, asking: Asking::Apart };

/// A frame and its time; a number keeps frames of one time in order.
type Timed = (u64, u64, Vec<u8>);

/// Writes a pcap file of the traffic's first `count` packets.
pub(super) fn write(path: &Path, count: u64) -> Result<()> {
    let mut file = File::create(path)?;
    io::copy(&mut io::BufReader::with_capacity(1 << 20, Stream::new(NODES, count)), &mut file)?;
    Ok(file.sync_data()?)
}

/// The bytes of a pcap file, made as they are read.
pub(super) struct Stream {
    traffic: Traffic,
    left: u64,
    delay_ns: u64,
    made: Vec<u8>,
    read: usize,
}

impl Stream {
    /// Of the first `count` packets.
    pub(super) fn new(load: Load, count: u64) -> Self {
        // draft-ietf-opsawg-pcap: nanoseconds, version 2.4, Ethernet.
        let words = [0xa1b2_3c4d, 4 << 16 | 2, 0, 0, 1 << 18, 1_u32];
        let made = words.map(u32::to_le_bytes).concat();
        Self { traffic: Traffic::new(load), left: count, delay_ns: 0, made, read: 0 }
    }

    /// The same packets, as a device sees them so much later.
    pub(super) fn delayed(mut self, delay_ns: u64) -> Self {
        self.delay_ns = delay_ns;
        self
    }

    /// Packets made so far.
    pub(super) fn made(&self) -> u64 {
        self.traffic.given
    }

    fn make(&mut self) {
        self.made.clear();
        self.read = 0;
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        let Some((time_ns, _, frame)) = self.traffic.next() else { return };
        let time_ns = time_ns + self.delay_ns;
        let [seconds, fraction, length] = [time_ns / 1_000_000_000, time_ns % 1_000_000_000, frame.len() as u64]
            .map(|number| u32::try_from(number).unwrap_or(u32::MAX));
        self.made.extend([seconds, fraction, length, length].iter().flat_map(|word| word.to_le_bytes()));
        self.made.extend(frame);
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < buffer.len() {
            if self.read == self.made.len() {
                self.make();
            }
            let rest = &self.made[self.read..];
            if rest.is_empty() {
                break;
            }
            let count = rest.len().min(buffer.len() - written);
            buffer[written..written + count].copy_from_slice(&rest[..count]);
            written += count;
            self.read += count;
        }
        Ok(written)
    }
}

/// Frames in the order of their times, without end.
struct Traffic {
    random: Random,
    clients: u64,
    asking: Asking,
    between_ns: u64,
    now_ns: u64,
    number: u64,
    given: u64,
    /// Frames of what began; their responses come later than other queries.
    waiting: BinaryHeap<Reverse<Timed>>,
}

impl Traffic {
    fn new(load: Load) -> Self {
        let Load { clients, queries_per_second, asking } = load;
        let (random, between_ns) = (Random(0x9e37_79b9_7f4a_7c15), 1_000_000_000 / queries_per_second);
        Self { random, clients, asking, between_ns, now_ns: START_NS, number: 0, given: 0, waiting: BinaryHeap::new() }
    }

    fn begin(&mut self) {
        let Self { random, clients, .. } = self;
        let (frames, queries) = match self.asking {
            Asking::Apart => (packets::of(&Asked::any(random), *clients, random), 1),
            Asking::Lookups => {
                let steps = walk::any(random);
                (packets::of_walk(&steps, *clients, random), 2 * steps.len() as u64)
            }
        };
        for (after_ns, frame) in frames {
            self.number += 1;
            self.waiting.push(Reverse((self.now_ns + after_ns, self.number, frame)));
        }
        self.now_ns += self.random.below(2 * self.between_ns * queries);
    }
}

impl Iterator for Traffic {
    type Item = Timed;

    fn next(&mut self) -> Option<Timed> {
        while self.waiting.peek().is_none_or(|Reverse((time_ns, ..))| *time_ns > self.now_ns) {
            self.begin();
        }
        self.given += 1;
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

    /// One of several, each as often as it has `parts` of all.
    fn one_of<'m, T>(&mut self, mix: &'m [T], parts: fn(&T) -> u64) -> &'m T {
        let mut part = self.below(mix.iter().map(parts).sum());
        let chosen = mix.iter().find(|each| {
            let found = part < parts(each);
            part = part.saturating_sub(parts(each));
            found
        });
        chosen.unwrap_or(&mix[0])
    }
}

#[cfg(test)]
mod tests {
    use dnstrace::decode::Message;

    use super::*;

    #[test]
    fn a_stream_is_a_whole_file_however_it_is_read() {
        let stream = || Stream::new(NODES, 100);
        let (mut whole, mut parts) = (Vec::new(), Vec::new());
        stream().read_to_end(&mut whole).unwrap();
        io::BufReader::with_capacity(7, stream()).read_to_end(&mut parts).unwrap();
        assert!(whole == parts && whole.len() > 24 + 100 * (16 + 42));
    }

    #[test]
    fn times_advance_and_most_frames_carry_messages() {
        let frames: Vec<Timed> = Traffic::new(NODES).take(10_000).collect();
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
