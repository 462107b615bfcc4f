//! Messages in TCP streams.

use std::time::Duration;

use super::packets::{ipv4, packet, query};
use super::{Reader, captures, check};
use crate::capture::{BootTime, Layer, Packet};

const FIN: u8 = 1;
pub(super) const SYN: u8 = 2;
pub(super) const RST: u8 = 4;
pub(super) const ACK: u8 = 16;

/// What has sequence number 0 in these tests: streams go past the end of the circle.
const START: u32 = u32::MAX - 20;

/// IP and TCP headers.
pub(super) const HEADERS_LEN: usize = 40;

pub(super) fn segment(flags: u8, at: u32, payload: &[u8]) -> Vec<u8> {
    segment_between([40000, 53], flags, at, payload)
}

fn segment_between(ports: [u16; 2], flags: u8, at: u32, payload: &[u8]) -> Vec<u8> {
    let seq = START.wrapping_add(at).to_be_bytes();
    let ports = ports.map(u16::to_be_bytes).concat();
    ipv4(6, &[&ports[..], &seq, &[0; 4], &[0x50, flags], &[0; 6], payload].concat())
}

fn syn() -> Vec<u8> {
    segment(SYN, u32::MAX, b"")
}

fn data(at: u32, payload: &[u8]) -> Vec<u8> {
    segment(ACK, at, payload)
}

/// A query with its length.
pub(super) fn framed(id: u16, name: &str) -> Vec<u8> {
    let query = query(id, name);
    [&u16::try_from(query.len()).unwrap().to_be_bytes()[..], &query].concat()
}

/// Three queries one after the other, 21 bytes each.
fn three() -> Vec<u8> {
    [framed(1, "a"), framed(2, "b"), framed(3, "c")].concat()
}

const THREE: [&str; 3] = ["1 query a 1", "2 query b 1", "3 query c 1"];

#[track_caller]
fn check_segments(segments: &[Vec<u8>], messages: &[&str], counts: &[&str]) {
    let packets = segments.iter().map(|bytes| packet(Layer::Ip, bytes));
    check(packets, &[messages, counts].concat());
}

#[test]
fn split_at_every_byte() {
    let bytes = three();
    for at in 1..bytes.len() {
        let (first, second) = bytes.split_at(at);
        let segments = [syn(), data(0, first), data(u32::try_from(at).unwrap(), second)];
        let mut reader = Reader::new();
        for bytes in &segments {
            reader.add(&packet(Layer::Ip, bytes));
        }
        let text = reader.finish();
        assert_eq!(text.lines().take(3).collect::<Vec<_>>(), THREE, "split at {at}");
        assert!(!text.contains("lost") && !text.contains("gaps"), "split at {at}: {text}");
    }
}

#[test]
fn one_byte_a_segment() {
    let bytes = three();
    let segments = (0..).zip(&bytes).map(|(at, byte)| data(at, &[*byte]));
    check_segments(&[vec![syn()], segments.collect()].concat(), &THREE, &["packets_held 60", "packets_no_payload 1"]);
}

#[test]
fn pipelined_in_one_segment() {
    check_segments(&[syn(), data(0, &three())], &THREE, &["packets_no_payload 1"]);
}

#[test]
fn out_of_order() {
    let bytes = three();
    let segments = [syn(), data(30, &bytes[30..]), data(10, &bytes[10..30]), data(0, &bytes[..10])];
    check_segments(&segments, &THREE, &["packets_held 2", "packets_no_payload 1"]);
}

#[test]
fn retransmitted_and_overlapping() {
    let bytes = three();
    let segments = [
        syn(),
        syn(),
        data(0, &bytes[..30]),
        data(0, &bytes[..30]),
        data(5, &bytes[5..25]),
        data(50, &bytes[50..]),
        data(50, &bytes[50..]),
        data(20, &bytes[20..55]),
        data(0, &bytes),
    ];
    let counts = ["packets_held 2", "packets_no_payload 2", "packets_retransmitted 3"];
    check_segments(&segments, &THREE, &counts);
}

#[test]
fn started_in_the_middle_at_a_message() {
    check_segments(&[data(77, &three())], &THREE, &[]);
    check_segments(&[data(77, &three()[..30]), data(107, &three()[30..])], &THREE, &[]);
}

