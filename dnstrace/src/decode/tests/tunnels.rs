//! Messages inside of tunnels.

use super::fragments::{ipv4_fragment_of, ipv6_fragment_of};
use super::packets::{ethernet, ipv4, ipv6, packet, query, tag, udp, udp_between};
use super::{Reader, check, tcp};
use crate::capture::{Layer, Packet};
use crate::decode::{DecodeOptions, Decoder};

/// Packets of both families with the same message.
fn insides() -> [Vec<u8>; 2] {
    [ipv4(17, &udp(&query(7, "a"))), ipv6(17, &udp(&query(7, "a")))]
}

/// The same in both families' packets, as the payload of `protocol`.
fn outsides(protocol: u8, payload: &[u8]) -> [Vec<u8>; 2] {
    [ipv4(protocol, payload), ipv6(protocol, payload)]
}

fn ether_type(ip: &[u8]) -> u16 {
    if ip[0] >> 4 == 4 { 0x0800 } else { 0x86dd }
}

fn framed(ip: &[u8]) -> Vec<u8> {
    ethernet(ether_type(ip), ip)
}

pub(super) fn gre(flags: u16, protocol: u16, options: &[u8], payload: &[u8]) -> Vec<u8> {
    [&flags.to_be_bytes()[..], &protocol.to_be_bytes(), options, payload].concat()
}

pub(super) fn vxlan(frame: &[u8]) -> Vec<u8> {
    [&[8, 0, 0, 0, 0, 0, 42, 0][..], frame].concat()
}

pub(super) fn geneve(options: &[u8], protocol: u16, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(options.len() / 4).unwrap();
    let [type_high, type_low] = protocol.to_be_bytes();
    [&[length, 0, type_high, type_low, 0, 0, 42, 0][..], options, payload].concat()
}

#[track_caller]
fn check_all(packets: &[Vec<u8>], expected: &[&str]) {
    for bytes in packets {
        check([packet(Layer::Ip, bytes)], expected);
    }
}

/// That the payload of a UDP datagram to `port` is a tunnel's, in both families.
#[track_caller]
fn check_udp(port: u16, payload: &[u8], expected: &[&str]) {
    check_all(&outsides(17, &udp_between(50_000, port, payload)), expected);
}

const UNWRAPPED: [&str; 2] = ["7 query a 1", "tunnels 1"];
const NOT_DNS_PORT: [&str; 1] = ["packets_not_dns_port 1"];
const NOT_UDP_TCP: [&str; 1] = ["packets_not_udp_tcp 1"];

#[test]
fn ip_in_ip_is_unwrapped() {
    let [inside4, inside6] = insides();
    check_all(&outsides(4, &inside4), &UNWRAPPED);
    check_all(&outsides(41, &inside6), &UNWRAPPED);
}

#[test]
fn gre_is_unwrapped_with_any_of_its_options() {
    for inside in insides() {
        let protocol = ether_type(&inside);
        check_all(&outsides(47, &gre(0, protocol, b"", &inside)), &UNWRAPPED);
        check_all(&outsides(47, &gre(0x8000, protocol, &[1; 4], &inside)), &UNWRAPPED);
        check_all(&outsides(47, &gre(0x2000, protocol, &[1; 4], &inside)), &UNWRAPPED);
        check_all(&outsides(47, &gre(0x1000, protocol, &[1; 4], &inside)), &UNWRAPPED);
        check_all(&outsides(47, &gre(0xb000, protocol, &[1; 12], &inside)), &UNWRAPPED);
        check_all(&outsides(47, &gre(0x2000, 0x6558, &[1; 4], &framed(&inside))), &UNWRAPPED);
    }
}

#[test]
fn gre_of_another_kind_is_none() {
    let [inside, _] = insides();
    // Routing, strict source route and recursion of RFC 1701, version 1, ERSPAN, PPP.
    for (flags, protocol) in
        [(0x4000, 0x0800), (0x0800, 0x0800), (0x0400, 0x0800), (1, 0x0800), (0x1000, 0x88be), (0, 0x880b)]
    {
        check_all(&outsides(47, &gre(flags, protocol, b"", &inside)), &NOT_UDP_TCP);
    }
}

#[test]
fn vxlan_is_unwrapped_on_both_ports() {
    for inside in insides() {
        check_udp(4789, &vxlan(&framed(&inside)), &UNWRAPPED);
        check_udp(8472, &vxlan(&framed(&inside)), &UNWRAPPED);
        // A tag and padding are Ethernet's.
        let tagged = [ethernet(0x8100, &tag(9, ether_type(&inside), &inside)), vec![0; 20]].concat();
        check_udp(4789, &vxlan(&tagged), &["7 query a 1 vlan 9", "tunnels 1"]);
    }
}

