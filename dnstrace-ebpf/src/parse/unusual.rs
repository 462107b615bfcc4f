//! Every other form: VLAN tags in band, no Ethernet header, IP options, extension headers, fragments, cut short;
//! and ICMP errors.

use aya_ebpf::programs::SkBuffContext;
use dnstrace_ebpf::{Counter, Layer};

use super::common::{end, has_ports};
use super::rejected::rejected;
use super::{ETHERNET_LEN, Head, ICMP, ICMPV6, IPV4, IPV6, Layers, Parsed, TCP, UDP, is_vlan, protocol};
use crate::maps::{is_watched, unknown_zero};

/// 802.1ad allows two tags; more are not forwarded by any bridge.
const TAGS_MAX: u32 = 2;
const TAG_LEN: u32 = 4;

/// RFC 8200, 4.1 names six extension headers, each at most once but for one that may come twice; DNS needs none.
const EXTENSIONS_MAX: u32 = 6;
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;

/// The offset bits of IPv4's fragment field, and of IPv6's.
const IPV4_OFFSET: u16 = 0x1fff;
const IPV6_OFFSET: u16 = 0xfff8;

/// A frame as an interface shows it.
#[inline(always)]
pub(crate) fn frame(ctx: &SkBuffContext) -> Parsed {
    let ethertype = Head::<2>::load(ctx, ETHERNET_LEN - 2).map_or(0, |head| head.u16(0));
    if ethertype != protocol(ctx) {
        return network(ctx, protocol(ctx), 0, Layer::Ip);
    }
    match tagged(ctx, ethertype) {
        Some((ethertype, offset)) => network(ctx, ethertype, offset, Layer::Ethernet),
        None => Parsed::Ignored,
    }
}

/// A packet as a socket sees it, from its IP header on.
#[inline(always)]
pub(crate) fn packet(ctx: &SkBuffContext) -> Parsed {
    network(ctx, protocol(ctx), 0, Layer::Ip)
}

/// Goes past VLAN tags to the EtherType behind them.
#[inline(always)]
fn tagged(ctx: &SkBuffContext, mut ethertype: u16) -> Option<(u16, u32)> {
    let mut offset = ETHERNET_LEN;
    for _ in 0..TAGS_MAX {
        if !is_vlan(ethertype) {
            break;
        }
        ethertype = Head::<2>::load(ctx, offset + TAG_LEN - 2)?.u16(0);
        offset += TAG_LEN;
    }
    Some((ethertype, offset))
}

#[inline(always)]
fn network(ctx: &SkBuffContext, ethertype: u16, offset: u32, layer: Layer) -> Parsed {
    let offset = offset.wrapping_add(unknown_zero());
    let found = match ethertype {
        IPV4 => ipv4(ctx, offset),
        IPV6 => ipv6(ctx, offset),
        _ => return Parsed::Ignored,
    };
    match found {
        Ok((transport, end, protocol)) if has_ports(protocol) => {
            ports(ctx, &Layers { transport, end, protocol, layer })
        }
        Ok((transport, end, protocol)) => rejected(ctx, &Layers { transport, end, protocol, layer }),
        Err(parsed) => parsed,
    }
}

/// Transport header, end of the packet, protocol.
type Transport = Result<(u32, u32, u8), Parsed>;

#[inline(always)]
fn ipv4(ctx: &SkBuffContext, offset: u32) -> Transport {
    let Some(head) = Head::<20>::load(ctx, offset) else { return Err(Parsed::Lost(Counter::TooShort)) };
    let words = u32::from(head.u8(0) & 0x0f);
    let (protocol, is_later) = (head.u8(9), head.u16(6) & IPV4_OFFSET != 0);
    if head.u8(0) >> 4 != 4 || words < 5 || !(has_ports(protocol) || protocol == ICMP && !is_later) {
        return Err(Parsed::Ignored);
    }
    if is_later {
        return Err(Parsed::Lost(Counter::Fragment));
    }
    let end = end(ctx, offset, u32::from(head.u16(2)));
    Ok((offset.wrapping_add(words * 4), end, protocol))
}

#[inline(always)]
fn ipv6(ctx: &SkBuffContext, offset: u32) -> Transport {
    let Some(head) = Head::<40>::load(ctx, offset) else { return Err(Parsed::Lost(Counter::TooShort)) };
    if head.u8(0) >> 4 != 6 {
        return Err(Parsed::Ignored);
    }
    let payload = u32::from(head.u16(4));
    let end = end(ctx, offset, if payload == 0 { 0 } else { payload + 40 });
    let (transport, protocol) = extensions(ctx, offset.wrapping_add(40), head.u8(6))?;
    Ok((transport, end, protocol))
}

/// Goes past extension headers to the transport header.
#[inline(always)]
fn extensions(ctx: &SkBuffContext, mut offset: u32, mut next: u8) -> Result<(u32, u8), Parsed> {
    for _ in 0..EXTENSIONS_MAX {
        if !is_extension(next) {
            break;
        }
        let Some(head) = Head::<4>::load(ctx, offset) else { return Err(Parsed::Lost(Counter::TooShort)) };
        if next == FRAGMENT && head.u16(2) & IPV6_OFFSET != 0 {
            return Err(later_fragment(head.u8(0)));
        }
        offset = offset.wrapping_add(extension_len(next, head.u8(1)));
        next = head.u8(0);
    }
    if has_ports(next) || next == ICMPV6 { Ok((offset, next)) } else { Err(Parsed::Ignored) }
}

/// A later fragment has no ports. Its header still names the protocol, or an extension header before it.
#[inline(always)]
fn later_fragment(next: u8) -> Parsed {
    if has_ports(next) || is_extension(next) { Parsed::Lost(Counter::Fragment) } else { Parsed::Ignored }
}

/// RFC 8200, 4: length in units of eight bytes after the first eight; RFC 4302, 2.2: in units of four, minus two.
#[inline(always)]
fn extension_len(kind: u8, units: u8) -> u32 {
    match kind {
        FRAGMENT => 8,
        AUTHENTICATION => (u32::from(units) + 2) * 4,
        _ => (u32::from(units) + 1) * 8,
    }
}

#[inline(always)]
pub(super) fn is_extension(next: u8) -> bool {
    matches!(next, HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION)
}

#[inline(always)]
fn ports(ctx: &SkBuffContext, layers: &Layers) -> Parsed {
    let Some(head) = Head::<4>::load(ctx, layers.transport) else { return Parsed::Lost(Counter::TooShort) };
    if !is_watched(head.u16(0)) && !is_watched(head.u16(2)) {
        return Parsed::Ignored;
    }
    // The protocol is one of two; saying which from what was loaded keeps the two ways apart no longer than here.
    let protocol = if layers.protocol == TCP { TCP } else { UDP };
    Parsed::Found(Layers { protocol, ..*layers })
}
