//! What the kernel throws away, with its reason and place.

use std::net::UdpSocket;

use anyhow::{Context, Result, ensure};
use dnstrace::capture::{Counter, Hook};
use nix::sys::utsname::uname;

use super::Ground;
use crate::watch::{all_hooks, watch};
use crate::{V4, V6};

/// The first kernel whose `kfree_skb` has a reason.
const WITH_REASON: (u32, u32) = (5, 17);
const MESSAGE: &[u8] = b"to a port that nobody listens at";

/// A datagram for a closed port ends there; the next one, of another port, is none of ours.
pub(super) fn closed_port(ground: &Ground) -> Result<()> {
    // The compiler of 7.3 made one function of two.
    for (address, functions) in [(V4, ["__udp4_lib_rcv", "udp_rcv"]), (V6, ["__udp6_lib_rcv", "udpv6_rcv"])] {
        let ((), watched) = watch(&all_hooks(&ground.machine), || {
            let socket = UdpSocket::bind((address, 0))?;
            socket.send_to(MESSAGE, (address, 53))?;
            socket.send_to(MESSAGE, (address, 54))?;
            Ok(())
        })?;
        let mut drops = watched.sightings.iter().filter(|sighting| sighting.hook == Hook::Drop);
        let seen = drops.next().with_context(|| format!("{address}: no drop: {:?}", watched.counts))?;
        ensure!(drops.next().is_none() && watched.count(Hook::Drop, Counter::Seen) == 1, "{:?}", watched.counts);
        ensure!(seen.carries(MESSAGE), "the drop has other bytes: {:?}", seen.bytes);
        let length = if address.is_ipv4() { 20 } else { 40 } + 8 + MESSAGE.len();
        ensure!((seen.bytes.len(), seen.wire_len as usize) == (length, length), "{} bytes", seen.bytes.len());
        let dropped = seen.dropped.as_ref().context("not said to be dropped")?;
        let reason = if release()? < WITH_REASON { "NOT_SPECIFIED" } else { "NO_SOCKET" };
        ensure!(&*dropped.reason == reason, "reason {}, not {reason}", dropped.reason);
        ensure!(functions.contains(&&*dropped.location), "dropped in {}, not {functions:?}", dropped.location);
    }
    Ok(())
}

/// Major and minor.
fn release() -> Result<(u32, u32)> {
    let name = uname()?;
    let release = name.release().to_str().context("no release")?;
    let mut numbers = release.split('.').map(|number| number.parse().unwrap_or(0));
    Ok((numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)))
}
