//! Packets inside of packets: IP in IP, GRE, VXLAN, Geneve.
//!
//! UDP ports prove nothing. What a VXLAN or Geneve header says is to be what every sender writes; otherwise the packet is
//! some other protocol's, or of a client that happens to have the port.

use super::network::{Upper, len};
use super::transport::Transported;
use crate::capture::Layer;

/// A pod's packet in its cluster's overlay, in a virtual machine's network, in a provider's, and one more.
pub(super) const TUNNELS_MAX: usize = 4;

/// IANA protocol numbers: RFC 2003, RFC 4213, RFC 2784.
const IPV4: u8 = 4;
const IPV6: u8 = 41;
const GRE: u8 = 47;

/// VXLAN's port (RFC 7348, 5), and the one that Linux, and so flannel, had before.
const VXLAN_PORTS: [u16; 2] = [4789, 8472];
/// RFC 8926, 3.3.
const GENEVE_PORT: u16 = 6081;

/// What a tunnel carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inside<'a> {
    pub(super) layer: Layer,
    pub(super) bytes: &'a [u8],
    pub(super) wire_len: u32,
}

/// Why there is nothing inside to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// It is no tunnel, or one that carries something else than Ethernet and IP.
    NoTunnel,
    TooShort,
    Malformed,
}

/// What an IP packet carries that is neither UDP nor TCP.
pub(super) fn in_ip<'a>(upper: &Upper<'a>) -> Result<Inside<'a>, Closed> {
    // Of a first fragment, only the packet inside knows the length of all.
    let wire_len = if upper.fragment { u16::MAX.into() } else { upper.wire_len };
    match upper.protocol {
        IPV4 | IPV6 => Ok(Inside { layer: Layer::Ip, bytes: upper.payload, wire_len }),
        GRE => read_gre(upper.payload, wire_len),
        _ => Err(Closed::NoTunnel),
    }
}

/// What a UDP datagram carries.
pub(super) fn in_udp<'a>(transported: &Transported<'a>) -> Result<Inside<'a>, Closed> {
    match transported.dst_port {
        _ if transported.segment.is_some() => Err(Closed::NoTunnel),
        port if VXLAN_PORTS.contains(&port) => read_vxlan(transported.payload, transported.wire_len),
        GENEVE_PORT => read_geneve(transported.payload, transported.wire_len),
        _ => Err(Closed::NoTunnel),
    }
}

/// RFC 2784, and RFC 2890 for key and sequence number.
fn read_gre(bytes: &[u8], wire_len: u32) -> Result<Inside<'_>, Closed> {
    let [flags_high, flags_low, type_high, type_low] = header(bytes, wire_len, Closed::Malformed)?;
    let flags = u16::from_be_bytes([flags_high, flags_low]);
    // Routing and other things of RFC 1701, or PPTP's version 1 (RFC 2637).
    if flags & 0x4c07 != 0 {
        return Err(Closed::NoTunnel);
    }
    let layer = layer(u16::from_be_bytes([type_high, type_low]))?;
    // Checksum, key, sequence number: four bytes each.
    behind(bytes, wire_len, 4 + 4 * (flags & 0xb000).count_ones(), layer)
}

/// RFC 7348, 5: only the flag that the network identifier is valid, nothing in what is reserved.
fn read_vxlan(bytes: &[u8], wire_len: u32) -> Result<Inside<'_>, Closed> {
    let [0x08, 0, 0, 0, _, _, _, 0] = header(bytes, wire_len, Closed::NoTunnel)? else { return Err(Closed::NoTunnel) };
    behind(bytes, wire_len, 8, Layer::Ethernet)
}

/// RFC 8926, 3.4: version 0, nothing in what is reserved.
fn read_geneve(bytes: &[u8], wire_len: u32) -> Result<Inside<'_>, Closed> {
    let [version, flags, type_high, type_low, _, _, _, 0] = header(bytes, wire_len, Closed::NoTunnel)? else {
        return Err(Closed::NoTunnel);
    };
    if version & 0xc0 != 0 || flags & 0x3f != 0 {
        return Err(Closed::NoTunnel);
    }
    let layer = layer(u16::from_be_bytes([type_high, type_low]))?;
    behind(bytes, wire_len, 8 + 4 * u32::from(version & 0x3f), layer)
}

/// The beginning of `bytes`; where there is not that much on the wire, `otherwise`.
fn header<const N: usize>(bytes: &[u8], wire_len: u32, otherwise: Closed) -> Result<[u8; N], Closed> {
    let too_short = if (wire_len as usize) < N { otherwise } else { Closed::TooShort };
    bytes.first_chunk().copied().ok_or(too_short)
}

/// What an `EtherType` says of the bytes that follow.
fn layer(ether_type: u16) -> Result<Layer, Closed> {
    match ether_type {
        0x0800 | 0x86dd => Ok(Layer::Ip),
        // Transparent Ethernet Bridging.
        0x6558 => Ok(Layer::Ethernet),
        _ => Err(Closed::NoTunnel),
    }
}

fn behind(bytes: &[u8], wire_len: u32, header_len: u32, layer: Layer) -> Result<Inside<'_>, Closed> {
    let wire_len = wire_len.checked_sub(header_len).ok_or(Closed::Malformed)?;
    let bytes = bytes.get(header_len as usize..).ok_or(Closed::TooShort)?;
    Ok(Inside { layer, bytes, wire_len: wire_len.max(len(bytes)) })
}
