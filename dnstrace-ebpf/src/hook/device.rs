//! `device`: a socket filter on an `AF_PACKET` socket sees what passes the interfaces of one netns, on receive before
//! NAT, on send after it.

use aya_ebpf::programs::SkBuffContext;
use dnstrace_ebpf::{Direction, Hook, Layer};

use super::{Site, end};
use crate::maps::DEVICE_SLOW;
use crate::parse::{self, ETHERNET_LEN, Head, IPV4, IPV4_HEAD, IPV6, IPV6_HEAD, Network, Parsed};

/// `PACKET_OUTGOING` of `if_packet.h`. All others are received, `PACKET_OTHERHOST` too: so do bridged responses look.
const OUTGOING: u32 = 4;

/// The load starts at the EtherType: one load has it, the IP header and the ports.
const HEAD_START: u32 = ETHERNET_LEN - ETHERTYPE_LEN;
const ETHERTYPE_LEN: u32 = 2;

const NETWORK: Network = Network { in_head: ETHERTYPE_LEN, in_packet: ETHERNET_LEN, layer: Layer::Ethernet };

/// Ethernet, IP and ports in one load; what does not look like that is for [`unusual`].
#[inline(always)]
pub(crate) fn common(ctx: &SkBuffContext) {
    let parsed = match parse::protocol(ctx) {
        IPV4 => ipv4(ctx),
        IPV6 => ipv6(ctx),
        protocol if parse::is_vlan(protocol) => Parsed::Unusual,
        _ => Parsed::Ignored,
    };
    if matches!(parsed, Parsed::Unusual) {
        // SAFETY: the context is this program's own. Where no second program is set, the call does nothing.
        return unsafe { DEVICE_SLOW.tail_call(ctx, 0) };
    }
    end(ctx, site(ctx), parsed);
}

/// VLAN tags in band, IP options, extension headers, fragments, interfaces without Ethernet, short frames.
#[inline(always)]
pub(crate) fn unusual(ctx: &SkBuffContext) {
    end(ctx, site(ctx), parse::frame(ctx));
}

#[inline(always)]
fn ipv4(ctx: &SkBuffContext) -> Parsed {
    match Head::<{ ETHERTYPE_LEN as usize + IPV4_HEAD }>::load(ctx, HEAD_START) {
        Some(head) if head.u16(0) == IPV4 => parse::common_ipv4(ctx, &head, NETWORK),
        _ => Parsed::Unusual,
    }
}

#[inline(always)]
fn ipv6(ctx: &SkBuffContext) -> Parsed {
    match Head::<{ ETHERTYPE_LEN as usize + IPV6_HEAD }>::load(ctx, HEAD_START) {
        Some(head) if head.u16(0) == IPV6 => parse::common_ipv6(ctx, &head, NETWORK),
        _ => Parsed::Unusual,
    }
}

#[inline(always)]
fn site(ctx: &SkBuffContext) -> Site {
    // SAFETY: the context is valid while the program runs.
    let kind = unsafe { (*ctx.skb.skb).pkt_type };
    Site { hook: Hook::Device, direction: if kind == OUTGOING { Direction::Out } else { Direction::In } }
}