#[test]
fn what_only_has_the_port_is_no_vxlan() {
    let [inside, _] = insides();
    let good = vxlan(&framed(&inside));
    for (at, value) in [(0, 0), (0, 0x88), (1, 1), (2, 1), (3, 1), (7, 1)] {
        let mut bad = good.clone();
        bad[at] = value;
        check_udp(4789, &bad, &NOT_DNS_PORT);
    }
    check_udp(4789, &good[..7], &NOT_DNS_PORT);
    check_udp(4789, b"", &NOT_DNS_PORT);
    check_udp(4790, &good, &NOT_DNS_PORT);
    // From the port, not to it.
    check_all(&outsides(17, &udp_between(4789, 50_000, &good)), &NOT_DNS_PORT);
    // A DNS client may have the port.
    check_all(&outsides(17, &udp_between(53, 4789, &query(7, "a"))), &["7 query a 1"]);
}

#[test]
fn geneve_is_unwrapped_behind_its_options() {
    for inside in insides() {
        check_udp(6081, &geneve(b"", 0x6558, &framed(&inside)), &UNWRAPPED);
        check_udp(6081, &geneve(&[1; 252], 0x6558, &framed(&inside)), &UNWRAPPED);
        check_udp(6081, &geneve(&[1; 4], ether_type(&inside), &inside), &UNWRAPPED);
    }
}

#[test]
fn what_only_has_the_port_is_no_geneve() {
    let [inside, _] = insides();
    let good = geneve(b"", 0x0800, &inside);
    for (at, value) in [(0, 0x40), (1, 1), (2, 0x09), (7, 1)] {
        let mut bad = good.clone();
        bad[at] = value;
        check_udp(6081, &bad, &NOT_DNS_PORT);
    }
    check_udp(6081, &good[..7], &NOT_DNS_PORT);
}

#[test]
fn addresses_are_the_innermost() {
    let bytes = ipv6(41, &ipv6(4, &ipv4(17, &udp(&query(7, "a")))));
    let mut ends = Vec::new();
    let mut reader = Reader::new();
    reader.decoder.add(&packet(Layer::Ip, &bytes), |o| ends.push((o.src.to_string(), o.dst.to_string())));
    assert_eq!(ends, [("10.0.0.1:40000".to_owned(), "10.0.0.2:53".to_owned())]);
}

#[test]
fn tunnels_are_unwrapped_four_deep() {
    let [inside, _] = insides();
    let one = outsides(4, &inside);
    let two = outsides(17, &udp_between(50_000, 4789, &vxlan(&framed(&one[0]))));
    let three = outsides(47, &gre(0, 0x86dd, b"", &two[1]));
    let four = outsides(17, &udp_between(50_000, 6081, &geneve(b"", 0x0800, &three[0])));
    check_all(&four, &["7 query a 1", "tunnels 4"]);
    check_all(&outsides(4, &four[0]), &["packets_not_udp_tcp 1", "tunnels 4"]);
}

#[test]
fn inside_is_counted_like_a_packet() {
    let check_inside = |inside: &[u8], expected: &str| {
        check_all(&outsides(47, &gre(0, 0x0800, b"", inside)), &[expected, "tunnels 1"]);
    };
    check_inside(&ipv4(17, &udp_between(123, 40_000, &[0; 48])), "packets_not_dns_port 1");
    check_inside(&ipv4(1, &[0; 48]), "packets_not_udp_tcp 1");
    check_inside(&tcp::segment(tcp::SYN, 0, b""), "packets_no_payload 1");
    check_inside(b"", "packets_too_short 1");
    check_inside(&[0; 40], "packets_not_ip 1");
    check_inside(&insides()[0][..27], "packets_malformed 1");
    check_udp(4789, &vxlan(&ethernet(0x0806, &[0; 28])), &["packets_not_ip 1", "tunnels 1"]);
    check_udp(4789, &vxlan(&[2; 13]), &["packets_too_short 1", "tunnels 1"]);
}

#[test]
fn message_in_tcp_in_a_tunnel() {
    let segment = tcp::segment(tcp::ACK, 0, &tcp::framed(7, "a"));
    check_all(&outsides(4, &segment), &UNWRAPPED);
}

#[test]
fn icmp_quotes_are_no_tunnels() {
    let [inside, _] = insides();
    check_all(&outsides(1, &[&[3, 3, 0, 0, 0, 0, 0, 0][..], &ipv4(4, &inside)].concat()), &NOT_UDP_TCP);
}

