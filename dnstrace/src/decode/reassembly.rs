//! Fragments to whole datagrams, for places where all fragments are captured.
//!
//! What does not become whole is not lost: of its first fragment, header and question can be read.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use super::DecodeCounts;
use super::decoder::Frame;
use super::fragments::{Fragments, Misfit};
use super::network::{Datagram, FRAGMENT, Fragment, Upper};
use crate::capture::{BootTime, Packet, Point};

/// How long a datagram waits for its fragments, which are sent right after each other.
///
/// A first fragment is given when the wait is over. The join waits 100 ms for further sightings of a response and for
/// the query of one that came too early: this is less, so that the way of a message of which first fragments only
/// were seen stays whole. And no response is given up because it waited, for which the join has 250 ms.
pub const FRAGMENT_TIMEOUT: Duration = Duration::from_millis(50);
/// Of 20,000 fragmented datagrams a second, those of [`FRAGMENT_TIMEOUT`].
const DATAGRAMS_MAX: usize = 1024;
/// All datagrams together: as many of 4096 bytes, which is more than most resolvers let a response be.
const HELD_MAX: usize = 4 << 20;

/// What fragments of one datagram have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    point: Point,
    src: IpAddr,
    dst: IpAddr,
    id: u32,
    protocol: u8,
}

struct Entry {
    fragments: Fragments,
    /// What came with the first fragment.
    first: Option<First>,
    /// Fragments overlapped: those that are still to come belong to nothing.
    overlapping: bool,
    /// Its place in `Reassembly::by_age`.
    age: u64,
    since: BootTime,
}

impl Entry {
    fn add(&mut self, frame: Frame<'_>, datagram: &Datagram<'_>, fragment: Fragment) -> Result<(), Misfit> {
        if self.overlapping {
            return Ok(());
        }
        let added = self.fragments.add(fragment, &datagram.upper);
        match added {
            Ok(()) if fragment.offset == 0 => self.first = Some(First::new(frame, datagram)),
            // RFC 5722, 4: all of them are dropped. Linux does so for IPv4, too.
            Err(Misfit::Overlap) => {
                (self.overlapping, self.first, self.fragments) = (true, None, Fragments::default());
            }
            _ => {}
        }
        added
    }
}

#[derive(Clone, Copy)]
struct First {
    packet: Packet<'static>,
    datagram: Datagram<'static>,
    tunnels: usize,
}

/// What became of a fragment.
pub(super) enum Fate {
    /// It waits for others, or no longer does.
    Held,
    /// It was the one that was missing.
    Whole(Payload),
}

/// A datagram's payload, or the beginning of it.
pub(super) struct Payload {
    protocol: u8,
    bytes: Vec<u8>,
    wire_len: u32,
}

impl Payload {
    pub(super) fn upper(&self, fragment: bool) -> Upper<'_> {
        Upper { protocol: self.protocol, payload: &self.bytes, wire_len: self.wire_len, fragment }
    }
}

/// A datagram that did not become whole, with its first fragment if that was seen.
pub(super) struct Incomplete(Option<(First, Payload)>);

impl Incomplete {
    /// The first fragment as it was seen, and its payload.
    pub(super) fn first(&self) -> Option<(Frame<'_>, &Datagram<'static>, &Payload)> {
        let (First { packet, datagram, tunnels }, payload) = self.0.as_ref()?;
        Some((Frame { packet, tunnels: *tunnels, fragment: false }, datagram, payload))
    }
}

/// Datagrams whose fragments have not all come.
#[derive(Default)]
pub(super) struct Reassembly {
    by_key: HashMap<Key, Entry, foldhash::fast::RandomState>,
    /// Begun first, first.
    by_age: BTreeMap<u64, Key>,
    begun: u64,
    /// Bytes held by all of them.
    held: usize,
    /// Has more fragments than it may.
    crowded: Option<Key>,
}

impl Reassembly {
    /// Whether nothing is held.
    pub(super) fn is_empty(&self) -> bool {
        self.by_age.is_empty()
    }

