//! A packet to the frame that a file has of it: a VLAN tag that the device took off stands in it again.

use super::headers::headers;
use crate::capture::{Layer, Packet};

/// How many bytes stand before an Ethernet frame's type.
const ADDRESSES_LEN: usize = 12;
/// IEEE 802.1Q.
const TAG_TYPE: u16 = 0x8100;
const TAG_LEN: u32 = 4;

/// What a frame begins with (<https://www.tcpdump.org/linktypes.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Link {
    Ethernet = 1,
    Raw = 101,
}

/// The longest of what is inserted: an IPv6 header, a TCP header and a length.
const INSERTED_MAX: usize = 64;

/// A frame: what is inserted stands between two pieces of the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) link: Link,
    pieces: [&'a [u8]; 2],
    inserted: [u8; INSERTED_MAX],
    inserted_len: usize,
    /// Its length on the wire.
    pub(super) wire_len: u32,
    /// Whether its headers are not those that were on the wire.
    pub(super) made_up: bool,
}

impl<'a> Frame<'a> {
    /// `None` when the packet's own link layer is not known any more.
    pub(super) fn of(packet: &Packet<'a>) -> Option<Self> {
        match (packet.layer, packet.vlan) {
            (Layer::Ethernet, Some(vlan)) => Some(tagged(packet, vlan)),
            (Layer::Ethernet, None) => Some(Self::whole(Link::Ethernet, packet)),
            (Layer::Ip, _) => Some(Self::whole(Link::Raw, packet)),
            (Layer::Message { src, dst, transport }, _) => {
                // The time is another one for each message.
                let seq = u32::try_from(packet.wall.0 & u64::from(u32::MAX)).unwrap_or_default();
                let headers = headers(src, dst, transport, packet.wire_len, seq);
                let wire_len = packet.wire_len.saturating_add(u32::try_from(headers.len()).unwrap_or(u32::MAX));
                Some(Self { made_up: true, ..Self::inserted(Link::Raw, [&[], packet.bytes], &headers, wire_len) })
            }
            (Layer::Other, _) => None,
        }
    }

    fn whole(link: Link, packet: &Packet<'a>) -> Self {
        Self::inserted(link, [packet.bytes, &[]], &[], packet.wire_len)
    }

    fn inserted(link: Link, pieces: [&'a [u8]; 2], insert: &[u8], wire_len: u32) -> Self {
        let mut inserted = [0; INSERTED_MAX];
        let inserted_len = insert.len().min(INSERTED_MAX);
        inserted[..inserted_len].copy_from_slice(&insert[..inserted_len]);
        Self { link, pieces, inserted, inserted_len, wire_len, made_up: false }
    }

    /// Its pieces, in their order.
    pub(super) fn pieces(&self) -> [&[u8]; 3] {
        [self.pieces[0], &self.inserted[..self.inserted_len], self.pieces[1]]
    }

    /// How much of it there is.
    pub(super) fn captured_len(&self) -> u32 {
        u32::try_from(self.pieces().iter().map(|piece| piece.len()).sum::<usize>()).unwrap_or(u32::MAX)
    }
}

fn tagged<'a>(packet: &Packet<'a>, vlan: u16) -> Frame<'a> {
    let Some((addresses, rest)) = packet.bytes.split_at_checked(ADDRESSES_LEN) else {
        return Frame::whole(Link::Ethernet, packet);
    };
    let tag = [TAG_TYPE.to_be_bytes(), vlan.to_be_bytes()].concat();
    Frame::inserted(Link::Ethernet, [addresses, rest], &tag, packet.wire_len.saturating_add(TAG_LEN))
}
