//! Captures made here: messages over TCP, in segments as they may come.

use dnstrace_tests::frame;
use dnstrace_tests::node::wire;
use dnstrace_tests::pcap::{self, Pcap};

use crate::generated::check;

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const PSH_ACK: u8 = 0x18;
const FIN_ACK: u8 = 0x11;

/// One direction of connections, each with a port of its own.
struct Connections {
    capture: Pcap,
    port: u16,
    /// Sequence number of the stream's first byte.
    first: u32,
}

impl Connections {
    fn new() -> Self {
        Self { capture: Pcap::new(pcap::RAW), port: 40_000, first: 0 }
    }

    /// Begins another connection, with SYN.
    fn open(&mut self, first: u32) {
        self.open_unseen(first);
        self.segment(first.wrapping_sub(1), SYN, &[]);
    }

    /// One whose SYN is not seen.
    fn open_unseen(&mut self, first: u32) {
        self.port += 1;
        self.first = first;
    }

    /// Sends a part of a stream.
    fn send(&mut self, stream: &[u8], part: std::ops::Range<usize>) {
        let seq = self.first.wrapping_add(u32::try_from(part.start).unwrap());
        self.segment(seq, PSH_ACK, &stream[part]);
    }

    fn segment(&mut self, seq: u32, flags: u8, payload: &[u8]) {
        let segment = frame::segment(self.port, 53, seq, flags, payload);
        let v6 = self.port.is_multiple_of(2);
        let packet = if v6 { frame::ipv6(frame::TCP, &segment) } else { frame::ipv4(frame::TCP, &[], 0, &segment) };
        self.capture.frame(&packet);
    }
}

/// Two queries and a response, with their lengths.
fn stream() -> Vec<u8> {
    let queries = [wire::query(1, "a.example", wire::A), wire::query(2, "longer-name.b.example", wire::AAAA)];
    let response = wire::response(&queries[1], 3);
    [&queries[0], &queries[1], &response].map(|message| wire::framed(message)).concat()
}

const MESSAGES: usize = 3;

#[test]
fn split_at_every_place() {
    let mut connections = Connections::new();
    let stream = stream();
    for at in 1..stream.len() {
        connections.open(1000);
        connections.send(&stream, 0..at);
        connections.send(&stream, at..stream.len());
    }
    check("split", connections.capture, MESSAGES * (stream.len() - 1));
}

#[test]
fn segments_of_every_size_over_the_end_of_sequence_numbers() {
    let mut connections = Connections::new();
    let stream = stream();
    for size in 1..40 {
        connections.open(u32::MAX - 50);
        for start in (0..stream.len()).step_by(size) {
            connections.send(&stream, start..stream.len().min(start + size));
        }
        connections.segment(connections.first.wrapping_add(u32::try_from(stream.len()).unwrap()), FIN_ACK, &[]);
    }
    check("sizes", connections.capture, MESSAGES * 39);
}

#[test]
fn pipelined_in_one_segment() {
    let mut connections = Connections::new();
    let stream = stream().repeat(4);
    connections.open(7);
    connections.send(&stream, 0..stream.len());
    check("pipelined", connections.capture, 4 * MESSAGES);
}

#[test]
fn message_of_the_greatest_length() {
    let mut connections = Connections::new();
    let query = wire::query(1, "a.example", wire::A);
    let mut response = wire::response(&query, 255);
    // A record of bytes fills it up.
    let rest = u16::try_from(65_535 - response.len() - 12).unwrap();
    response[7] = 0;
    response[6] = 1;
    response.extend([0xc00c, 65_280, 1, 0, 0, rest].map(u16::to_be_bytes).concat());
    response.resize(65_535, 0xaa);
    let stream = [wire::framed(&response), wire::framed(&query)].concat();
    connections.open(1);
    for start in (0..stream.len()).step_by(1448) {
        connections.send(&stream, start..stream.len().min(start + 1448));
    }
    check("longest", connections.capture, 2);
}

#[test]
fn out_of_order() {
    let mut connections = Connections::new();
    let stream = stream();
    let parts = [0..20, 20..50, 50..90, 90..stream.len()];
    for order in [[1, 0, 2, 3], [0, 2, 1, 3], [0, 1, 3, 2], [3, 2, 1, 0], [2, 3, 0, 1], [0, 3, 2, 1]] {
        connections.open(1);
        for part in order {
            connections.send(&stream, parts[part].clone());
        }
    }
    check("out of order", connections.capture, 6 * MESSAGES);
}

#[test]
fn sent_again() {
    let mut connections = Connections::new();
    let stream = stream();
    let end = stream.len();
    for again in [0..29, 29..70, 10..40, 0..end] {
        connections.open(1);
        connections.send(&stream, 0..29);
        connections.send(&stream, 29..70);
        connections.send(&stream, again);
        connections.send(&stream, 70..end);
    }
    check("retransmissions", connections.capture, 4 * MESSAGES);
}

#[test]
fn seen_from_the_middle_on() {
    let mut connections = Connections::new();
    let stream = stream();
    connections.open_unseen(1);
    connections.send(&stream, 0..40);
    connections.segment(1, ACK, &[]);
    connections.send(&stream, 40..stream.len());
    check("middle", connections.capture, MESSAGES);
}
