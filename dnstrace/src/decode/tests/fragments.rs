//! Messages in IP fragments.

use std::time::Duration;

use super::packets::{ipv4, ipv6, packet, query, udp, udp_between};
use super::{Reader, check, tcp};
use crate::capture::{BootTime, Layer, Packet};
use crate::decode::FRAGMENT_TIMEOUT;

/// What a fragment of these tests has of its datagram, the last less.
const PART: usize = 24;

/// One family's packets.
#[derive(Clone, Copy)]
struct Family {
    fragment: fn(u16, u16, bool, &[u8]) -> Vec<u8>,
}

const FAMILIES: [Family; 2] = [Family { fragment: ipv4_fragment }, Family { fragment: ipv6_fragment }];

/// A fragment with its IPv4 header; `offset` counts bytes.
fn ipv4_fragment(id: u16, offset: u16, more: bool, payload: &[u8]) -> Vec<u8> {
    ipv4_fragment_of(17, id, offset, more, payload)
}

pub(super) fn ipv4_fragment_of(protocol: u8, id: u16, offset: u16, more: bool, payload: &[u8]) -> Vec<u8> {
    let mut bytes = ipv4(protocol, payload);
    bytes[4..6].copy_from_slice(&id.to_be_bytes());
    bytes[6..8].copy_from_slice(&((offset / 8) | (u16::from(more) << 13)).to_be_bytes());
    bytes
}

/// The same with an IPv6 header.
fn ipv6_fragment(id: u16, offset: u16, more: bool, payload: &[u8]) -> Vec<u8> {
    ipv6_fragment_of(17, id, offset, more, payload)
}

pub(super) fn ipv6_fragment_of(next: u8, id: u16, offset: u16, more: bool, payload: &[u8]) -> Vec<u8> {
    let (part, id) = ((offset | u16::from(more)).to_be_bytes(), u32::from(id).to_be_bytes());
    ipv6(44, &[&[next, 0][..], &part, &id, payload].concat())
}

impl Family {
    /// A datagram in fragments of [`PART`] bytes, in their order.
    fn split(self, id: u16, datagram: &[u8]) -> Vec<Vec<u8>> {
        let parts = datagram.chunks(PART);
        let last = parts.len() - 1;
        let offset = |number: usize| u16::try_from(number * PART).unwrap();
        parts.enumerate().map(|(number, part)| (self.fragment)(id, offset(number), number < last, part)).collect()
    }
}

/// In four fragments.
fn datagram(id: u16) -> Vec<u8> {
    udp(&query(id, &"a".repeat(60)))
}

fn name() -> String {
    "a".repeat(60)
}

fn fragment(bytes: &[u8]) -> Packet<'_> {
    Packet { later_fragments: true, ..packet(Layer::Ip, bytes) }
}

fn at(time: BootTime, bytes: &[u8]) -> Packet<'_> {
    Packet { time, ..fragment(bytes) }
}

#[track_caller]
fn check_fragments<'p>(fragments: impl IntoIterator<Item = &'p Vec<u8>>, expected: &[&str]) {
    check(fragments.into_iter().map(|bytes| fragment(bytes)), expected);
}

fn whole() -> String {
    format!("7 query {} 1", name())
}

/// What is read of a first fragment, and how its packet and the message are counted.
const FIRST: &str = "7 query - cut fragment";

#[test]
fn datagram_is_read_when_its_last_fragment_comes_in_whatever_order() {
    for family in FAMILIES {
        let parts = family.split(7, &datagram(7));
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
            check_fragments(
                order.map(|part: usize| &parts[part]),
                &[&whole(), "packets_fragment 3", "datagrams_reassembled 1"],
            );
        }
    }
}

#[test]
fn time_is_of_the_fragment_that_was_missing() {
    for family in FAMILIES {
        let parts = family.split(7, &datagram(7));
        let mut times = Vec::new();
        let mut reader = Reader::new();
        for (time, bytes) in (100..).zip([&parts[3], &parts[0], &parts[2], &parts[1]]) {
            let packet = at(BootTime(time), bytes);
            reader
                .decoder
                .add(&packet, |o| times.push((o.time, o.fragment, o.message.wire_len, o.message.bytes.len())));
        }
        assert_eq!(times, [(BootTime(103), false, 78, 78)]);
    }
}

