//! The common form, out of one load: no options, no extension headers, no fragment.

use aya_ebpf::programs::SkBuffContext;
use dnstrace_ebpf::Layer;

use super::rejected::is_error;
use super::unusual::is_extension;
use super::{Head, Layers, Parsed, TCP, UDP, skb};
use crate::maps::is_watched;

/// Where the IP header starts.
#[derive(Clone, Copy)]
pub(crate) struct Network {
    /// In what was loaded.
    pub(crate) in_head: u32,
    /// In what the hook sees.
    pub(crate) in_packet: u32,
    /// What the first byte that the hook sees belongs to.
    pub(crate) layer: Layer,
}

/// Version 4, header of five words.
const VERSION_AND_LENGTH: u8 = 0x45;
/// More fragments, or an offset (RFC 791, 3.1).
const FRAGMENT: u16 = 0x3fff;
const IPV4_LEN: u32 = 20;
const IPV6_LEN: u32 = 40;

#[inline(always)]
pub(crate) fn common_ipv4<const LEN: usize>(ctx: &SkBuffContext, head: &Head<LEN>, network: Network) -> Parsed {
    let at = network.in_head as usize;
    if head.u8(at) != VERSION_AND_LENGTH {
        return Parsed::Unusual;
    }
    let protocol = head.u8(at + 9);
    if !has_ports(protocol) {
        return if is_error(protocol, head.u8(at + 20)) { Parsed::Unusual } else { Parsed::Ignored };
    }
    if head.u16(at + 6) & FRAGMENT != 0 {
        return Parsed::Unusual;
    }
    if !is_watched(head.u16(at + 20)) && !is_watched(head.u16(at + 22)) {
        return Parsed::Ignored;
    }
    let end = end(ctx, network.in_packet, u32::from(head.u16(at + 2)));
    Parsed::Found(Layers { transport: network.in_packet + IPV4_LEN, end, protocol, layer: network.layer })
}

#[inline(always)]
pub(crate) fn common_ipv6<const LEN: usize>(ctx: &SkBuffContext, head: &Head<LEN>, network: Network) -> Parsed {
    let at = network.in_head as usize;
    if head.u8(at) >> 4 != 6 {
        return Parsed::Unusual;
    }
    let protocol = head.u8(at + 6);
    if !has_ports(protocol) {
        let unusual = is_extension(protocol) || is_error(protocol, head.u8(at + 40));
        return if unusual { Parsed::Unusual } else { Parsed::Ignored };
    }
    if !is_watched(head.u16(at + 40)) && !is_watched(head.u16(at + 42)) {
        return Parsed::Ignored;
    }
    let payload = u32::from(head.u16(at + 4));
    let end = end(ctx, network.in_packet, if payload == 0 { 0 } else { IPV6_LEN + payload });
    Parsed::Found(Layers { transport: network.in_packet + IPV6_LEN, end, protocol, layer: network.layer })
}

#[inline(always)]
pub(super) fn has_ports(protocol: u8) -> bool {
    protocol == UDP || protocol == TCP
}

/// Where the IP packet ends. A length of 0 is a super-packet too long for the field (BIG TCP).
#[inline(always)]
pub(super) fn end(ctx: &SkBuffContext, network: u32, ip_len: u32) -> u32 {
    let whole = skb(ctx).len;
    let end = network.wrapping_add(ip_len);
    if ip_len == 0 || end > whole { whole } else { end }
}