#[test]
fn started_in_the_middle_of_a_message() {
    let bytes = three();
    let segments = [data(8, &bytes[8..21]), data(21, &bytes[21..])];
    check_segments(&segments, &THREE[1..], &["packets_held 1", "stream_bytes_lost 13"]);
    let segments = [data(4, &bytes[4..21]), data(21, &bytes[21..])];
    check_segments(&segments, &THREE[1..], &["packets_skipped 1", "stream_bytes_lost 17"]);
}

#[test]
fn inside_of_a_response_is_no_beginning() {
    let mut response = Vec::new();
    captures::each_message("truncation_glibc.pcap", |observation| {
        if observation.message.bytes.len() > 3000 {
            response = observation.message.bytes.to_vec();
        }
    });
    let length = u16::try_from(response.len()).unwrap().to_be_bytes();
    let bytes = [&length[..], &response].concat();
    for at in 1..bytes.len() {
        let after = u32::try_from(bytes.len() - at).unwrap();
        let segments = [data(0, &bytes[at..]), data(after, &framed(1, "a"))];
        let mut reader = Reader::new();
        for bytes in &segments {
            reader.add(&packet(Layer::Ip, bytes));
        }
        assert_eq!(reader.text, "1 query a 1\n", "from {at} on");
    }
}

#[test]
fn length_in_a_segment_of_its_own() {
    let bytes = three();
    let segments = [data(0, &bytes[..2]), data(2, &bytes[2..])];
    check_segments(&segments, &THREE, &["packets_held 1"]);
}

#[test]
fn lost_segment_cuts_its_message_only() {
    let long = [framed(1, "a-long-name-that-will-be-cut"), framed(2, "b")].concat();
    let later = Packet { time: BootTime(2_000_000_000), ..packet(Layer::Ip, &[]) };
    let segments = [syn(), data(0, &long[..20]), data(30, &long[30..40]), data(40, &long[40..])];
    let mut reader = Reader::new();
    for bytes in &segments[..3] {
        reader.add(&packet(Layer::Ip, bytes));
    }
    reader.add(&Packet { bytes: &segments[3], wire_len: u32::try_from(segments[3].len()).unwrap(), ..later });
    let counts = "packets_held 2\npackets_no_payload 1\nmessages_cut 1\nstream_gaps 1\n";
    assert_eq!(reader.finish(), format!("1 query - cut\n2 query b 1\n{counts}"));
}

#[test]
fn what_came_early_is_read_when_the_connection_is_reset() {
    let bytes = three();
    let segments = [syn(), data(21, &bytes[21..]), segment(RST, 63, b"")];
    check_segments(&segments, &THREE[1..], &["packets_held 1", "packets_no_payload 1", "stream_gaps 1"]);
}

#[test]
fn too_many_early_segments_mean_that_one_was_lost() {
    let early = (1..=65).map(|index| data(index * 21, &framed(u16::try_from(index).unwrap(), "x")));
    let segments: Vec<Vec<u8>> = [vec![syn()], early.collect()].concat();
    let messages: Vec<String> = (1..=65).map(|index| format!("{index} query x 1")).collect();
    let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
    check_segments(&segments, &messages, &["packets_held 64", "packets_no_payload 1", "stream_gaps 1"]);
}

#[test]
fn snaplen_cuts_segments() {
    let long = [framed(1, "a-long-name-that-will-be-cut"), framed(2, "b")].concat();
    let check_cut = |captured: usize, counts: &[&str]| {
        let (first, second) = (data(0, &long), data(u32::try_from(long.len()).unwrap(), &framed(3, "c")));
        let cut = Packet { bytes: &first[..HEADERS_LEN + captured], ..packet(Layer::Ip, &first) };
        check([packet(Layer::Ip, &syn()), cut, packet(Layer::Ip, &second)], counts);
    };
    let lost = ["packets_no_payload 1", "messages_cut 1", "stream_gaps 1"];
    check_cut(64, &[&["1 query a-long-name-that-will-be-cut 1", "2 query - cut", "3 query c 1"], &lost[..]].concat());
    check_cut(30, &[&["1 query - cut", "3 query c 1"], &lost[..]].concat());
    let header = ["packets_no_payload 1", "packets_not_dns 1", "messages_header_cut 1", "stream_gaps 1"];
    check_cut(10, &[&["3 query c 1"], &header[..]].concat());
    check_cut(0, &["3 query c 1", "packets_no_payload 1", "packets_skipped 1", "stream_gaps 1"]);
}

