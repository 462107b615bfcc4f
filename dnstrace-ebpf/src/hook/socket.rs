//! `socket`: `cgroup_skb` sees what the sockets below a cgroup send and receive, in every netns, loopback included, as
//! whole datagrams that start with their IP header.

use aya_ebpf::programs::SkBuffContext;
use dnstrace_ebpf::{Direction, Hook, Layer};

use super::{Site, end};
use crate::maps::{SOCKET_IN_SLOW, SOCKET_OUT_SLOW};
use crate::parse::{self, Head, IPV4, IPV4_HEAD, IPV6, IPV6_HEAD, Network, Parsed};

const NETWORK: Network = Network { in_head: 0, in_packet: 0, layer: Layer::Ip };

/// IP and ports in one load; what does not look like that is for [`unusual`].
#[inline(always)]
pub(crate) fn common(ctx: &SkBuffContext, direction: Direction) {
    let parsed = match parse::protocol(ctx) {
        IPV4 => ipv4(ctx),
        IPV6 => ipv6(ctx),
        _ => Parsed::Ignored,
    };
    if matches!(parsed, Parsed::Unusual) {
        let slow = match direction {
            Direction::In => &SOCKET_IN_SLOW,
            Direction::Out => &SOCKET_OUT_SLOW,
        };
        // SAFETY: the context is this program's own. Where no second program is set, the call does nothing.
        return unsafe { slow.tail_call(ctx, 0) };
    }
    end(ctx, site(direction), parsed);
}

/// IP options, extension headers, fragments, short packets.
#[inline(always)]
pub(crate) fn unusual(ctx: &SkBuffContext, direction: Direction) {
    end(ctx, site(direction), parse::packet(ctx));
}

#[inline(always)]
fn ipv4(ctx: &SkBuffContext) -> Parsed {
    let head = Head::<IPV4_HEAD>::load(ctx, 0);
    head.map_or(Parsed::Unusual, |head| parse::common_ipv4(ctx, &head, NETWORK))
}

#[inline(always)]
fn ipv6(ctx: &SkBuffContext) -> Parsed {
    let head = Head::<IPV6_HEAD>::load(ctx, 0);
    head.map_or(Parsed::Unusual, |head| parse::common_ipv6(ctx, &head, NETWORK))
}

#[inline(always)]
fn site(direction: Direction) -> Site {
    Site { hook: Hook::Socket, direction }
}
