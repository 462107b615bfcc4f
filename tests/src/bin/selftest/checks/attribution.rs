//! Whose socket it was: cookie, cgroup, netns, process, and the hop id that ties one packet's sightings together.

use std::os::unix::fs::MetadataExt;

use anyhow::{Context, Result, ensure};
use dnstrace::capture::{Direction, Hook};

use super::Ground;
use crate::V4;
use crate::traffic::{Exchange, Pair, USUAL};
use crate::watch::{Sighting, Watched, options, watch};

/// The four sightings of the `socket` hook: the client's two, then the server's two.
fn endpoints<'a>(exchange: &Exchange, watched: &'a Watched) -> Result<([&'a Sighting; 2], [&'a Sighting; 2])> {
    let one = |direction, message: &[u8]| watched.one(Hook::Socket, direction, message);
    let client = [one(Direction::Out, &exchange.query)?, one(Direction::In, &exchange.response)?];
    let server = [one(Direction::In, &exchange.query)?, one(Direction::Out, &exchange.response)?];
    Ok((client, server))
}

pub(super) fn cookie(ground: &Ground) -> Result<()> {
    let check = |exchange: &&Exchange| cookies(exchange, &ground.usual.watched);
    ground.usual.exchanges().iter().try_for_each(check)
}

fn cookies(exchange: &Exchange, watched: &Watched) -> Result<()> {
    let (client, server) = endpoints(exchange, watched)?;
    for (sightings, peer) in [(client, exchange.client), (server, exchange.server)] {
        for sighting in sightings {
            let (found, wanted) = (sighting.socket.cookie, peer.cookie);
            ensure!(found == Some(wanted), "{:?}: cookie {found:?}, not {wanted}", sighting.direction);
        }
    }
    Ok(())
}

/// The id is the inode of the cgroup's folder.
pub(super) fn cgroup(ground: &Ground) -> Result<()> {
    for exchange in ground.usual.exchanges() {
        let (client, server) = endpoints(exchange, &ground.usual.watched)?;
        for sighting in client.into_iter().chain(server) {
            let (found, wanted) = (sighting.socket.cgroup_id, ground.machine.cgroup_id);
            ensure!(found == Some(wanted), "{:?}: cgroup {found:?}, not {wanted}", sighting.direction);
        }
    }
    Ok(())
}

/// The socket's netns and the observation point's, which here are one.
pub(super) fn netns(ground: &Ground) -> Result<()> {
    let inode = u32::try_from(std::fs::metadata("/proc/self/ns/net")?.ino())?;
    let (exchange, watched) = (&ground.usual.udp6, &ground.usual.watched);
    ensure!(watched.netns == inode, "the device hook says netns {}, not {inode}", watched.netns);
    for sighting in &watched.sightings {
        ensure!(sighting.netns == inode, "{:?}: netns {}, not {inode}", sighting.hook, sighting.netns);
    }
    let (client, server) = endpoints(exchange, watched)?;
    for sighting in client.into_iter().chain(server) {
        let found = sighting.socket.netns;
        ensure!(found == Some(inode), "{:?}: socket's netns {found:?}, not {inode}", sighting.direction);
    }
    Ok(())
}

/// What a socket sends has its process at once; what it receives, once it has sent.
pub(super) fn process(ground: &Ground) -> Result<()> {
    let (exchange, watched) = watch(&options(&ground.machine), || {
        let pair = Pair::new((V4, 53).into())?;
        pair.exchange(USUAL)?;
        pair.exchange(USUAL)
    })?;
    let (client, server) = endpoints(&exchange, &watched)?;
    for sighting in client.into_iter().chain(server) {
        ours(sighting).with_context(|| format!("UDP {:?}", sighting.direction))?;
    }
    let (client, _) = endpoints(&ground.usual.tcp4, &ground.usual.watched)?;
    for sighting in client {
        ours(sighting).with_context(|| format!("TCP {:?}", sighting.direction))?;
    }
    Ok(())
}

fn ours(sighting: &Sighting) -> Result<()> {
    let process = sighting.socket.process.context("no process")?;
    let tgid = std::process::id();
    ensure!(process.tgid == tgid, "process {}, not {tgid}", process.tgid);
    ensure!(process.uid == Some(0), "user {:?}, not 0", process.uid);
    let comm = std::fs::read_to_string("/proc/self/comm")?;
    let found = String::from_utf8_lossy(&process.comm);
    ensure!(found.trim_end_matches('\0') == comm.trim_end(), "command {found:?}, not {comm:?}");
    Ok(())
}

/// One packet buffer has one id wherever it is seen; two buffers have two.
pub(super) fn hop_id(ground: &Ground) -> Result<()> {
    let (exchange, watched) = (&ground.usual.udp4, &ground.usual.watched);
    let id = |direction, message: &[u8]| -> Result<u64> {
        watched.one(Hook::Device, direction, message)?.hop_id.context("no hop id")
    };
    for message in [&exchange.query, &exchange.response] {
        let (sent, received) = (id(Direction::Out, message)?, id(Direction::In, message)?);
        ensure!(sent == received, "one packet has the ids {sent:x} and {received:x}");
    }
    Ok(())
}
