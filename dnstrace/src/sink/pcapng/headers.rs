//! Headers for a message that came without: dnstap tells addresses and ports, pcapng wants packets.

use std::net::{IpAddr, SocketAddr};

use crate::capture::Transport;

/// IANA protocol numbers.
const TCP: u8 = 6;
const UDP: u8 = 17;
const HOP_LIMIT: u8 = 64;
/// SYN, PSH and ACK: each message is a connection of its own, as nobody tells which belong together.
const TCP_FLAGS: u8 = 0x1a;
const WINDOW: u16 = u16::MAX;
const IPV4_LEN: usize = 20;
const IPV6_LEN: usize = 40;

/// What stands before a message of `length` bytes. `seq` tells messages over TCP apart.
pub(super) fn headers(src: SocketAddr, dst: SocketAddr, transport: Transport, length: u32, seq: u32) -> Vec<u8> {
    let (protocol, upper) = match transport {
        Transport::Udp => (UDP, udp(src.port(), dst.port(), length)),
        Transport::Tcp => (TCP, tcp(src.port(), dst.port(), length, seq)),
    };
    let payload = length.saturating_add(u32::try_from(upper.len()).unwrap_or(u32::MAX));
    let mut bytes = match (src.ip(), dst.ip()) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => ipv4(protocol, payload, [src.octets(), dst.octets()].as_flattened()),
        (src, dst) => ipv6(protocol, payload, [mapped(src), mapped(dst)].as_flattened()),
    };
    bytes.extend(upper);
    bytes
}

fn mapped(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// What a field of 16 bits has no room for is 0, as in the super-packets of Linux: the packet's own length counts.
fn short(length: u32) -> [u8; 2] {
    u16::try_from(length).unwrap_or(0).to_be_bytes()
}

fn udp(src: u16, dst: u16, length: u32) -> Vec<u8> {
    // RFC 768: a checksum of 0 is none.
    [src.to_be_bytes(), dst.to_be_bytes(), short(length.saturating_add(8)), [0; 2]].concat()
}

fn tcp(src: u16, dst: u16, length: u32, seq: u32) -> Vec<u8> {
    let ports = [src.to_be_bytes(), dst.to_be_bytes()].concat();
    let flags = [5 << 4, TCP_FLAGS];
    let end = [WINDOW.to_be_bytes(), [0; 2], [0; 2]].concat();
    // RFC 1035, 4.2.2: over TCP, the length comes before the message.
    [&ports[..], &seq.to_be_bytes(), &[0; 4], &flags, &end, &short(length)].concat()
}

fn ipv4(protocol: u8, payload: u32, addresses: &[u8]) -> Vec<u8> {
    let length = short(payload.saturating_add(20));
    let mut header = [&[0x45, 0][..], &length, &[0, 0, 0x40, 0, HOP_LIMIT, protocol, 0, 0], addresses].concat();
    let sum: u32 = header.chunks_exact(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum();
    // RFC 1071: carries are added again.
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !u16::try_from(folded & 0xffff).unwrap_or(0);
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    debug_assert_eq!(header.len(), IPV4_LEN);
    header
}

fn ipv6(protocol: u8, payload: u32, addresses: &[u8]) -> Vec<u8> {
    let header = [&[0x60, 0, 0, 0][..], &short(payload), &[protocol, HOP_LIMIT], addresses].concat();
    debug_assert_eq!(header.len(), IPV6_LEN);
    header
}
