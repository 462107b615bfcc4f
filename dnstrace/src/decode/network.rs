//! Link and IP headers: a packet to the payload of its IP packet.

use std::net::IpAddr;

use crate::capture::{Layer, Packet};

/// More extension headers than any sender puts; a bound for hostile packets.
const EXTENSION_HEADERS_MAX: usize = 8;
/// Tags in band: IEEE 802.1ad has two.
const VLAN_TAGS_MAX: usize = 2;

/// What an IP packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Datagram<'a> {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    /// VLAN ID of the innermost tag.
    pub(super) vlan: Option<u16>,
    /// Set when `upper` is a part of it only.
    pub(super) fragment: Option<Fragment>,
    pub(super) upper: Upper<'a>,
}

impl Datagram<'_> {
    /// The datagram that this is a fragment of, with its payload: all of it, or its beginning.
    pub(super) fn with<'b>(&self, upper: Upper<'b>) -> Result<Datagram<'b>, Unreadable> {
        let Self { src, dst, vlan, .. } = *self;
        let (upper, fragment) = if src.is_ipv4() { (upper, None) } else { skip_extensions(upper)? };
        // A datagram is not fragmented twice, but in a tunnel.
        if fragment.is_some() { Err(Unreadable::Malformed) } else { Ok(Datagram { src, dst, vlan, fragment, upper }) }
    }
}

/// Which part of a datagram a fragment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fragment {
    /// The same in all fragments of a datagram.
    pub(super) id: u32,
    /// Place of its first byte in the datagram's payload.
    pub(super) offset: u32,
    /// Others follow it.
    pub(super) more: bool,
}

impl Fragment {
    /// `None` for a datagram that is whole; in IPv6 it may have a fragment header all the same (RFC 6946).
    fn new(id: u32, offset: u32, more: bool) -> Option<Self> {
        (offset != 0 || more).then_some(Self { id, offset, more })
    }
}

/// The upper-layer protocol's part of an IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Upper<'a> {
    /// IANA protocol number.
    pub(super) protocol: u8,
    /// What was captured of its payload.
    pub(super) payload: &'a [u8],
    /// The payload's length on the wire.
    pub(super) wire_len: u32,
    /// It ends early: what follows is in later fragments.
    pub(super) fragment: bool,
}

/// Why a packet has no payload to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    NotIp,
    TooShort,
    Malformed,
}

/// Reads link and IP headers of a packet.
pub(super) fn read<'a>(packet: &Packet<'a>) -> Result<Datagram<'a>, Unreadable> {
    let (bytes, in_band) = match packet.layer {
        Layer::Ethernet => strip_ethernet(packet.bytes)?,
        Layer::Ip => (packet.bytes, None),
        Layer::Message { .. } | Layer::Other => return Err(Unreadable::NotIp),
    };
    let stripped = len(packet.bytes) - len(bytes);
    let wire_len = packet.wire_len.saturating_sub(stripped).max(len(bytes));
    let vlan = in_band.or(packet.vlan);
    match bytes.first().ok_or(Unreadable::TooShort)? >> 4 {
        4 => read_ipv4(bytes, wire_len, vlan),
        6 => read_ipv6(bytes, wire_len, vlan),
        _ => Err(Unreadable::NotIp),
    }
}

/// Reads the IP header of a packet that an ICMP error quotes: it ends early, and only its header knows where it ended.
pub(super) fn quoted(bytes: &[u8]) -> Result<Datagram<'_>, Unreadable> {
    let wire_len = u32::from(u16::MAX) + 40;
    let datagram = match bytes.first().ok_or(Unreadable::TooShort)? >> 4 {
        4 => read_ipv4(bytes, wire_len, None),
        6 => read_ipv6(bytes, wire_len, None),
        _ => Err(Unreadable::NotIp),
    }?;
    // A later fragment has no ports.
    if datagram.fragment.is_some_and(|part| part.offset != 0) { Err(Unreadable::TooShort) } else { Ok(datagram) }
}

/// What follows the Ethernet header, and the innermost VLAN ID in band.
fn strip_ethernet(bytes: &[u8]) -> Result<(&[u8], Option<u16>), Unreadable> {
    let mut vlan = None;
    let mut at = 12;
    for _ in 0..=VLAN_TAGS_MAX {
        let ether_type = word(bytes, at)?;
        match ether_type {
            0x0800 | 0x86dd => return Ok((bytes.get(at + 2..).unwrap_or_default(), vlan)),
            // IEEE 802.1Q, 802.1ad, and what QinQ was before it.
            0x8100 | 0x88a8 | 0x9100 => vlan = Some(word(bytes, at + 2)? & 0x0fff),
            _ => return Err(Unreadable::NotIp),
        }
        at += 4;
    }
    Err(Unreadable::NotIp)
}

