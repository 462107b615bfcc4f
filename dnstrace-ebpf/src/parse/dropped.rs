//! A packet that is being thrown away, read where it lies: addresses in kernel memory, which old verifiers do not follow.

use dnstrace_ebpf::Counter;

use super::common::has_ports;
use super::{Head, IPV4, IPV4_HEAD, IPV6, IPV6_HEAD, TCP};
use crate::kernel::Skb;
use crate::maps::is_watched;

const IPV4_LEN: u64 = 20;
const IPV6_LEN: u64 = 40;
/// RFC 8200, 4.5: of extension headers, only that of fragments has to do with DNS.
const FRAGMENT: u8 = 44;
const FRAGMENT_LEN: u64 = 8;
const IPV4_OFFSET: u16 = 0x1fff;
const IPV6_OFFSET: u16 = 0xfff8;

/// What became of a packet. One structure for all, every member written: of an enumeration the compiler copies members that
/// are not there, and verifiers before 6.12 refuse to read what nobody wrote.
#[derive(Clone, Copy)]
pub(crate) struct Dropped {
    /// [`IGNORED`], [`FOUND`], or what it is counted as, behind [`LOST`].
    pub(crate) fate: u64,
    /// Address of its IP header.
    pub(crate) ip: u64,
    /// Its length, as the IP header says.
    pub(crate) ip_len: u64,
    /// How much of that lies in the linear part.
    pub(crate) linear: u64,
}

/// Not ours.
pub(crate) const IGNORED: u64 = 0;
/// From or to a watched port.
pub(crate) const FOUND: u64 = 1;
/// Ours perhaps, but not to be read: a counter is added.
pub(crate) const LOST: u64 = 2;

/// Where its transport header is.
#[derive(Clone, Copy)]
struct Transport {
    fate: u64,
    offset: u64,
    protocol: u64,
    ip_len: u64,
}

#[inline(always)]
pub(crate) fn dropped(skb: Skb) -> Dropped {
    let protocol = skb.protocol();
    if protocol != IPV4 && protocol != IPV6 {
        return Dropped { fate: IGNORED, ip: 0, ip_len: 0, linear: 0 };
    }
    let (ip, linear) = skb.network();
    let linear = u64::from(linear);
    let transport = if protocol == IPV4 { ipv4(ip) } else { ipv6(ip) };
    let ip_len = if transport.ip_len == 0 { linear } else { transport.ip_len };
    let mut fate = transport.fate;
    if fate == FOUND && linear < transport.offset + 8 {
        fate = LOST + Counter::TooShort as u64;
    }
    if fate == FOUND && transport.protocol == u64::from(TCP) && !says_something(ip, transport.offset, ip_len) {
        fate = LOST + Counter::NoPayload as u64;
    }
    Dropped { fate, ip, ip_len, linear: if linear < ip_len { linear } else { ip_len } }
}

#[inline(always)]
fn without(fate: u64) -> Transport {
    Transport { fate, offset: 0, protocol: 0, ip_len: 0 }
}

#[inline(always)]
fn ipv4(ip: u64) -> Transport {
    let Some(head) = Head::<IPV4_HEAD>::load_at(ip) else { return without(IGNORED) };
    let words = u64::from(head.u8(0) & 0x0f);
    if head.u8(0) >> 4 != 4 || words < 5 || !has_ports(head.u8(9)) {
        return without(IGNORED);
    }
    if head.u16(6) & IPV4_OFFSET != 0 {
        return without(LOST + Counter::Fragment as u64);
    }
    let offset = words * 4;
    let watched = if offset == IPV4_LEN {
        is_watched(head.u16(20)) || is_watched(head.u16(22))
    } else {
        has_watched_port(ip + offset)
    };
    let fate = if watched { FOUND } else { IGNORED };
    Transport { fate, offset, protocol: u64::from(head.u8(9)), ip_len: u64::from(head.u16(2)) }
}

#[inline(always)]
fn ipv6(ip: u64) -> Transport {
    let Some(head) = Head::<IPV6_HEAD>::load_at(ip) else { return without(IGNORED) };
    if head.u8(0) >> 4 != 6 {
        return without(IGNORED);
    }
    let payload = u64::from(head.u16(4));
    let ip_len = if payload == 0 { 0 } else { IPV6_LEN + payload };
    if has_ports(head.u8(6)) {
        let watched = is_watched(head.u16(40)) || is_watched(head.u16(42));
        let fate = if watched { FOUND } else { IGNORED };
        return Transport { fate, offset: IPV6_LEN, protocol: u64::from(head.u8(6)), ip_len };
    }
    if head.u8(6) != FRAGMENT {
        return without(IGNORED);
    }
    let Some(part) = Head::<8>::load_at(ip + IPV6_LEN) else { return without(IGNORED) };
    if !has_ports(part.u8(0)) {
        return without(IGNORED);
    }
    if part.u16(2) & IPV6_OFFSET != 0 {
        return without(LOST + Counter::Fragment as u64);
    }
    let offset = IPV6_LEN + FRAGMENT_LEN;
    let fate = if has_watched_port(ip + offset) { FOUND } else { IGNORED };
    Transport { fate, offset, protocol: u64::from(part.u8(0)), ip_len }
}

#[inline(always)]
fn has_watched_port(transport: u64) -> bool {
    Head::<4>::load_at(transport).is_some_and(|head| is_watched(head.u16(0)) || is_watched(head.u16(2)))
}

/// Of TCP, what is dropped and missed by anybody: payload, and what begins a connection. A reset ends its way here as a
/// rule, an acknowledgement says nothing.
#[inline(always)]
fn says_something(ip: u64, transport: u64, ip_len: u64) -> bool {
    const SYN: u16 = 0x02;
    let Some(head) = Head::<2>::load_at(ip + transport + 12) else { return false };
    let flags = head.u16(0);
    flags & SYN != 0 || transport + u64::from(flags >> 12) * 4 < ip_len
}
