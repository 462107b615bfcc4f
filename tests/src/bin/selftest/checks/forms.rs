//! Packets that do not look like most: options, extension headers, VLAN tags, fragments, super-packets, stumps.

use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use anyhow::{Context, Result, ensure};
use dnstrace::capture::{Counter, Direction, Hook};

use super::Ground;
use crate::frame::{self, SERVICE_VLAN, VLAN};
use crate::machine::set_loopback_mtu;
use crate::traffic::{self, Exchange, Pair, USUAL, barrier};
use crate::watch::{Watched, options, watch};
use crate::{V4, V6};

/// Two no-operations, one more, end of the list (RFC 791, 3.1).
const IP_OPTIONS: [u8; 4] = [1, 1, 1, 0];

pub(super) fn ip_options(ground: &Ground) -> Result<()> {
    let (exchange, watched) = watch(&options(&ground.machine), || {
        let pair = Pair::new((V4, 53).into())?;
        set_option(pair.client(), libc::IPPROTO_IP, libc::IP_OPTIONS, &IP_OPTIONS)?;
        pair.exchange(USUAL)
    })?;
    query_seen(&exchange, &watched)?;
    let sent = watched.one(Hook::Socket, Direction::Out, &exchange.query)?;
    ensure!(sent.bytes[0] == 0x46, "the packet went without options");
    Ok(())
}

/// Next header (the kernel sets it), length 0: eight bytes, filled by `PadN` (RFC 8200, 4.2).
const PADDING_OPTION: [u8; 8] = [0, 0, 1, 4, 0, 0, 0, 0];

pub(super) fn extension_headers(ground: &Ground) -> Result<()> {
    let (exchange, watched) = watch(&options(&ground.machine), || {
        let pair = Pair::new((V6, 53).into())?;
        set_option(pair.client(), libc::IPPROTO_IPV6, libc::IPV6_HOPOPTS, &PADDING_OPTION)?;
        set_option(pair.client(), libc::IPPROTO_IPV6, libc::IPV6_DSTOPTS, &PADDING_OPTION)?;
        pair.exchange(USUAL)
    })?;
    query_seen(&exchange, &watched)?;
    let sent = watched.one(Hook::Socket, Direction::Out, &exchange.query)?;
    ensure!(sent.wire_len as usize == 40 + 2 * PADDING_OPTION.len() + 8 + USUAL, "the packet went without headers");
    Ok(())
}

fn query_seen(exchange: &Exchange, watched: &Watched) -> Result<()> {
    for hook in Hook::PASSED {
        for direction in [Direction::Out, Direction::In] {
            watched.one(hook, direction, &exchange.query)?;
        }
    }
    Ok(())
}

fn set_option(socket: &UdpSocket, level: i32, option: i32, value: &[u8]) -> Result<()> {
    let length = libc::socklen_t::try_from(value.len())?;
    // SAFETY: `value` has `length` bytes and is only read.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, value.as_ptr().cast(), length) };
    ensure!(result == 0, "cannot set option {option}: {}", std::io::Error::last_os_error());
    Ok(())
}

/// Sent, the tag is in band; received, the kernel has taken it off and tells it beside the packet.
pub(super) fn vlan(ground: &Ground) -> Result<()> {
    tagged(ground, &[(VLAN, 42)], &[])
}

/// The outer tag is taken off, the inner one stays in band.
pub(super) fn qinq(ground: &Ground) -> Result<()> {
    tagged(ground, &[(SERVICE_VLAN, 7), (VLAN, 42)], &[VLAN])
}

fn tagged(ground: &Ground, tags: &[(u16, u16)], received_tags: &[u16]) -> Result<()> {
    let message = traffic::message([0, 0], USUAL);
    let ((), watched) = watch(&options(&ground.machine), || {
        frame::send(tags, &frame::udp(&message)?)?;
        barrier()
    })?;
    let sent = watched.one(Hook::Device, Direction::Out, &message)?;
    let in_band: Vec<u16> = tags.iter().map(|(ethertype, _)| *ethertype).collect();
    ensure!(sent.vlan.is_none() && sent.tags() == in_band, "sent: VLAN {:?}, tags {:x?}", sent.vlan, sent.tags());
    let received = watched.one(Hook::Device, Direction::In, &message)?;
    let (id, in_band) = (received.vlan, received.tags());
    ensure!(id == Some(tags[0].1) && in_band == received_tags, "received: VLAN {id:?}, tags {in_band:x?}");
    ensure!(sent.ports() == (40_000, 53) && received.ports() == (40_000, 53), "the ports are wrong");
    Ok(())
}

/// An MTU that fragments and segments, and the one `lo` has.
const ETHERNET_MTU: i32 = 1_500;
const LOOPBACK_MTU: i32 = 65_536;

fn with_small_mtu<T>(traffic: impl FnOnce() -> Result<T>) -> Result<T> {
    set_loopback_mtu(ETHERNET_MTU)?;
    let result = traffic();
    set_loopback_mtu(LOOPBACK_MTU)?;
    result
}

/// The first fragment has the ports and is seen, later ones are counted; a socket has the whole datagram.
pub(super) fn fragments(ground: &Ground) -> Result<()> {
    for server in [V4, V6] {
        let (exchange, watched) =
            watch(&options(&ground.machine), || with_small_mtu(|| Pair::new((server, 53).into())?.exchange(3_000)))?;
        fragmented(&exchange, &watched).with_context(|| format!("{server}"))?;
    }
    Ok(())
}

fn fragmented(exchange: &Exchange, watched: &Watched) -> Result<()> {
    watched.one(Hook::Socket, Direction::Out, &exchange.query)?;
    watched.one(Hook::Socket, Direction::In, &exchange.query)?;
    let first = &exchange.query[..1_000];
    watched.one(Hook::Device, Direction::Out, first)?;
    watched.one(Hook::Device, Direction::In, first)?;
    // Query and response, sent and received: two later fragments each.
    let count = watched.count(Hook::Device, Counter::Fragment);
    ensure!(count == 8, "{count} later fragments, not 8");
    ensure!(watched.count(Hook::Socket, Counter::Fragment) == 0, "a socket saw fragments");
    Ok(())
}

/// Of one large TCP write several segments are one packet until the interface cuts it: seen whole, with their size.
pub(super) fn super_packets(ground: &Ground) -> Result<()> {
    let (exchange, watched) = watch(&options(&ground.machine), || with_small_mtu(|| traffic::tcp(V4, 53, 8_000)))?;
    let sent = watched.one(Hook::Device, Direction::Out, &exchange.query[..2_000])?;
    let segment = i32::from(sent.gso_size);
    ensure!(segment > 1_000 && segment < ETHERNET_MTU, "segments of {segment} bytes");
    ensure!(sent.wire_len as usize == sent.bytes.len(), "cut");
    Ok(())
}

/// A packet that ends before its ports is counted, by the one hook that sees it.
pub(super) fn too_short(ground: &Ground) -> Result<()> {
    let packet = frame::udp(&[])?;
    let ((), watched) = watch(&options(&ground.machine), || {
        // The IP header and half of the ports.
        frame::send(&[], &packet[..22])?;
        barrier()
    })?;
    let count = watched.count(Hook::Device, Counter::TooShort);
    ensure!(count == 2, "counted {count} times, not 2: {:?}", watched.counts);
    ensure!(watched.sightings.is_empty(), "it was seen all the same");
    Ok(())
}