#[test]
fn headers_that_lie_are_malformed() {
    // Options that the packet does not have.
    check_all(&outsides(47, &gre(0x2000, 0x0800, b"", b"")), &["packets_malformed 1"]);
    check_all(&outsides(47, &[0, 0, 8]), &["packets_malformed 1"]);
    check_udp(6081, &geneve(&[1; 252], 0x0800, b"")[..100], &["packets_malformed 1"]);
    // A packet inside that is longer than what it is in.
    let mut longer = insides()[0].clone();
    longer[3] += 1;
    check_all(&outsides(4, &longer), &["packets_malformed 1", "tunnels 1"]);
}

#[test]
fn headers_that_were_not_captured_are_too_short() {
    let [inside, _] = insides();
    let check_cut = |bytes: &[u8], captured: usize, expected: &[&str]| {
        check([Packet { bytes: &bytes[..captured], ..packet(Layer::Ip, bytes) }], expected);
    };
    let bytes = ipv4(47, &gre(0x2000, 0x0800, &[1; 4], &inside));
    check_cut(&bytes, 20, &["packets_too_short 1"]);
    check_cut(&bytes, 23, &["packets_too_short 1"]);
    check_cut(&bytes, 27, &["packets_too_short 1"]);
    check_cut(&bytes, 28, &["packets_too_short 1", "tunnels 1"]);
    check_cut(&bytes, 55, &["packets_too_short 1", "tunnels 1"]);
    check_cut(&bytes, 68, &["7 query - cut", "messages_cut 1", "tunnels 1"]);
    let bytes = ipv4(17, &udp_between(50_000, 4789, &vxlan(&framed(&inside))));
    check_cut(&bytes, 35, &["packets_too_short 1"]);
    check_cut(&bytes, 40, &["packets_too_short 1", "tunnels 1"]);
}

#[test]
fn tunnel_in_fragments_and_fragments_in_a_tunnel() {
    let datagram = udp(&query(7, &"a".repeat(40)));
    let whole = format!("7 query {} 1", "a".repeat(40));
    let expected = [&whole, "packets_fragment 1", "datagrams_reassembled 1", "tunnels 1"];
    let tunnel = gre(0, 0x0800, b"", &ipv4(17, &datagram));
    let (first, second) = tunnel.split_at(48);
    for fragment_of in [ipv4_fragment_of, ipv6_fragment_of] {
        let parts = [fragment_of(47, 9, 0, true, first), fragment_of(47, 9, 48, false, second)];
        check(parts.iter().map(|bytes| captured(bytes)), &expected);
        // The first alone has the header of the packet inside, and that says how long it is.
        let counts = ["messages_cut 1", "messages_first_fragment 1", "tunnels 1"];
        check([packet(Layer::Ip, &parts[0])], &[&["7 query - cut fragment"][..], &counts].concat());
    }
    let (first, second) = datagram.split_at(32);
    for fragment_of in [ipv4_fragment_of, ipv6_fragment_of] {
        let parts = [fragment_of(17, 9, 0, true, first), fragment_of(17, 9, 32, false, second)];
        let wrapped = parts.map(|part| ipv6(if part[0] >> 4 == 4 { 4 } else { 41 }, &part));
        check(
            wrapped.iter().map(|bytes| captured(bytes)),
            &[&whole, "packets_fragment 1", "datagrams_reassembled 1", "tunnels 2"],
        );
    }
}

fn captured(bytes: &[u8]) -> Packet<'_> {
    Packet { later_fragments: true, ..packet(Layer::Ip, bytes) }
}

#[test]
fn tunnels_are_left_alone_when_not_wanted() {
    let [inside, _] = insides();
    let mut decoder = Decoder::new(&DecodeOptions { ports: vec![53], tunnels: false });
    let packets = [
        ipv4(4, &inside),
        ipv4(47, &gre(0, 0x0800, b"", &inside)),
        ipv4(17, &udp_between(50_000, 4789, &vxlan(&framed(&inside)))),
        ipv4(17, &udp_between(50_000, 6081, &geneve(b"", 0x0800, &inside))),
    ];
    for bytes in &packets {
        decoder.add(&packet(Layer::Ip, bytes), |o| panic!("{o:?}"));
    }
    let counts = decoder.counts();
    assert_eq!((counts.packets_not_udp_tcp, counts.packets_not_dns_port, counts.tunnels), (2, 2, 0));
    assert!(counts.add_up());
}
