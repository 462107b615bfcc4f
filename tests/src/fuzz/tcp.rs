//! One direction of a TCP connection: messages cut into segments at any place, which come late, twice, together, or not
//! at all. What is not lost is given, whole and in order; what is given was sent.

use dnstrace::capture::{Layer, Packet};

use super::choices::Choices;
use super::reading::{self, Reading};
use crate::frame;
use crate::node::wire;

const SYN: u8 = 0x02;
const FIN: u8 = 0x01;
const ACK: u8 = 0x10;

/// Fewer than the segments that the product holds while it waits for one.
const SEGMENTS_MAX: usize = 60;
const MESSAGES_MAX: usize = 12;

/// Some bytes of the stream, by their place in it.
#[derive(Clone, Copy)]
struct Segment {
    start: usize,
    end: usize,
    /// How many of them were not captured.
    missing: usize,
}

/// A byte for each: first sequence number, number of messages, their sizes; places of the cuts; then what happens to the
/// segments on their way.
pub(super) fn run(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let first = u32::from(choices.word()) << 16 | 0xff00;
    let sent = messages(&mut choices);
    let stream = sent.iter().flat_map(|message| wire::framed(message)).collect::<Vec<u8>>();
    let mut segments = cut(stream.len(), &mut choices);
    let lossy = disturb(&mut segments, stream.len(), &mut choices);
    let mut reading = Reading::new();
    add(&mut reading, first, SYN, &[], 0);
    for segment in segments {
        let seq = first.wrapping_add(1).wrapping_add(u32::try_from(segment.start).unwrap_or_default());
        let flags = if segment.end == stream.len() { ACK | FIN } else { ACK };
        add(&mut reading, seq, flags, &stream[segment.start..segment.end], segment.missing);
    }
    compare(reading, &sent, lossy);
}

fn messages(choices: &mut Choices<'_>) -> Vec<Vec<u8>> {
    let count = choices.below(MESSAGES_MAX) + 1;
    let one = |id| {
        let query = wire::query(id, "a.example", wire::A);
        match choices.byte() {
            0..64 => query,
            size => wire::response(&query, size - 64),
        }
    };
    (1..).take(count).map(one).collect()
}

/// Cuts a stream; the last segment ends it.
fn cut(length: usize, choices: &mut Choices<'_>) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut start = 0;
    while start < length {
        let size = match choices.byte() {
            0 => length,
            size @ 1..128 => size.into(),
            size => usize::from(size - 127) * 32,
        };
        let end = if segments.len() + 1 < SEGMENTS_MAX / 2 { length.min(start + size) } else { length };
        segments.push(Segment { start, end, missing: 0 });
        start = end;
    }
    segments
}

/// What happens on the way; whether something is lost.
fn disturb(segments: &mut Vec<Segment>, length: usize, choices: &mut Choices<'_>) -> bool {
    let mut lossy = false;
    while !choices.is_empty() && segments.len() < SEGMENTS_MAX {
        let (what, at) = (choices.byte(), choices.below(segments.len()));
        let segment = segments[at];
        match what % 8 {
            0 | 1 => {
                let other = choices.below(segments.len());
                segments.swap(at, other);
            }
            2 => segments.insert(at, segment),
            3 => segments.push(segment),
            // Retransmissions need not begin and end where segments did (RFC 9293, 3.8.1).
            4 => segments.push(Segment { start: segment.start - choices.below(segment.start + 1), ..segment }),
            5 => segments.push(Segment { end: length.min(segment.end + choices.below(32)), ..segment }),
            6 => {
                segments[at].missing = choices.below(segment.end - segment.start);
                lossy |= segments[at].missing > 0;
            }
            _ if segments.len() > 1 => {
                segments.remove(at);
                lossy = true;
            }
            _ => {}
        }
    }
    lossy
}

fn add(reading: &mut Reading, seq: u32, flags: u8, payload: &[u8], missing: usize) {
    let bytes = frame::ipv4(frame::TCP, &[], 0, &frame::segment(40_000, 53, seq, flags, payload));
    let whole = reading::packet(Layer::Ip, &bytes);
    reading.add(&Packet { bytes: &bytes[..bytes.len() - missing], ..whole });
}

fn compare(mut reading: Reading, sent: &[Vec<u8>], lossy: bool) {
    let counts = reading.end().clone();
    if lossy {
        for message in &reading.messages {
            assert!(sent.iter().any(|sent| sent.starts_with(message)), "nobody sent {message:02x?}");
        }
    } else {
        assert_eq!(reading.messages, sent);
        assert_eq!((counts.stream_bytes_lost, counts.stream_gaps, counts.messages_cut), (0, 0, 0));
    }
}
