//! Packets, made by hand.

use crate::capture::{BootTime, Direction, Hook, Layer, Packet, Point, Socket, WallTime};

/// An Ethernet header and what follows it.
pub(super) fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&[0x02; 12][..], &ether_type.to_be_bytes(), payload].concat()
}

/// A VLAN tag and what follows it.
pub(super) fn tag(vlan: u16, ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&(vlan | 0xe000).to_be_bytes()[..], &ether_type.to_be_bytes(), payload].concat()
}

/// An IPv4 packet with options and fragment field.
pub(super) fn ipv4_with(options: &[u8], fragment: u16, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let header_len = 20 + options.len();
    let total = u16::try_from(header_len + payload.len()).unwrap().to_be_bytes();
    let [f0, f1] = fragment.to_be_bytes();
    let first = 0x40 | u8::try_from(header_len / 4).unwrap();
    let fixed = [first, 0, total[0], total[1], 0, 1, f0, f1, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    [&fixed[..], options, payload].concat()
}

/// An IPv4 packet.
pub(super) fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_with(&[], 0, protocol, payload)
}

/// An IPv6 packet.
pub(super) fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let fixed = [0x60, 0, 0, 0, length[0], length[1], next, 64];
    [&fixed[..], &[0xfd; 16], &[0xfe; 16], payload].concat()
}

/// A UDP datagram from 40000 to 53.
pub(super) fn udp(payload: &[u8]) -> Vec<u8> {
    udp_between(40000, 53, payload)
}

/// A UDP datagram.
pub(super) fn udp_between(src: u16, dst: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap();
    let words = [src, dst, length, 0];
    words.iter().flat_map(|word| word.to_be_bytes()).chain(payload.iter().copied()).collect()
}

/// A query for the address of `name`, one label.
pub(super) fn query(id: u16, name: &str) -> Vec<u8> {
    let header = [id, 0x0100, 1, 0, 0, 0].map(u16::to_be_bytes).concat();
    [&header[..], &[u8::try_from(name.len()).unwrap()], name.as_bytes(), &[0, 0, 1, 0, 1]].concat()
}

/// What `bytes` say, seen received on one interface.
pub(super) fn packet(layer: Layer, bytes: &[u8]) -> Packet<'_> {
    Packet {
        time: BootTime(1),
        wall: WallTime(2),
        point: Point { hook: Hook::Device, direction: Direction::In, ifindex: 3, netns: 4 },
        layer,
        wire_len: u32::try_from(bytes.len()).unwrap(),
        bytes,
        vlan: None,
        gso_size: 0,
        later_fragments: false,
        dropped: None,
        hop_id: None,
        socket: Socket::default(),
    }
}
