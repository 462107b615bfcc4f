//! A packet that is being thrown away, read where it lies: addresses in kernel memory, which old verifiers do not follow.

use dnstrace_ebpf::Counter;

use super::common::has_ports;
use super::{Head, IPV4, IPV4_HEAD, IPV6, IPV6_HEAD, TCP};
use crate::kernel::Skb;
use crate::maps::is_watched;

const IPV4_LEN: u32 = 20;
const IPV6_LEN: u32 = 40;
/// RFC 8200, 4.5: of extension headers, only that of fragments has to do with DNS.
const FRAGMENT: u8 = 44;
const FRAGMENT_LEN: u32 = 8;
const IPV4_OFFSET: u16 = 0x1fff;
const IPV6_OFFSET: u16 = 0xfff8;

/// What became of a packet.
pub(crate) enum Found {
    /// Not ours.
    Ignored,
    /// Ours perhaps, but not to be read.
    Lost(Counter),
    /// From or to a watched port.
    Packet(Dropped),
}

/// Where a packet lies.
#[derive(Clone, Copy)]
pub(crate) struct Dropped {
    /// Address of its IP header.
    pub(crate) ip: u64,
    /// Its length, as the IP header says.
    pub(crate) ip_len: u32,
    /// How much of that lies in the linear part.
    pub(crate) linear: u32,
}

/// Where its transport header is.
struct Transport {
    offset: u32,
    protocol: u8,
    ip_len: u32,
}

#[inline(always)]
pub(crate) fn dropped(skb: Skb) -> Found {
    let protocol = skb.protocol();
    if protocol != IPV4 && protocol != IPV6 {
        return Found::Ignored;
    }
    let (ip, linear) = skb.network();
    let transport = if protocol == IPV4 { ipv4(ip) } else { ipv6(ip) };
    let transport = match transport {
        Ok(transport) => transport,
        Err(found) => return found,
    };
    let ip_len = if transport.ip_len == 0 { linear } else { transport.ip_len };
    if linear < transport.offset + 8 {
        return Found::Lost(Counter::TooShort);
    }
    if transport.protocol == TCP && !says_something(ip, transport.offset, ip_len) {
        return Found::Lost(Counter::NoPayload);
    }
    Found::Packet(Dropped { ip, ip_len, linear: if linear < ip_len { linear } else { ip_len } })
}

#[inline(always)]
fn ipv4(ip: u64) -> Result<Transport, Found> {
    let Some(head) = Head::<IPV4_HEAD>::load_at(ip) else { return Err(Found::Ignored) };
    let words = u32::from(head.u8(0) & 0x0f);
    if head.u8(0) >> 4 != 4 || words < 5 || !has_ports(head.u8(9)) {
        return Err(Found::Ignored);
    }
    if head.u16(6) & IPV4_OFFSET != 0 {
        return Err(Found::Lost(Counter::Fragment));
    }
    let offset = words * 4;
    let watched = if offset == IPV4_LEN {
        is_watched(head.u16(20)) || is_watched(head.u16(22))
    } else {
        has_watched_port(ip + u64::from(offset))
    };
    if !watched {
        return Err(Found::Ignored);
    }
    Ok(Transport { offset, protocol: head.u8(9), ip_len: u32::from(head.u16(2)) })
}

#[inline(always)]
fn ipv6(ip: u64) -> Result<Transport, Found> {
    let Some(head) = Head::<IPV6_HEAD>::load_at(ip) else { return Err(Found::Ignored) };
    if head.u8(0) >> 4 != 6 {
        return Err(Found::Ignored);
    }
    let payload = u32::from(head.u16(4));
    let ip_len = if payload == 0 { 0 } else { IPV6_LEN + payload };
    if has_ports(head.u8(6)) {
        let watched = is_watched(head.u16(40)) || is_watched(head.u16(42));
        let transport = Transport { offset: IPV6_LEN, protocol: head.u8(6), ip_len };
        return if watched { Ok(transport) } else { Err(Found::Ignored) };
    }
    if head.u8(6) != FRAGMENT {
        return Err(Found::Ignored);
    }
    let Some(part) = Head::<8>::load_at(ip + u64::from(IPV6_LEN)) else { return Err(Found::Ignored) };
    if !has_ports(part.u8(0)) {
        return Err(Found::Ignored);
    }
    if part.u16(2) & IPV6_OFFSET != 0 {
        return Err(Found::Lost(Counter::Fragment));
    }
    let offset = IPV6_LEN + FRAGMENT_LEN;
    let transport = Transport { offset, protocol: part.u8(0), ip_len };
    if has_watched_port(ip + u64::from(offset)) { Ok(transport) } else { Err(Found::Ignored) }
}

#[inline(always)]
fn has_watched_port(transport: u64) -> bool {
    Head::<4>::load_at(transport).is_some_and(|head| is_watched(head.u16(0)) || is_watched(head.u16(2)))
}

/// Of TCP, what is dropped and missed by anybody: payload, and what begins a connection. A reset ends its way here as a
/// rule, an acknowledgement says nothing.
#[inline(always)]
fn says_something(ip: u64, transport: u32, ip_len: u32) -> bool {
    const SYN: u16 = 0x02;
    let Some(head) = Head::<2>::load_at(ip + u64::from(transport) + 12) else { return false };
    let flags = head.u16(0);
    flags & SYN != 0 || transport + u32::from(flags >> 12) * 4 < ip_len
}
