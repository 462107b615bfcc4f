//! Captures made here: packets in tunnels.

use dnstrace_tests::frame;
use dnstrace_tests::node::wire;
use dnstrace_tests::pcap::{self, Pcap};

use crate::generated::check;

const IP_IN_IP: u8 = 4;
const IPV6_IN_IP: u8 = 41;
const GRE: u8 = 47;
/// Transparent Ethernet bridging.
const BRIDGED: u16 = 0x6558;

/// A packet that is in a tunnel, as IPv4 and as IPv6.
fn inside() -> [Vec<u8>; 2] {
    let udp = frame::udp(40_000, 53, frame::QUERY);
    [frame::ipv4(frame::UDP, &[], 0, &udp), frame::ipv6(frame::UDP, &udp)]
}

fn vxlan(port: u16, inner: &[u8]) -> Vec<u8> {
    frame::udp(50_000, port, &[&[8, 0, 0, 0, 0, 0, 1, 0][..], inner].concat())
}

fn geneve(protocol: u16, options: &[u8], inner: &[u8]) -> Vec<u8> {
    let words = u8::try_from(options.len() / 4).unwrap();
    let [high, low] = protocol.to_be_bytes();
    frame::udp(50_000, 6081, &[&[words, 0, high, low, 0, 0, 1, 0][..], options, inner].concat())
}

fn gre(flags: u16, protocol: u16, fields: &[u8], inner: &[u8]) -> Vec<u8> {
    [&flags.to_be_bytes()[..], &protocol.to_be_bytes(), fields, inner].concat()
}

#[test]
fn every_tunnel() {
    let [v4, v6] = inside();
    let bridged = frame::ethernet(frame::IPV4, &v4);
    let tagged = frame::ethernet(frame::VLAN, &frame::tag(9, frame::IPV6, &v6));
    let udp = [
        vxlan(4789, &bridged),
        vxlan(8472, &tagged),
        geneve(BRIDGED, &[], &bridged),
        geneve(BRIDGED, &[1, 2, 3, 1, 0, 0, 0, 7], &tagged),
        geneve(frame::IPV4, &[], &v4),
        geneve(frame::IPV6, &[], &v6),
    ];
    let ip = [
        (IP_IN_IP, v4.clone()),
        (IPV6_IN_IP, v6.clone()),
        (GRE, gre(0, frame::IPV4, &[], &v4)),
        (GRE, gre(0, frame::IPV6, &[], &v6)),
        // With a key, and with a key and a sequence number (RFC 2890).
        (GRE, gre(0x2000, frame::IPV4, &[0, 0, 0, 1], &v4)),
        (GRE, gre(0x3000, BRIDGED, &[0, 0, 0, 1, 0, 0, 0, 2], &bridged)),
    ];
    let mut capture = Pcap::new(pcap::RAW);
    let count = 2 * (udp.len() + ip.len());
    for (protocol, payload) in udp.into_iter().map(|udp| (frame::UDP, udp)).chain(ip) {
        capture.frame(&frame::ipv4(protocol, &[], 0, &payload));
        capture.frame(&frame::ipv6(protocol, &payload));
    }
    check("tunnels", capture, count);
}

#[test]
fn tunnels_in_tunnels() {
    let [v4, _] = inside();
    let bridged = frame::ethernet(frame::IPV4, &v4);
    let outer = frame::ipv4(frame::UDP, &[], 0, &vxlan(4789, &bridged));
    let mut capture = Pcap::new(pcap::RAW);
    capture.frame(&frame::ipv4(IP_IN_IP, &[], 0, &outer));
    capture.frame(&frame::ipv6(frame::UDP, &geneve(BRIDGED, &[], &frame::ethernet(frame::IPV4, &outer))));
    check("nested tunnels", capture, 2);
}

#[test]
fn tcp_in_a_tunnel() {
    let stream = wire::framed(&wire::query(5, "a.example", wire::A));
    let segments = [(0, 0x02, &[][..]), (1, 0x18, &stream[..9]), (10, 0x18, &stream[9..])];
    let mut capture = Pcap::new(pcap::RAW);
    for (seq, flags, payload) in segments {
        let segment = frame::segment(40_000, 53, seq, flags, payload);
        let inner = frame::ethernet(frame::IPV4, &frame::ipv4(frame::TCP, &[], 0, &segment));
        capture.frame(&frame::ipv4(frame::UDP, &[], 0, &vxlan(4789, &inner)));
    }
    check("TCP in VXLAN", capture, 1);
}

#[test]
fn fragments_of_a_tunnel() {
    let [v4, _] = inside();
    let whole = vxlan(4789, &frame::ethernet(frame::IPV4, &v4));
    let mut capture = Pcap::new(pcap::RAW);
    for (part, flags) in [(0..48, 0x2000), (48..whole.len(), 6)] {
        capture.frame(&frame::ipv4(frame::UDP, &[], flags, &whole[part]));
    }
    check("fragmented tunnel", capture, 1);
}
