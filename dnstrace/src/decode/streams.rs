//! TCP segments in the order of their sequence numbers: which of their bytes are new, what is missing between them.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use super::DecodeCounts;
use super::connection::Connection;
use super::sighting::Sighting;
use super::transport::{Segment, Transported};
use crate::capture::{BootTime, Point};

/// A busy node has some hundred connections that speak DNS, each seen at up to ten points in two directions.
const STREAMS_MAX: usize = 4096;
/// All streams together: one message of 64 KiB in every sixteenth stream. The whole program should need 64 MiB at most.
const HELD_MAX: usize = 16 << 20;
/// RFC 7766, 6.2.3 leaves open how long connections idle; resolvers close them after 10 s to 2 min.
const IDLE_TIMEOUT: Duration = Duration::from_mins(2);

/// What became of a segment that completed no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Some of its bytes belong to a message, or may.
    Held,
    NoPayload,
    /// All of its bytes were seen before.
    Retransmitted,
    /// It is not known where in it a message begins.
    Skipped,
}

/// One direction of a connection, as seen at one point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    point: Point,
    src: SocketAddr,
    dst: SocketAddr,
}

struct Entry {
    connection: Connection,
    /// Its place in `Streams::by_age`.
    touched: u64,
    last: BootTime,
}

/// The streams that are followed.
#[derive(Default)]
pub(super) struct Streams {
    by_key: HashMap<Key, Entry, foldhash::fast::RandomState>,
    /// Least recently touched first.
    by_age: BTreeMap<u64, Key>,
    touches: u64,
    /// Bytes held by all of them.
    held: usize,
}

impl Streams {
    /// Adds a segment; gives the messages that are complete with it.
    pub(super) fn add(&mut self, segment: Segment, payload: &Transported<'_>, sighting: &mut Sighting<'_>) -> Fate {
        let key = Key { point: sighting.packet.point, src: sighting.carrier.src, dst: sighting.carrier.dst };
        let worth_following = segment.syn || payload.wire_len > 0;
        if !worth_following && !self.by_key.contains_key(&key) {
            return Fate::NoPayload;
        }
        let entry = self.touch(key, segment, sighting);
        let before = entry.connection.held();
        let fate = entry.connection.add(segment, payload, sighting);
        let after = entry.connection.held();
        self.held = self.held + after - before;
        self.keep_bounds(sighting.counts);
        fate
    }

    fn touch(&mut self, key: Key, segment: Segment, sighting: &mut Sighting<'_>) -> &mut Entry {
        self.touches += 1;
        let touched = self.touches;
        let last = sighting.packet.time;
        let entry = self.by_key.entry(key).or_insert_with(|| {
            sighting.counts.streams += 1;
            Entry { connection: Connection::new(segment), touched, last }
        });
        self.by_age.remove(&entry.touched);
        self.by_age.insert(touched, key);
        (entry.touched, entry.last) = (touched, last);
        entry
    }

    fn keep_bounds(&mut self, counts: &mut DecodeCounts) {
        while self.by_key.len() > STREAMS_MAX || self.held > HELD_MAX && self.by_key.len() > 1 {
            let Some(entry) = self.remove_oldest(counts) else { return };
            counts.streams_evicted += u64::from(!entry.connection.is_closed());
        }
    }

    /// Forgets streams that saw nothing for long.
    pub(super) fn expire(&mut self, now: BootTime, counts: &mut DecodeCounts) {
        while self.oldest().is_some_and(|last| now.since(last) > IDLE_TIMEOUT) {
            let Some(entry) = self.remove_oldest(counts) else { return };
            counts.streams_expired += u64::from(!entry.connection.is_closed());
        }
    }

    fn oldest(&self) -> Option<BootTime> {
        let (_, key) = self.by_age.first_key_value()?;
        self.by_key.get(key).map(|entry| entry.last)
    }

    fn remove_oldest(&mut self, counts: &mut DecodeCounts) -> Option<Entry> {
        let (_, key) = self.by_age.pop_first()?;
        let entry = self.by_key.remove(&key)?;
        self.held -= entry.connection.held();
        counts.stream_bytes_lost += entry.connection.held() as u64;
        Some(entry)
    }
}
