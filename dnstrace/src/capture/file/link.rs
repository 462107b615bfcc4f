//! Link types of capture files: a frame to where it was seen and what its bytes start with.

use crate::capture::{Direction, Layer};

/// A link type dnstrace reads (<https://www.tcpdump.org/linktypes.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkType {
    Ethernet,
    /// An IP packet and nothing before it.
    Raw,
    /// BSD's loopback: four bytes of address family, in the byte order of the machine or of the network.
    Null,
    /// Linux' "any" device.
    Sll,
    /// The same with interface indices.
    Sll2,
}

impl LinkType {
    /// From the number in the file.
    pub(super) fn from_number(number: u16) -> Option<Self> {
        match number {
            1 => Some(Self::Ethernet),
            12 | 14 | 101 | 228 | 229 => Some(Self::Raw),
            0 | 108 => Some(Self::Null),
            113 => Some(Self::Sll),
            276 => Some(Self::Sll2),
            _ => None,
        }
    }
}

/// What a frame says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) layer: Layer,
    pub(super) bytes: &'a [u8],
    pub(super) vlan: Option<u16>,
    pub(super) direction: Option<Direction>,
    pub(super) ifindex: Option<u32>,
}

impl<'a> Frame<'a> {
    /// Reads a frame's own header as far as it is not the decoder's part.
    pub(super) fn read(link: LinkType, bytes: &'a [u8]) -> Self {
        let frame = match link {
            LinkType::Ethernet => Some(Self::plain(Layer::Ethernet, bytes)),
            LinkType::Raw => Some(Self::plain(Layer::Ip, bytes)),
            LinkType::Null => read_null(bytes),
            LinkType::Sll => read_sll(bytes),
            LinkType::Sll2 => read_sll2(bytes),
        };
        // Nothing behind a header that is cut off: the decoder counts it as too short.
        frame.unwrap_or(Self::plain(Layer::Ip, &[]))
    }

    pub(super) fn plain(layer: Layer, bytes: &'a [u8]) -> Self {
        Self { layer, bytes, vlan: None, direction: None, ifindex: None }
    }
}

fn read_null(bytes: &[u8]) -> Option<Frame<'_>> {
    let (family, rest) = bytes.split_first_chunk::<4>()?;
    let family = u32::from_be_bytes(*family);
    // AF_INET is 2 everywhere; AF_INET6 differs between Linux, NetBSD, FreeBSD and macOS.
    let ip = [2, 10, 24, 28, 30].into_iter().any(|known: u32| family == known || family == known.swap_bytes());
    Some(Frame::plain(if ip { Layer::Ip } else { Layer::Other }, rest))
}

fn read_sll(bytes: &[u8]) -> Option<Frame<'_>> {
    let (header, rest) = bytes.split_first_chunk::<16>()?;
    let direction = direction(u16::from_be_bytes([header[0], header[1]]));
    let frame = strip_tags(u16::from_be_bytes([header[14], header[15]]), rest)?;
    Some(Frame { direction: Some(direction), ..frame })
}

fn read_sll2(bytes: &[u8]) -> Option<Frame<'_>> {
    let (header, rest) = bytes.split_first_chunk::<20>()?;
    let [protocol_high, protocol_low, _, _, i0, i1, i2, i3, _, _, packet_type, ..] = *header;
    let direction = direction(packet_type.into());
    let frame = strip_tags(u16::from_be_bytes([protocol_high, protocol_low]), rest)?;
    Some(Frame { direction: Some(direction), ifindex: Some(u32::from_be_bytes([i0, i1, i2, i3])), ..frame })
}

/// `PACKET_OUTGOING` of packet(7) is sent, all others are received.
fn direction(packet_type: u16) -> Direction {
    if packet_type == 4 { Direction::Out } else { Direction::In }
}

/// Tags in band: IEEE 802.1ad has two.
const VLAN_TAGS_MAX: usize = 2;

/// Goes from an `EtherType` past VLAN tags to what they are around.
fn strip_tags(mut ether_type: u16, mut bytes: &[u8]) -> Option<Frame<'_>> {
    let mut vlan = None;
    for _ in 0..VLAN_TAGS_MAX {
        if !matches!(ether_type, 0x8100 | 0x88a8 | 0x9100) {
            break;
        }
        let ([tag_high, tag_low, type_high, type_low], rest) = bytes.split_first_chunk()?;
        vlan = Some(u16::from_be_bytes([*tag_high, *tag_low]) & 0x0fff);
        (ether_type, bytes) = (u16::from_be_bytes([*type_high, *type_low]), rest);
    }
    let layer = if matches!(ether_type, 0x0800 | 0x86dd) { Layer::Ip } else { Layer::Other };
    Some(Frame { vlan, ..Frame::plain(layer, bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(number: u16, frame: &[u8], expected: &str) {
        let link = LinkType::from_number(number).unwrap();
        let Frame { layer, bytes, vlan, direction, ifindex } = Frame::read(link, frame);
        assert_eq!(format!("{layer:?} {bytes:x?} {vlan:?} {direction:?} {ifindex:?}"), expected);
    }

    #[test]
    fn reads_headers_of_every_link_type() {
        check(1, b"\xaa\xbb", "Ethernet [aa, bb] None None None");
        for raw in [12, 14, 101, 228, 229] {
            check(raw, b"E", "Ip [45] None None None");
        }
        check(0, b"\x02\0\0\0E", "Ip [45] None None None");
        check(108, b"\0\0\0\x1e`", "Ip [60] None None None");
        check(0, b"\x07\0\0\0E", "Other [45] None None None");
        check(113, b"\0\x04\0\x01\0\x06\xaa\xbb\xcc\xdd\xee\xff\0\0\x08\0E", "Ip [45] None Some(Out) None");
        check(113, b"\0\x03\0\x01\0\x06\xaa\xbb\xcc\xdd\xee\xff\0\0\x08\x06E", "Other [45] None Some(In) None");
        let sll2 = b"\x81\0\0\0\0\0\x01\x02\0\x01\x04\x06\xaa\xbb\xcc\xdd\xee\xff\0\0\xe0d\x86\xdd`";
        check(276, sll2, "Ip [60] Some(100) Some(Out) Some(258)");
    }

    #[test]
    fn cut_header_leaves_nothing() {
        check(113, &[0; 15], "Ip [] None None None");
        check(276, &[0; 19], "Ip [] None None None");
        check(276, b"\x81\0\0\0\0\0\x01\x02\0\x01\x04\x06\xaa\xbb\xcc\xdd\xee\xff\0\0\xe0", "Ip [] None None None");
        check(0, &[0; 3], "Ip [] None None None");
    }

    #[test]
    fn unknown_link_types_are_none() {
        assert_eq!(LinkType::from_number(147), None);
    }
}
