//! Link, IP and UDP headers.

use std::net::SocketAddr;

use super::super::{DecodeOptions, Decoder};
use super::check;
use super::packets::{ethernet, ipv4, ipv4_with, ipv6, packet, query, tag, udp, udp_between};
use crate::capture::{Layer, Packet, Transport};

#[track_caller]
fn check_ethernet(bytes: &[u8], expected: &str) {
    check([packet(Layer::Ethernet, bytes)], &[expected]);
}

#[track_caller]
fn check_ip(bytes: &[u8], expected: &str) {
    check([packet(Layer::Ip, bytes)], &[expected]);
}

fn datagram() -> Vec<u8> {
    udp(&query(7, "a"))
}

#[test]
fn ethernet_with_and_without_tags() {
    let ip = ipv4(17, &datagram());
    check_ethernet(&ethernet(0x0800, &ip), "7 query a 1");
    check_ethernet(&ethernet(0x86dd, &ipv6(17, &datagram())), "7 query a 1");
    check_ethernet(&ethernet(0x8100, &tag(100, 0x0800, &ip)), "7 query a 1 vlan 100");
    check_ethernet(&ethernet(0x88a8, &tag(5, 0x8100, &tag(6, 0x0800, &ip))), "7 query a 1 vlan 6");
    check_ethernet(&ethernet(0x9100, &tag(5, 0x86dd, &ipv6(17, &datagram()))), "7 query a 1 vlan 5");
    check_ethernet(&ethernet(0x8100, &tag(5, 0x8100, &tag(6, 0x8100, &tag(7, 0x0800, &ip)))), "packets_not_ip 1");
    check_ethernet(&ethernet(0x0806, &ip), "packets_not_ip 1");
    check_ethernet(&ethernet(0x8100, b"\0\x01"), "packets_too_short 1");
    check_ethernet(&[2; 13], "packets_too_short 1");
    check_ethernet(&ethernet(0x0800, b""), "packets_too_short 1");
}

#[test]
fn tag_the_device_took_off() {
    let bytes = ethernet(0x0800, &ipv4(17, &datagram()));
    check([Packet { vlan: Some(9), ..packet(Layer::Ethernet, &bytes) }], &["7 query a 1 vlan 9"]);
}

#[test]
fn short_frames_are_padded() {
    let bytes = [ethernet(0x0800, &ipv4(17, &datagram())), vec![0; 20]].concat();
    check_ethernet(&bytes, "7 query a 1");
}

#[test]
fn ipv4_options_and_lies() {
    check_ip(&ipv4_with(&[1; 40], 0, 17, &datagram()), "7 query a 1");
    check_ip(&ipv4(1, &datagram()), "packets_not_udp_tcp 1");
    check_ip(&ipv4(17, &datagram())[..19], "packets_too_short 1");
    let mut no_length = ipv4(17, &datagram());
    no_length[2..4].fill(0);
    check_ip(&no_length, "7 query a 1");
    let mut short_header = ipv4(17, &datagram());
    short_header[0] = 0x44;
    check_ip(&short_header, "packets_malformed 1");
    let mut longer = ipv4(17, &datagram());
    longer[2] = 1;
    check_ip(&longer, "packets_malformed 1");
    check_ip(b"\x00\x01", "packets_not_ip 1");
    check_ip(b"", "packets_too_short 1");
    check([packet(Layer::Other, &ipv4(17, &datagram()))], &["packets_not_ip 1"]);
}

#[test]
fn ipv6_extension_headers() {
    let hop_by_hop = |next: u8, rest: &[u8]| [&[next, 0, 1, 4, 0, 0, 0, 0][..], rest].concat();
    let routing = |next: u8, rest: &[u8]| [&[next, 2, 0, 0][..], &[0; 20], rest].concat();
    let authentication = |next: u8, rest: &[u8]| [&[next, 4, 0, 0][..], &[0; 20], rest].concat();
    let all = hop_by_hop(43, &routing(60, &hop_by_hop(51, &authentication(17, &datagram()))));
    check_ip(&ipv6(0, &all), "7 query a 1");
    check_ip(&ipv6(59, b""), "packets_not_udp_tcp 1");
    check_ip(&ipv6(0, &[0, 9, 0, 0]), "packets_too_short 1");
    check_ip(&ipv6(0, &[0; 80]), "packets_malformed 1");
    check_ip(&ipv6(17, &datagram())[..39], "packets_too_short 1");
    let mut jumbogram = ipv6(17, &datagram());
    jumbogram[4..6].fill(0);
    check_ip(&jumbogram, "7 query a 1");
    let mut longer = ipv6(17, &datagram());
    longer[4] = 1;
    check_ip(&longer, "packets_malformed 1");
}

#[test]
fn first_fragment_is_read_and_later_ones_are_counted() {
    let datagram = datagram();
    let first = ipv4_with(&[], 0x2000, 17, &datagram[..24]);
    check([packet(Layer::Ip, &first)], &["7 query - cut fragment", "messages_cut 1", "messages_first_fragment 1"]);
    check_ip(&ipv4_with(&[], 0x0003, 17, &datagram[24..]), "packets_later_fragment 1");
    check_ip(&ipv4_with(&[], 0x4000, 17, &datagram), "7 query a 1");

    let header = |offset: u8| [17, 0, 0, offset, 0, 0, 0, 1];
    let first = ipv6(44, &[&header(1), &datagram[..24]].concat());
    check([packet(Layer::Ip, &first)], &["7 query - cut fragment", "messages_cut 1", "messages_first_fragment 1"]);
    check_ip(&ipv6(44, &[&header(0x18), &datagram[24..]].concat()), "packets_later_fragment 1");
    // RFC 6946: a fragment that is all there is.
    check_ip(&ipv6(44, &[&header(0), &datagram[..]].concat()), "7 query a 1");
}

#[test]
fn other_ports_are_counted() {
    check_ip(&ipv4(17, &udp_between(53, 40000, &query(7, "a"))), "7 query a 1");
    check_ip(&ipv4(17, &udp_between(5353, 5353, &query(7, "a"))), "7 query a 1");
    check_ip(&ipv4(17, &udp_between(54, 40000, &query(7, "a"))), "packets_not_dns_port 1");
}

#[test]
fn message_that_a_server_tells_has_no_headers_and_any_ports() {
    let [src, dst] = [([10, 0, 0, 5], 40000), ([10, 0, 0, 10], 0)].map(SocketAddr::from);
    for transport in [Transport::Udp, Transport::Tcp] {
        let layer = Layer::Message { src, dst, transport };
        let told = query(7, "a");
        check([packet(layer, &told)], &["7 query a 1"]);
        check([Packet { vlan: Some(9), ..packet(layer, &told) }], &["7 query a 1 vlan 9"]);
        check([packet(layer, &told[..11])], &["packets_not_dns 1", "messages_too_short 1"]);
        check([packet(layer, b"")], &["packets_not_dns 1", "messages_too_short 1"]);
        check([packet(layer, &[0xff; 40])], &["packets_not_dns 1", "messages_implausible 1"]);
        let mut decoder = Decoder::new(&DecodeOptions { ports: vec![53], tunnels: true });
        let mut seen = None;
        decoder.add(&packet(layer, &told), |o| seen = Some((o.src, o.dst, o.transport, o.fragment)));
        assert_eq!(seen, Some((src, dst, transport, false)));
    }
}