#[test]
fn duplicate_fragments_change_nothing() {
    for family in FAMILIES {
        let parts = family.split(7, &datagram(7));
        check_fragments(
            [0, 0, 1, 3, 1, 3, 2].map(|part: usize| &parts[part]),
            &[&whole(), "packets_fragment 6", "datagrams_reassembled 1"],
        );
    }
}

#[test]
fn overlapping_fragments_drop_their_datagram() {
    for family in FAMILIES {
        let parts = family.split(7, &datagram(7));
        let check_overlap = |offset: u16, more: bool, length: usize| {
            let overlapping = (family.fragment)(7, offset, more, &vec![0; length]);
            let order = [&parts[0], &parts[1], &parts[3], &overlapping, &parts[2]];
            check_fragments(order, &["packets_fragment 5", "datagrams_overlapping 1"]);
        };
        // Into the one before, into the one behind, around one, inside of one.
        check_overlap(40, true, 16);
        check_overlap(48, true, 32);
        check_overlap(0, true, 48);
        check_overlap(8, true, 8);
        // Behind the end, another end.
        check_overlap(96, true, 8);
        check_overlap(48, false, 8);
        check_overlap(96, false, 1);
    }
}

#[test]
fn datagrams_are_told_apart() {
    for family in FAMILIES {
        let (one, two) = (family.split(1, &datagram(1)), family.split(2, &datagram(2)));
        let fragments = one.iter().zip(&two).flat_map(|(one, two)| [one, two]);
        let expected = [1, 2].map(|id| format!("{id} query {} 1", name()));
        check_fragments(fragments, &[&expected[0], &expected[1], "packets_fragment 6", "datagrams_reassembled 2"]);

        let other_point = |bytes| {
            let mut packet = fragment(bytes);
            packet.point.ifindex += 1;
            packet
        };
        let parts = family.split(7, &datagram(7));
        let fragments = parts.iter().flat_map(|bytes| [fragment(bytes), other_point(bytes)]);
        check(fragments, &[&whole(), &whole(), "packets_fragment 6", "datagrams_reassembled 2"]);
    }
    // The same identification for another protocol is another datagram.
    let parts = FAMILIES[0].split(7, &datagram(7));
    let icmp = ipv4_fragment_of(1, 7, 24, true, &[0; 48]);
    let counts = ["packets_fragment 4", "datagrams_reassembled 1", "datagrams_unfinished 1"];
    check_fragments([&icmp].into_iter().chain(&parts), &[&[&whole()[..]][..], &counts].concat());
}

#[test]
fn first_fragment_is_given_with_its_own_time_when_the_rest_does_not_come() {
    for family in FAMILIES {
        let parts = family.split(7, &datagram(7));
        let (begin, end) = (BootTime(1_000), BootTime(1_000).after(FRAGMENT_TIMEOUT));
        let mut reader = Reader::new();
        let mut times = Vec::new();
        for part in [&parts[3], &parts[0]] {
            reader.add(&at(begin, part));
        }
        reader.decoder.expire(BootTime(end.0 - 1), |_| panic!("too early"));
        reader.decoder.expire(end, |o| times.push((o.time, o.fragment, o.message.wire_len, o.message.bytes.len())));
        assert_eq!(times, [(begin, true, 78, 16)]);
        assert_eq!((reader.decoder.counts().packets_message, reader.decoder.counts().packets_fragment), (1, 1));
        assert_eq!(
            reader.finish(),
            "packets_fragment 1\nmessages_cut 1\nmessages_first_fragment 1\ndatagrams_timed_out 1\n"
        );
    }
}

#[test]
fn first_fragment_is_given_before_a_packet_that_comes_later() {
    let parts = FAMILIES[0].split(7, &datagram(7));
    let later = ipv4(17, &udp(&query(8, "b")));
    let expected = [FIRST, "8 query b 1", "messages_cut 1", "messages_first_fragment 1", "datagrams_timed_out 1"];
    check([fragment(&parts[0]), at(BootTime(1).after(FRAGMENT_TIMEOUT), &later)], &expected);
    // A packet from long before begins another capture, whose fragments belong to others.
    let begin = BootTime(10).after(FRAGMENT_TIMEOUT);
    check([at(begin, &parts[0]), fragment(&later)], &expected);
}

