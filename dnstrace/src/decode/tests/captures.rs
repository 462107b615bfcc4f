//! Recorded packets: what is read from them is what tshark reads.
//!
//! The expected lines were printed by tshark 4.0 (`-T fields`, each interface and direction by itself, so that it does
//! not take other sightings for retransmissions nor their fragments for one datagram's, without messages quoted by ICMP)
//! and brought into this form.

use std::fs::{self, File};
use std::path::Path;

use super::super::{DecodeOptions, Decoder, IcmpError, Observation, Signal, SignalEvent, Transport};
use crate::capture::file::{CaptureFile, FileItem};
use crate::capture::{Direction, Layer};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/captures");

/// Gives every message of a recording.
pub(super) fn each_message(file: &str, mut each: impl FnMut(&Observation<'_>)) -> Decoder {
    let mut file = open(file);
    let mut decoder = Decoder::new(&DecodeOptions { ports: vec![53], tunnels: true });
    let mut read = |item: FileItem<'_>| {
        if let FileItem::Packet(packet) = item {
            decoder.add(packet, &mut each);
        }
    };
    while file.next(&mut read).unwrap() {}
    decoder.finish(&mut each);
    decoder
}

/// Every packet of a recording, as much of it as the decoder sees.
pub(super) fn packets(file: &str) -> Vec<(Layer, Vec<u8>)> {
    let mut file = open(file);
    let mut packets = Vec::new();
    let mut read = |item: FileItem<'_>| {
        if let FileItem::Packet(packet) = item {
            packets.push((packet.layer, packet.bytes.to_vec()));
        }
    };
    while file.next(&mut read).unwrap() {}
    packets
}

fn open(file: &str) -> CaptureFile<File> {
    CaptureFile::open(File::open(format!("{FOLDER}/{file}")).unwrap()).unwrap()
}

#[track_caller]
fn check(file: &str, counts: &[&str]) {
    let mut lines = Vec::new();
    let decoder = each_message(file, |observation| lines.push(line(observation)));
    // tshark's interfaces were read one after the other.
    lines.sort();
    let expected = fs::read_to_string(Path::new(FOLDER).join(file).with_extension("messages.txt")).unwrap();
    let difference = lines.iter().map(String::as_str).zip(expected.lines()).find(|(ours, tshark)| ours != tshark);
    assert_eq!((difference, lines.len()), (None, expected.lines().count()));
    assert!(decoder.counts().add_up());
    assert_eq!(super::shown(decoder.counts()).lines().collect::<Vec<_>>(), counts);
}

fn line(observation: &Observation<'_>) -> String {
    let direction = if observation.point.direction == Direction::Out { "out" } else { "in" };
    let transport = if observation.transport == Transport::Udp { "udp" } else { "tcp" };
    let header = observation.message.header;
    let question = observation.message.question.unwrap();
    format!(
        "{}.{:09} if{} {direction} {transport} {} {} id={:#06x} flags={:#06x} counts={} {} {} {} len={}",
        observation.wall.0 / 1_000_000_000,
        observation.wall.0 % 1_000_000_000,
        observation.point.ifindex,
        observation.src,
        observation.dst,
        header.id,
        header.flags,
        header.counts.map(|count| count.to_string()).join(","),
        question.name,
        question.qtype,
        question.qclass,
        observation.message.wire_len,
    )
}

#[test]
fn queries_and_responses_through_a_service() {
    check("baseline.pcap", &[]);
}

#[test]
fn truncation_then_tcp_pipelined() {
    let fragments = ["packets_fragment 3", "packets_icmp_error 2", "datagrams_reassembled 3"];
    check("truncation_glibc.pcap", &[&["packets_no_payload 69"][..], &fragments].concat());
}

#[test]
fn search_list() {
    check("ndots_external_glibc.pcap", &[]);
}

#[test]
fn response_in_fragments() {
    check("fragment_dropped.pcap", &["packets_fragment 1", "datagrams_reassembled 1"]);
}

#[test]
fn pcapng_holds_the_same() {
    check("fragment_dropped.pcapng", &["packets_fragment 1", "datagrams_reassembled 1"]);
}

#[test]
fn messages_split_over_segments() {
    check("tcp_split_ipv4_ipv6.pcap", &["packets_held 31", "packets_no_payload 75"]);
}

#[test]
fn rejected_with_icmp() {
    check("no_endpoints_reject.pcap", &["packets_no_payload 2", "packets_icmp_error 18"]);
}

/// The errors of a recording, a line each.
fn errors(file: &str) -> Vec<String> {
    let mut file = open(file);
    let mut decoder = Decoder::new(&DecodeOptions { ports: vec![53], tunnels: true });
    let mut lines = Vec::new();
    let mut read = |item: FileItem<'_>| {
        let FileItem::Packet(packet) = item else { return };
        let Some(Signal { point, event: SignalEvent::Rejected(error), subject, .. }) =
            decoder.add(packet, |_| {}).signal
        else {
            return;
        };
        let IcmpError { from, to, kind, code } = error;
        let id = subject.message.map(|message| message.header.id);
        lines.push(format!(
            "if{} {from} > {to} {kind}/{code}: {} > {} {id:x?}",
            point.ifindex, subject.src, subject.dst
        ));
    };
    while file.next(&mut read).unwrap() {}
    lines
}

#[test]
fn errors_quote_what_was_rejected() {
    // As tcpdump prints them; the last one quotes a SYN.
    let lines = errors("no_endpoints_reject.pcap");
    assert_eq!(lines[0], "if2 10.244.0.1 > 10.244.0.10 3/3: 10.244.0.10:47205 > 10.96.0.10:53 Some(21b1)");
    assert_eq!(lines[1], "if3 10.244.0.1 > 10.244.0.10 3/3: 10.244.0.10:47205 > 10.96.0.10:53 Some(21b1)");
    assert_eq!(lines[17], "if3 10.244.0.1 > 10.244.0.10 3/3: 10.244.0.10:46051 > 10.96.0.10:53 None");
    let lines = errors("reply_unexpected_source.pcap");
    assert_eq!(lines[0], "if3 10.244.0.10 > 10.244.0.53 3/3: 10.244.0.53:53 > 10.244.0.10:33022 Some(4e0f)");
}
