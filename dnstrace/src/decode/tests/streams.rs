//! TCP streams split, reordered, repeated and damaged at random.

use super::super::{DecodeOptions, Decoder};
use super::packets::packet;
use super::tcp::{ACK, HEADERS_LEN, RST, SYN, framed, segment};
use super::xorshift::Random;
use crate::capture::{Layer, Packet};

/// Each has some twenty segments.
const STREAMS: u64 = 1000;

/// A stream of messages, and its segments as byte ranges.
struct Sent {
    bytes: Vec<u8>,
    messages: Vec<Vec<u8>>,
    segments: Vec<(usize, usize)>,
}

impl Sent {
    fn new(random: &mut Random) -> Self {
        let names = (0..10).map(|_| "x".repeat(1 + random.below(63)));
        let messages: Vec<Vec<u8>> = (0..).zip(names).map(|(id, name)| framed(id, &name)).collect();
        let bytes = messages.concat();
        let mut segments = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let end = bytes.len().min(at + 1 + random.below(80));
            segments.push((at, end));
            at = end;
        }
        Self { bytes, messages, segments }
    }

    fn segment(&self, (from, to): (usize, usize)) -> Vec<u8> {
        segment(ACK, u32::try_from(from).unwrap(), &self.bytes[from..to])
    }
}

/// Gives the segments, with their captured length, to a decoder; returns the messages in their order.
fn receive(segments: &[(Vec<u8>, usize)]) -> Vec<Vec<u8>> {
    let mut decoder = Decoder::new(&DecodeOptions { ports: vec![53], tunnels: true });
    let mut messages = Vec::new();
    for (bytes, captured_len) in segments {
        let packet = Packet { bytes: &bytes[..*captured_len], ..packet(Layer::Ip, bytes) };
        decoder.add(&packet, |observation| messages.push(observation.message.bytes.to_vec()));
    }
    assert!(decoder.counts().add_up());
    messages
}

fn whole(bytes: Vec<u8>) -> (Vec<u8>, usize) {
    let length = bytes.len();
    (bytes, length)
}

#[test]
fn every_message_once_however_segments_come() {
    for seed in 1..STREAMS {
        let mut random = Random(seed);
        let sent = Sent::new(&mut random);
        let mut ranges = sent.segments.clone();
        for _ in 0..random.below(10) {
            let repeated = ranges[random.below(ranges.len())];
            ranges.insert(random.below(ranges.len()), (repeated.0, repeated.1.max(random.below(sent.bytes.len()))));
        }
        for at in 1..ranges.len() {
            ranges.swap(at, at - random.below(at.min(4)));
        }
        let syn = whole(segment(SYN, u32::MAX, b""));
        let segments = ranges.iter().map(|range| whole(sent.segment(*range)));
        let received = receive(&[syn].into_iter().chain(segments).collect::<Vec<_>>());
        let expected: Vec<&[u8]> = sent.messages.iter().map(|message| &message[2..]).collect();
        assert_eq!(received, expected, "seed {seed}");
    }
}

#[test]
fn lost_and_cut_segments_make_no_message_up() {
    let mut given = 0;
    for seed in 1..STREAMS {
        let mut random = Random(seed);
        let sent = Sent::new(&mut random);
        let mut segments: Vec<(Vec<u8>, usize)> = Vec::new();
        for range in &sent.segments {
            let bytes = sent.segment(*range);
            match random.below(10) {
                0 => {}
                1 => segments.push((bytes.clone(), HEADERS_LEN + random.below(bytes.len() - HEADERS_LEN))),
                _ => segments.push(whole(bytes)),
            }
        }
        segments.push(whole(segment(RST, u32::try_from(sent.bytes.len()).unwrap(), b"")));
        let received = receive(&segments);
        given += received.len();
        let mut expected = sent.messages.iter();
        for message in &received {
            assert!(expected.any(|sent| sent[2..].starts_with(message)), "seed {seed}: {message:02x?}");
        }
    }
    assert!(given > 2_000, "{given}");
}