#[test]
fn later_fragments_alone_give_nothing() {
    for family in FAMILIES {
        let parts = family.split(7, &datagram(7));
        let mut reader = Reader::new();
        parts.iter().skip(1).for_each(|part| reader.add(&fragment(part)));
        reader.expire(BootTime(1).after(Duration::from_secs(1)));
        assert_eq!(reader.finish(), "packets_fragment 3\ndatagrams_timed_out 1\n");
    }
}

#[test]
fn end_of_a_run_gives_first_fragments() {
    for family in FAMILIES {
        let parts = family.split(7, &datagram(7));
        let counts = ["messages_cut 1", "messages_first_fragment 1", "datagrams_unfinished 1"];
        check_fragments([&parts[0], &parts[2]], &[&[FIRST, "packets_fragment 1"][..], &counts].concat());
    }
}

#[test]
fn fragment_captured_in_part_cuts_the_message_there() {
    for family in FAMILIES {
        let parts = family.split(7, &datagram(7));
        let mut seen = Vec::new();
        let mut reader = Reader::new();
        for (number, part) in parts.iter().enumerate() {
            // The second without its last five bytes.
            let bytes = &part[..part.len() - if number == 1 { 5 } else { 0 }];
            let wire_len = u32::try_from(part.len()).unwrap();
            let packet = Packet { wire_len, ..fragment(bytes) };
            reader.decoder.add(&packet, |o| seen.push((o.message.bytes.to_vec(), o.message.wire_len, o.fragment)));
        }
        let expected = &datagram(7)[8..2 * PART - 5];
        assert_eq!(seen, [(expected.to_vec(), 78, false)]);
        assert_eq!(reader.finish(), "packets_fragment 3\nmessages_cut 1\ndatagrams_reassembled 1\n");
    }
}

#[test]
fn headers_not_captured_are_too_short() {
    for family in FAMILIES {
        let parts = family.split(7, &datagram(7));
        let headers = parts[0].len() - PART;
        let cut = Packet { bytes: &parts[0][..headers + 7], ..fragment(&parts[0]) };
        let packets = [cut].into_iter().chain(parts.iter().skip(1).map(|part| fragment(part)));
        check(packets, &["packets_fragment 3", "packets_too_short 1", "datagrams_reassembled 1"]);
    }
}

#[test]
fn oldest_datagram_is_evicted_and_its_first_fragment_given() {
    for family in FAMILIES {
        let firsts: Vec<Vec<u8>> = (0..1025).map(|id| family.split(id, &datagram(id)).remove(0)).collect();
        let mut reader = Reader::new();
        for first in &firsts {
            reader.add(&fragment(first));
        }
        reader.expire(BootTime(1));
        assert_eq!(reader.text, "0 query - cut fragment\n");
        assert_eq!((reader.decoder.counts().datagrams_evicted, reader.decoder.counts().packets_fragment), (1, 1024));
        reader.text.clear();
        let text = reader.finish();
        assert!(text.starts_with("1 query - cut fragment\n2 query - cut fragment\n"), "{text}");
        assert!(text.ends_with("datagrams_evicted 1\ndatagrams_unfinished 1024\n"), "{text}");
    }
}

#[test]
fn bytes_held_are_bounded() {
    for family in FAMILIES {
        let long = |id: u16| (family.fragment)(id, 0, true, &vec![0; 60_000]);
        let mut reader = Reader::new();
        (0..100).for_each(|id| reader.add(&fragment(&long(id))));
        reader.expire(BootTime(1));
        let counts = reader.decoder.counts();
        // 4 MiB are 69 of them.
        assert_eq!((counts.datagrams_evicted, counts.packets_fragment), (31, 69));
    }
}

#[test]
fn datagram_in_too_many_fragments_is_given_up() {
    for family in FAMILIES {
        let mut datagram = datagram(7);
        datagram.resize(130 * 8, 0);
        let parts: Vec<Vec<u8>> =
            (0..130).zip(datagram.chunks(8)).map(|(at, part)| (family.fragment)(7, at * 8, true, part)).collect();
        // The last begins another one.
        let datagrams = ["datagrams_evicted 1", "datagrams_unfinished 1"];
        let counts = ["packets_not_dns 1", "packets_fragment 129", "messages_header_cut 1"];
        check_fragments(&parts, &[&counts[..], &datagrams].concat());
    }
}