fn read_ipv4(bytes: &[u8], wire_len: u32, vlan: Option<u16>) -> Result<Datagram<'_>, Unreadable> {
    let header: &[u8; 20] = bytes.first_chunk().ok_or(Unreadable::TooShort)?;
    let header_len = u32::from(header[0] & 0xf) * 4;
    // The kernel writes 0 for super-packets beyond 64 KiB (BIG TCP).
    let total = match u32::from(u16::from_be_bytes([header[2], header[3]])) {
        0 => wire_len,
        total => total,
    };
    if header_len < 20 || total < header_len || total > wire_len {
        return Err(Unreadable::Malformed);
    }
    let [_, _, _, _, id_high, id_low, part_high, part_low, ..] = *header;
    let part = u16::from_be_bytes([part_high, part_low]);
    let id = u16::from_be_bytes([id_high, id_low]);
    let fragment = Fragment::new(id.into(), u32::from(part & 0x1fff) * 8, part & 0x2000 != 0);
    let payload = bytes.get(header_len as usize..).ok_or(Unreadable::TooShort)?;
    let wire_len = total - header_len;
    let [_, _, _, _, _, _, _, _, _, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = *header;
    let upper = Upper { protocol, payload: up_to(payload, wire_len), wire_len, fragment: false };
    Ok(Datagram { src: [s0, s1, s2, s3].into(), dst: [d0, d1, d2, d3].into(), vlan, fragment, upper })
}

fn read_ipv6(bytes: &[u8], wire_len: u32, vlan: Option<u16>) -> Result<Datagram<'_>, Unreadable> {
    let header: &[u8; 40] = bytes.first_chunk().ok_or(Unreadable::TooShort)?;
    // RFC 2675: 0 is a jumbogram, which super-packets are, too.
    let wire_len = match u32::from(u16::from_be_bytes([header[4], header[5]])) {
        0 => wire_len - 40,
        length if length + 40 > wire_len => return Err(Unreadable::Malformed),
        length => length,
    };
    let next = Upper { protocol: header[6], payload: up_to(&bytes[40..], wire_len), wire_len, fragment: false };
    let (upper, fragment) = skip_extensions(next)?;
    let address = |at: usize| -> [u8; 16] { std::array::from_fn(|index| header[at + index]) };
    Ok(Datagram { src: address(8).into(), dst: address(24).into(), vlan, fragment, upper })
}

/// Goes past extension headers, up to what the packet carries or is a fragment of.
fn skip_extensions(mut upper: Upper<'_>) -> Result<(Upper<'_>, Option<Fragment>), Unreadable> {
    for _ in 0..EXTENSION_HEADERS_MAX {
        let Some(length) = extension_len(upper.protocol, upper.payload)? else { return Ok((upper, None)) };
        let fragment = if upper.protocol == FRAGMENT { read_fragment(upper.payload)? } else { None };
        upper.protocol = *upper.payload.first().ok_or(Unreadable::TooShort)?;
        upper.payload = upper.payload.get(length as usize..).ok_or(Unreadable::TooShort)?;
        upper.wire_len = upper.wire_len.checked_sub(length).ok_or(Unreadable::Malformed)?;
        if fragment.is_some() {
            return Ok((upper, fragment));
        }
    }
    Err(Unreadable::Malformed)
}

fn read_fragment(header: &[u8]) -> Result<Option<Fragment>, Unreadable> {
    let &[_, _, part_high, part_low, id0, id1, id2, id3] = header.first_chunk().ok_or(Unreadable::TooShort)?;
    let part = u16::from_be_bytes([part_high, part_low]);
    Ok(Fragment::new(u32::from_be_bytes([id0, id1, id2, id3]), u32::from(part & 0xfff8), part & 1 != 0))
}

/// IPv6 fragment header (RFC 8200, 4.5).
pub(super) const FRAGMENT: u8 = 44;

/// Length of the extension header `bytes` start with; `None` when `protocol` is none.
fn extension_len(protocol: u8, bytes: &[u8]) -> Result<Option<u32>, Unreadable> {
    let is_extension = matches!(protocol, 0 | 43 | FRAGMENT | 51 | 60 | 135);
    if !is_extension {
        return Ok(None);
    }
    let &[_, units] = bytes.first_chunk().ok_or(Unreadable::TooShort)?;
    let units = u32::from(units);
    Ok(Some(match protocol {
        FRAGMENT => 8,
        // RFC 4302, 2.2: the authentication header counts differently from all others.
        51 => (units + 2) * 4,
        _ => (units + 1) * 8,
    }))
}

/// How many bytes; nothing that is captured comes near 4 GiB.
pub(super) fn len(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

fn word(bytes: &[u8], at: usize) -> Result<u16, Unreadable> {
    let word = bytes.get(at..).and_then(<[u8]>::first_chunk).ok_or(Unreadable::TooShort)?;
    Ok(u16::from_be_bytes(*word))
}

/// The first `length` of `bytes`, or all: short Ethernet frames are padded.
pub(super) fn up_to(bytes: &[u8], length: u32) -> &[u8] {
    bytes.get(..length as usize).unwrap_or(bytes)
}