    /// Adds a well-formed fragment.
    pub(super) fn add(
        &mut self,
        frame: Frame<'_>,
        datagram: &Datagram<'_>,
        fragment: Fragment,
        counts: &mut DecodeCounts,
    ) -> Fate {
        let key = key(frame.packet.point, datagram, fragment.id);
        let entry = self.entry(key, frame.packet.time, counts);
        let before = entry.fragments.held();
        let added = entry.add(frame, datagram, fragment);
        let after = entry.fragments.held();
        self.held = self.held + after - before;
        match added {
            Ok(()) => return self.complete(key, counts),
            Err(Misfit::Overlap) => counts.datagrams_overlapping += 1,
            Err(Misfit::TooMany) => self.crowded = Some(key),
            Err(Misfit::Duplicate) => {}
        }
        Fate::Held
    }

    fn entry(&mut self, key: Key, since: BootTime, counts: &mut DecodeCounts) -> &mut Entry {
        let Self { by_key, by_age, begun, .. } = self;
        by_key.entry(key).or_insert_with(|| {
            counts.datagrams += 1;
            *begun += 1;
            by_age.insert(*begun, key);
            Entry { fragments: Fragments::default(), first: None, overlapping: false, age: *begun, since }
        })
    }

    fn complete(&mut self, key: Key, counts: &mut DecodeCounts) -> Fate {
        let whole = self.by_key.get(&key).and_then(|entry| Some((entry.first?, entry.fragments.whole()?)));
        let Some((first, (bytes, wire_len))) = whole else { return Fate::Held };
        self.remove(key);
        counts.datagrams_reassembled += 1;
        Fate::Whole(Payload { protocol: first.datagram.upper.protocol, bytes, wire_len })
    }

    /// Takes out a datagram that is to wait no longer, until there is none.
    pub(super) fn overdue(&mut self, now: BootTime, counts: &mut DecodeCounts) -> Option<Incomplete> {
        let (_, &oldest) = self.by_age.first_key_value()?;
        let is_over = self.by_key.len() > DATAGRAMS_MAX || self.held > HELD_MAX;
        if let Some(key) = self.crowded.take().or(is_over.then_some(oldest)) {
            return self.give_up(key, &mut counts.datagrams_evicted);
        }
        let since = self.by_key.get(&oldest)?.since;
        // A time that lies far before begins another capture.
        let waits = now.since(since) < FRAGMENT_TIMEOUT && since.since(now) < FRAGMENT_TIMEOUT;
        if waits { None } else { self.give_up(oldest, &mut counts.datagrams_timed_out) }
    }

    /// Takes out a datagram at the end.
    pub(super) fn unfinished(&mut self, counts: &mut DecodeCounts) -> Option<Incomplete> {
        let (_, &key) = self.by_age.first_key_value()?;
        self.give_up(key, &mut counts.datagrams_unfinished)
    }

    fn give_up(&mut self, key: Key, counter: &mut u64) -> Option<Incomplete> {
        let entry = self.remove(key)?;
        *counter += u64::from(!entry.overlapping);
        let (first, payload) = (entry.first, entry.fragments.into_first());
        Some(Incomplete(first.zip(payload).map(|(first, (bytes, wire_len))| {
            (first, Payload { protocol: first.datagram.upper.protocol, bytes, wire_len })
        })))
    }

    fn remove(&mut self, key: Key) -> Option<Entry> {
        let entry = self.by_key.remove(&key)?;
        self.by_age.remove(&entry.age);
        self.held -= entry.fragments.held();
        Some(entry)
    }
}

fn key(point: Point, datagram: &Datagram<'_>, id: u32) -> Key {
    let Datagram { src, dst, .. } = *datagram;
    // RFC 8200, 4.5: what IPv6 fragments say of the protocol may differ, only the first counts.
    let protocol = if src.is_ipv4() { datagram.upper.protocol } else { FRAGMENT };
    Key { point, src, dst, id, protocol }
}

impl First {
    fn new(frame: Frame<'_>, datagram: &Datagram<'_>) -> Self {
        let Datagram { src, dst, vlan, fragment, upper } = *datagram;
        let upper = Upper { payload: &[], ..upper };
        let datagram = Datagram { src, dst, vlan, fragment, upper };
        Self { packet: frame.packet.with_bytes(&[]), datagram, tunnels: frame.tunnels }
    }
}
