//! ICMP errors: what they quote is from or to a watched port (RFC 792; RFC 4443, 3).

use aya_ebpf::programs::SkBuffContext;
use dnstrace_ebpf::Counter;

use super::common::has_ports;
use super::{Head, ICMP, ICMPV6, Layers, Parsed};
use crate::maps::{is_watched, unknown_zero};

/// Type, code, checksum, and four bytes that depend on the type.
const ERROR_LEN: u32 = 8;
const IPV6_LEN: u32 = 40;
const IPV4_OFFSET: u16 = 0x1fff;

/// Unreachable, time exceeded, parameter problem; in `ICMPv6`, packet too big as well.
#[inline(always)]
pub(super) fn is_error(protocol: u8, kind: u8) -> bool {
    protocol == ICMP && matches!(kind, 3 | 11 | 12) || protocol == ICMPV6 && matches!(kind, 1..=4)
}

/// An ICMP or `ICMPv6` message; `layers.transport` is where it begins.
#[inline(always)]
pub(super) fn rejected(ctx: &SkBuffContext, layers: &Layers) -> Parsed {
    let Some(head) = Head::<2>::load(ctx, layers.transport) else { return Parsed::Lost(Counter::TooShort) };
    if !is_error(layers.protocol, head.u8(0)) {
        return Parsed::Ignored;
    }
    let quoted = layers.transport.wrapping_add(ERROR_LEN);
    let ports = if layers.protocol == ICMP { quoted_ipv4(ctx, quoted) } else { quoted_ipv6(ctx, quoted) };
    let ports = match ports {
        Ok(ports) => ports.wrapping_add(unknown_zero()),
        Err(parsed) => return parsed,
    };
    let Some(head) = Head::<4>::load(ctx, ports) else { return Parsed::Lost(Counter::TooShort) };
    if !is_watched(head.u16(0)) && !is_watched(head.u16(2)) {
        return Parsed::Ignored;
    }
    // One of the two for both: from here on nobody asks which.
    Parsed::Found(Layers { protocol: ICMP, ..*layers })
}

/// Where the ports of a quoted packet are.
#[inline(always)]
fn quoted_ipv4(ctx: &SkBuffContext, offset: u32) -> Result<u32, Parsed> {
    let Some(head) = Head::<20>::load(ctx, offset) else { return Err(Parsed::Lost(Counter::TooShort)) };
    let words = u32::from(head.u8(0) & 0x0f);
    if head.u8(0) >> 4 != 4 || words < 5 || !has_ports(head.u8(9)) || head.u16(6) & IPV4_OFFSET != 0 {
        return Err(Parsed::Ignored);
    }
    Ok(offset.wrapping_add(words * 4))
}

#[inline(always)]
fn quoted_ipv6(ctx: &SkBuffContext, offset: u32) -> Result<u32, Parsed> {
    let Some(head) = Head::<8>::load(ctx, offset) else { return Err(Parsed::Lost(Counter::TooShort)) };
    if head.u8(0) >> 4 != 6 || !has_ports(head.u8(6)) {
        return Err(Parsed::Ignored);
    }
    Ok(offset.wrapping_add(IPV6_LEN))
}
