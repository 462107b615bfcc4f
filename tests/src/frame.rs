//! Frames, built from the inside out: a DNS query in UDP or TCP, in IP, in Ethernet.

/// A query for `a.example`, type A, message ID 7.
pub const QUERY: &[u8] = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x01a\x07example\0\0\x01\0\x01";

/// EtherTypes.
pub const IPV4: u16 = 0x0800;
/// EtherType of IPv6.
pub const IPV6: u16 = 0x86dd;
/// EtherType of an 802.1Q tag.
pub const VLAN: u16 = 0x8100;
/// EtherType of an 802.1ad tag.
pub const SERVICE_VLAN: u16 = 0x88a8;

/// IP protocol numbers.
pub const TCP: u8 = 6;
/// IP protocol number of UDP.
pub const UDP: u8 = 17;

/// A UDP datagram.
#[must_use]
pub fn udp(src: u16, dst: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 8).unwrap_or(u16::MAX);
    [&src.to_be_bytes()[..], &dst.to_be_bytes(), &length.to_be_bytes(), &[0, 0], payload].concat()
}

/// A TCP segment without options; `flags` as in the lower byte of its flags.
#[must_use]
pub fn tcp(src: u16, dst: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
    segment(src, dst, 1, flags, payload)
}

/// The same with a sequence number.
#[must_use]
pub fn segment(src: u16, dst: u16, seq: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let rest = [0, 0, 0, 1, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0];
    [&src.to_be_bytes()[..], &dst.to_be_bytes(), &seq.to_be_bytes(), &rest, payload].concat()
}

/// An IPv4 packet. `options` are whole words, `fragment` is the field with flags and offset.
#[must_use]
pub fn ipv4(protocol: u8, options: &[u8], fragment: u16, payload: &[u8]) -> Vec<u8> {
    let header = 20 + options.len();
    let length = u16::try_from(header + payload.len()).unwrap_or(u16::MAX);
    let version = 0x40 | u8::try_from(header / 4).unwrap_or(15);
    let start = [&[version, 0][..], &length.to_be_bytes(), &[0, 9], &fragment.to_be_bytes()].concat();
    [&start[..], &[64, protocol, 0, 0, 10, 244, 0, 10, 10, 96, 0, 10], options, payload].concat()
}

/// An IPv6 packet; `next` is what `payload` starts with.
#[must_use]
pub fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
    let address = |last| [0xfd, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    [&[0x60, 0, 0, 0][..], &length.to_be_bytes(), &[next, 64], &address(1), &address(2), payload].concat()
}

/// An IPv6 extension header of eight bytes before `payload`, which `next` names.
#[must_use]
pub fn extension(next: u8, payload: &[u8]) -> Vec<u8> {
    [&[next, 0, 1, 4, 0, 0, 0, 0][..], payload].concat()
}

/// An IPv6 fragment header before `payload`; `offset` is the field with offset and flag.
#[must_use]
pub fn fragment(next: u8, offset: u16, payload: &[u8]) -> Vec<u8> {
    [&[next, 0][..], &offset.to_be_bytes(), &[0, 0, 0, 9], payload].concat()
}

/// An Ethernet frame.
#[must_use]
pub fn ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2][..], &ethertype.to_be_bytes(), payload].concat()
}

/// A VLAN tag, in band, before `payload`, which `ethertype` names.
#[must_use]
pub fn tag(vlan: u16, ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [&vlan.to_be_bytes()[..], &ethertype.to_be_bytes(), payload].concat()
}