#[test]
fn lengths_that_no_fragment_has_are_malformed() {
    for family in FAMILIES {
        let check_malformed = |offset: u16, more: bool, length: usize| {
            check_fragments([&(family.fragment)(7, offset, more, &vec![0; length])], &["packets_malformed 1"]);
        };
        check_malformed(0, true, 23);
        check_malformed(8, true, 0);
        check_malformed(8, false, 0);
        // The last byte would be the 65536th.
        check_malformed(65_528, false, 8);
        check_malformed(65_528, true, 16);
        let counts = ["packets_fragment 1", "datagrams_unfinished 1"];
        check_fragments([&(family.fragment)(7, 65_528, false, &[0; 7])], &counts);
    }
}

#[test]
fn other_ports_are_known_with_the_first_fragment() {
    for family in FAMILIES {
        let parts = family.split(7, &udp_between(123, 40_000, &[0; 80]));
        check_fragments(&parts, &["packets_not_dns_port 1", "packets_fragment 3", "datagrams_reassembled 1"]);
        let counts = ["packets_not_dns_port 1", "datagrams_unfinished 1"];
        check_fragments([&parts[0]], &counts);
    }
}

#[test]
fn tcp_segments_come_in_fragments() {
    let segment = tcp::segment(tcp::ACK, 0, &[tcp::framed(1, "a"), tcp::framed(2, "b")].concat());
    let (first, second) = segment[20..].split_at(32);
    let expected = ["1 query a 1", "2 query b 1", "packets_fragment 1", "datagrams_reassembled 1"];
    for fragment_of in [ipv4_fragment_of, ipv6_fragment_of] {
        check_fragments([&fragment_of(6, 7, 32, false, second), &fragment_of(6, 7, 0, true, first)], &expected);
    }
}

#[test]
fn extension_headers_of_the_whole_are_in_the_first_fragment() {
    let datagram = [&[17, 0, 1, 4, 0, 0, 0, 0][..], &datagram(7)].concat();
    let (first, second) = datagram.split_at(32);
    // RFC 8200, 4.5: what later fragments say of the next header does not count.
    let parts = [ipv6_fragment_of(60, 7, 0, true, first), ipv6_fragment_of(17, 7, 32, false, second)];
    check_fragments(&parts, &[&whole(), "packets_fragment 1", "datagrams_reassembled 1"]);
    check_fragments([&parts[0]], &[FIRST, "messages_cut 1", "messages_first_fragment 1", "datagrams_unfinished 1"]);
}

#[test]
fn fragment_that_is_all_there_is_waits_for_nothing() {
    check_fragments([&ipv6_fragment(7, 0, false, &datagram(7))], &[&whole()]);
    // RFC 6946: also while fragments with the same identification are held.
    let parts = FAMILIES[1].split(7, &datagram(7));
    let counts = ["packets_fragment 3", "datagrams_reassembled 1"];
    let all = [&parts[0], &ipv6_fragment(7, 0, false, &datagram(7)), &parts[1], &parts[2], &parts[3]];
    check_fragments(all, &[&[&whole()[..], &whole()][..], &counts].concat());
}

#[test]
fn fragment_of_a_fragment_is_malformed() {
    let inner = [&[17, 0, 0, 1, 0, 0, 0, 9][..], &datagram(7)].concat();
    let (first, second) = inner.split_at(40);
    let parts = [ipv6_fragment_of(44, 7, 0, true, first), ipv6_fragment_of(44, 7, 40, false, second)];
    check_fragments(&parts, &["packets_fragment 1", "packets_malformed 1", "datagrams_reassembled 1"]);
}

#[test]
fn where_later_fragments_are_not_captured_the_first_is_given_at_once() {
    for family in FAMILIES {
        let parts = family.split(7, &datagram(7));
        let packets = parts.iter().map(|part| packet(Layer::Ip, part));
        check(packets, &[FIRST, "packets_later_fragment 3", "messages_cut 1", "messages_first_fragment 1"]);
    }
}
