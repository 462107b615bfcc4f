//! TCP segments in the order of their sequence numbers (RFC 9293, 3.4): which bytes are new, what is missing between.

use std::time::Duration;

use super::sighting::Sighting;
use super::stream::Stream;
use super::streams::Fate;
use super::transport::{Segment, Transported};
use crate::capture::BootTime;

/// Segments that came too early: more than these, and the one they wait for was lost.
const EARLY_MAX: usize = 64;
/// The same in bytes: two messages of the greatest length.
const EARLY_BYTES_MAX: usize = 128 << 10;
/// And in time: a segment that was lost on its way comes again after 200 ms (Linux' `TCP_RTO_MIN`) or a few times that.
const EARLY_TIMEOUT: Duration = Duration::from_secs(1);
/// Farther away than any window: the ports are used by another connection.
const WINDOW_MAX: u32 = 16 << 20;

/// A segment that came before the ones it follows.
struct Early {
    seq: u32,
    wire_len: u32,
    bytes: Vec<u8>,
}

/// One direction of a connection.
pub(super) struct Connection {
    /// Sequence number of its first byte, as far as seen.
    start: u32,
    /// Sequence number of the byte that `stream` takes next.
    next: u32,
    stream: Stream,
    early: Vec<Early>,
    early_bytes: usize,
    early_since: BootTime,
    /// Sequence number behind the last byte, from FIN.
    end: Option<u32>,
    closed: bool,
}

impl Connection {
    /// A connection from its SYN on, or from somewhere in its middle.
    pub(super) fn new(segment: Segment) -> Self {
        // RFC 9293, 3.4: SYN takes a sequence number.
        let start = segment.seq.wrapping_add(u32::from(segment.syn));
        let stream = if segment.syn { Stream::from_start() } else { Stream::from_middle() };
        Self {
            start,
            next: start,
            stream,
            early: Vec::new(),
            early_bytes: 0,
            early_since: BootTime(0),
            end: None,
            closed: false,
        }
    }

    /// How many bytes are held.
    pub(super) fn held(&self) -> usize {
        self.stream.held() + self.early_bytes
    }

    /// Whether FIN or RST was seen. A closed connection is kept for retransmissions.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Adds a segment; gives the messages that are complete with it.
    pub(super) fn add(&mut self, segment: Segment, payload: &Transported<'_>, sighting: &mut Sighting<'_>) -> Fate {
        let seq = segment.seq.wrapping_add(u32::from(segment.syn));
        let restarted = if segment.syn { seq != self.start } else { payload.wire_len > 0 && self.is_far(seq) };
        if restarted {
            self.forget(sighting);
            *self = Self::new(segment);
        }
        let fate = if payload.wire_len == 0 { Fate::NoPayload } else { self.add_payload(seq, payload, sighting) };
        if segment.fin {
            self.end = Some(seq.wrapping_add(payload.wire_len));
        }
        if segment.rst {
            self.flush(sighting);
        }
        if segment.rst || self.end.is_some_and(|end| !is_before(self.next, end)) {
            self.forget(sighting);
            self.closed = true;
        }
        fate
    }

    fn add_payload(&mut self, seq: u32, payload: &Transported<'_>, sighting: &mut Sighting<'_>) -> Fate {
        if is_before(self.next, seq) {
            self.add_early(seq, payload, sighting);
        } else {
            let known = self.next.wrapping_sub(seq);
            if known >= payload.wire_len {
                return Fate::Retransmitted;
            }
            self.take(known, payload.payload, payload.wire_len, sighting);
        }
        self.take_early(sighting);
        if self.stream.is_synced() || self.held() > 0 { Fate::Held } else { Fate::Skipped }
    }

    /// Takes a segment without its `known` first bytes.
    fn take(&mut self, known: u32, bytes: &[u8], wire_len: u32, sighting: &mut Sighting<'_>) {
        let new = wire_len - known;
        self.next = self.next.wrapping_add(new);
        self.stream.take(bytes.get(known as usize..).unwrap_or_default(), new, sighting);
    }

    fn add_early(&mut self, seq: u32, payload: &Transported<'_>, sighting: &mut Sighting<'_>) {
        // Without knowing where a message begins there is nothing worth waiting for.
        if !self.stream.is_synced() {
            self.skip_to(seq, sighting);
            return self.take(0, payload.payload, payload.wire_len, sighting);
        }
        let now = sighting.packet.time;
        if self.early.is_empty() {
            self.early_since = now;
        }
        let place = self.early.partition_point(|early| is_before(early.seq, seq));
        let known = self.early.get(place).is_some_and(|early| early.seq == seq && early.wire_len >= payload.wire_len);
        if !known {
            self.early_bytes += payload.payload.len();
            let bytes = payload.payload.to_vec();
            self.early.insert(place, Early { seq, wire_len: payload.wire_len, bytes });
        }
        let full = self.early.len() > EARLY_MAX || self.early_bytes > EARLY_BYTES_MAX;
        if full || now.since(self.early_since) > EARLY_TIMEOUT {
            self.flush(sighting);
        }
    }

    /// Takes the segments that came early and whose turn it is.
    fn take_early(&mut self, sighting: &mut Sighting<'_>) {
        while self.early.first().is_some_and(|early| !is_before(self.next, early.seq)) {
            let early = self.early.remove(0);
            self.early_bytes -= early.bytes.len();
            let known = self.next.wrapping_sub(early.seq);
            if known < early.wire_len {
                self.take(known, &early.bytes, early.wire_len, sighting);
            }
        }
    }

    /// Takes all segments that came early: what they waited for will not come.
    fn flush(&mut self, sighting: &mut Sighting<'_>) {
        while let Some(early) = self.early.first() {
            self.skip_to(early.seq, sighting);
            self.take_early(sighting);
        }
    }

    fn skip_to(&mut self, seq: u32, sighting: &mut Sighting<'_>) {
        self.stream.lose(seq.wrapping_sub(self.next), sighting);
        self.next = seq;
    }

    fn forget(&mut self, sighting: &mut Sighting<'_>) {
        sighting.counts.stream_bytes_lost += self.held() as u64;
        self.stream.clear();
        self.early.clear();
        self.early_bytes = 0;
    }

    fn is_far(&self, seq: u32) -> bool {
        let ahead = seq.wrapping_sub(self.next);
        ahead.min(ahead.wrapping_neg()) > WINDOW_MAX
    }
}

/// Whether `seq` comes before `other` on the circle of sequence numbers.
fn is_before(seq: u32, other: u32) -> bool {
    other.wrapping_sub(seq).wrapping_sub(1) < 1 << 31
}
