//! Captures made here: datagrams in fragments.

use dnstrace_tests::frame;
use dnstrace_tests::node::wire;
use dnstrace_tests::pcap::{self, Pcap};

use crate::generated::check;

/// A response of some hundred bytes.
fn datagram(id: u16) -> Vec<u8> {
    frame::udp(53, 40_000, &wire::response(&wire::query(id, "a.example", wire::AAAA), 40))
}

/// A part of a datagram from `start` on; offsets count in eights.
fn ipv4(datagram: &[u8], id: u16, part: std::ops::Range<usize>) -> Vec<u8> {
    let more = if part.end < datagram.len() { 0x2000 } else { 0 };
    let offset = u16::try_from(part.start / 8).unwrap();
    let mut packet = frame::ipv4(frame::UDP, &[], offset | more, &datagram[part]);
    packet[4..6].copy_from_slice(&id.to_be_bytes());
    packet
}

fn ipv6(datagram: &[u8], id: u16, part: std::ops::Range<usize>) -> Vec<u8> {
    let more = u16::from(part.end < datagram.len());
    let offset = u16::try_from(part.start).unwrap();
    let mut fragment = frame::fragment(frame::UDP, offset | more, &datagram[part]);
    fragment[4..8].copy_from_slice(&u32::from(id).to_be_bytes());
    frame::ipv6(44, &fragment)
}

#[test]
fn fragments_of_every_size() {
    let mut capture = Pcap::new(pcap::RAW);
    let sizes = (48..640).step_by(8);
    for (size, id) in sizes.clone().zip(1..) {
        let datagram = datagram(id);
        for start in (0..datagram.len()).step_by(size) {
            let part = start..datagram.len().min(start + size);
            capture.frame(&ipv4(&datagram, id, part.clone()));
            capture.frame(&ipv6(&datagram, id, part));
        }
    }
    check("fragments", capture, 2 * sizes.count());
}

#[test]
fn fragments_in_every_order() {
    let mut capture = Pcap::new(pcap::RAW);
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for (order, id) in orders.iter().zip(1..) {
        let datagram = datagram(id);
        let parts = [0..80, 80..240, 240..datagram.len()];
        for part in order {
            capture.frame(&ipv4(&datagram, id, parts[*part].clone()));
            capture.frame(&ipv6(&datagram, id, parts[*part].clone()));
        }
    }
    check("order of fragments", capture, 12);
}

#[test]
fn interleaved_datagrams() {
    let mut capture = Pcap::new(pcap::RAW);
    let datagrams = [datagram(1), datagram(2), datagram(3)];
    for part in [0..160, 160..datagrams[0].len()] {
        for (datagram, id) in datagrams.iter().zip(1..) {
            capture.frame(&ipv4(datagram, id, part.clone()));
        }
    }
    check("interleaved fragments", capture, 3);
}

#[test]
fn lost_fragments_leave_the_first() {
    let mut capture = Pcap::new(pcap::RAW);
    let datagram = datagram(1);
    // Only the first of two, of three; only the last; first and last.
    capture.frame(&ipv4(&datagram, 1, 0..160));
    capture.frame(&ipv6(&self::datagram(2), 2, 0..240));
    capture.frame(&ipv4(&self::datagram(3), 3, 160..datagram.len()));
    capture.frame(&ipv4(&self::datagram(4), 4, 0..160));
    capture.frame(&ipv4(&self::datagram(4), 4, 320..datagram.len()));
    check("lost fragments", capture, 3);
}

#[test]
fn tcp_segments_in_fragments() {
    let mut capture = Pcap::new(pcap::RAW);
    let stream = wire::framed(&wire::response(&wire::query(5, "a.example", wire::A), 20));
    capture.frame(&frame::ipv4(frame::TCP, &[], 0, &frame::segment(53, 40_000, 0, 0x12, &[])));
    let segment = frame::segment(53, 40_000, 1, 0x18, &stream);
    for (part, flags) in [(0..64, 0x2000), (64..segment.len(), 8)] {
        capture.frame(&frame::ipv4(frame::TCP, &[], flags, &segment[part]));
    }
    check("segment in fragments", capture, 1);
}