#[test]
fn empty_messages_are_counted() {
    let bytes = [&[0, 0][..], &framed(1, "a"), &[0, 0]].concat();
    check_segments(&[syn(), data(0, &bytes)], &THREE[..1], &["packets_no_payload 1", "messages_empty 2"]);
}

#[test]
fn garbage_ends_being_synced_until_the_next_beginning() {
    let garbage = b"\x00\x21GET / HTTP/1.1\r\nHost: example\r\n\r\n";
    let next = u32::try_from(garbage.len()).unwrap();
    let segments = [syn(), data(0, garbage), data(next, &three())];
    let counts = ["packets_no_payload 1", "packets_not_dns 1", "messages_implausible 1", "stream_bytes_lost 35"];
    check_segments(&segments, &THREE, &counts);
    // The same with a length that is never reached.
    let segments = [syn(), data(0, &garbage[1..]), data(next - 1, &three())];
    check_segments(&segments, &THREE, &["packets_no_payload 1", "packets_skipped 1", "stream_bytes_lost 34"]);
}

#[test]
fn ports_used_again() {
    let bytes = three();
    let again = |flags: u8, at: u32, payload: &[u8]| segment(flags, at.wrapping_add(1 << 30), payload);
    let fin = segment(FIN | ACK, 21, b"");
    let segments = [syn(), data(0, &bytes[..21]), fin, data(0, &bytes[..21]), again(SYN, u32::MAX, b"")];
    let segments = [&segments[..], &[again(ACK, 0, &bytes[21..])]].concat();
    check_segments(&segments, &THREE, &["packets_no_payload 3", "packets_retransmitted 1"]);
    // Without having seen SYN.
    let segments = [syn(), data(0, &bytes[..21]), again(ACK, 5, &bytes[21..])];
    check_segments(&segments, &THREE, &["packets_no_payload 1"]);
}

#[test]
fn syn_with_data() {
    check_segments(&[segment(SYN, u32::MAX, &three())], &THREE, &[]);
}

#[test]
fn directions_and_points_are_apart() {
    let bytes = three();
    let other = segment_between([53, 40000], ACK, 0, &bytes[10..]);
    let elsewhere = data(0, &bytes);
    let mut packets = vec![packet(Layer::Ip, &elsewhere); 2];
    packets[1].point.ifindex = 9;
    packets.insert(1, packet(Layer::Ip, &other));
    check(packets, &[&THREE[..], &THREE, &["packets_skipped 1", "stream_bytes_lost 53"]].concat());
}

#[test]
fn streams_are_bounded_and_forgotten() {
    let mut reader = Reader::new();
    let first_part = &three()[..10];
    for port in 1..=5000 {
        if port != 53 {
            reader.add(&packet(Layer::Ip, &segment_between([port, 53], SYN, 0, first_part)));
        }
    }
    reader.expire(BootTime(1));
    let evicted = 4999 - 4096;
    assert_eq!(reader.decoder.counts().streams_evicted, evicted);
    reader.expire(BootTime(1).after(Duration::from_secs(121)));
    let counts = reader.decoder.counts();
    assert_eq!((counts.streams_expired, counts.stream_bytes_lost), (4096, 49_990));
}

#[test]
fn held_bytes_are_bounded() {
    let mut reader = Reader::new();
    let mut beginning = [&[0xff, 0xff][..], &query(1, "a")].concat();
    beginning.resize(60_000, 0);
    for port in 1000..1400 {
        reader.add(&packet(Layer::Ip, &segment_between([port, 53], SYN, 0, &beginning)));
    }
    let counts = reader.decoder.counts();
    let kept = (16 << 20) / 60_000;
    assert_eq!((counts.streams_evicted, counts.stream_bytes_lost), (400 - kept, (400 - kept) * 60_000));
}
