//! A table of connections without room: entries of connections that there are not, made as `ctnetlink` messages.

use std::fs;
use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use nix::sys::socket::SockProtocol;

use super::netlink::{ACK, Message, Netlink, attribute, nested};

/// `NFNL_SUBSYS_CTNETLINK`, `IPCTNL_MSG_CT_NEW`.
const NEW: u16 = 1 << 8;
/// `NLM_F_CREATE | NLM_F_EXCL`.
const CREATE: i32 = 0x400 | 0x200;
/// `IPS_SEEN_REPLY | IPS_ASSURED | IPS_CONFIRMED`: the kernel drops other entries early when it needs room.
const STATUS: u32 = 2 | 4 | 8;
/// Seconds; longer than any test.
const TIMEOUT: u32 = 600;
/// Messages of 150 bytes that a socket takes at once.
const BATCH: u32 = 512;
const PORTS: u32 = 1 << 16;

/// Takes what room there is, in the netns the calling thread is in.
pub(super) fn fill() -> Result<()> {
    let socket = Netlink::open(SockProtocol::NetlinkNetFilter)?;
    let missing = room()?;
    for begin in (0..missing).step_by(BATCH as usize) {
        let end = missing.min(begin + BATCH);
        let batch = (begin..end).map(|number| entry(number, if number + 1 == end { CREATE | ACK } else { CREATE }));
        let sent = socket.send(batch.collect()).context("cannot make entries (nf_conntrack_netlink in the kernel?)");
        // A packet on its way may have had the last of it.
        if sent.is_err() && room()? > 0 {
            return sent;
        }
    }
    Ok(())
}

fn room() -> Result<u32> {
    Ok(number("max")?.saturating_sub(number("count")?))
}

fn number(name: &str) -> Result<u32> {
    let path = format!("/proc/sys/net/netfilter/nf_conntrack_{name}");
    Ok(fs::read_to_string(&path).with_context(|| path.clone())?.trim().parse()?)
}

/// UDP from somebody (RFC 6598) to somebody else (RFC 2544), each with another port or address.
fn entry(number: u32, flags: i32) -> Message {
    let from = (Ipv4Addr::from_bits(Ipv4Addr::new(100, 64, 0, 0).to_bits() + number / PORTS), number % PORTS);
    let to = (Ipv4Addr::new(198, 18, 0, 1), 9);
    let message = Message::new(NEW, flags, &[u8::try_from(libc::AF_INET).unwrap_or(0), 0, 0, 0]);
    let message = message.attribute(1 | NESTED, &tuple(from, to)).attribute(2 | NESTED, &tuple(to, from));
    message.attribute(3, &STATUS.to_be_bytes()).attribute(7, &TIMEOUT.to_be_bytes())
}

const NESTED: u16 = 1 << 15;

fn tuple(from: (Ipv4Addr, u32), to: (Ipv4Addr, u32)) -> Vec<u8> {
    let port = |port: u32| u16::try_from(port).unwrap_or(0).to_be_bytes();
    let addresses = nested(1, &[attribute(1, &from.0.octets()), attribute(2, &to.0.octets())]);
    let udp = u8::try_from(libc::IPPROTO_UDP).unwrap_or(0);
    let protocol = nested(2, &[attribute(1, &[udp]), attribute(2, &port(from.1)), attribute(3, &port(to.1))]);
    [addresses, protocol].concat()
}
