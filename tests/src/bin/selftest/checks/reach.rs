//! Each message is seen once at each hook and direction, with its ports.

use anyhow::{Context, Result, ensure};
use dnstrace::capture::live::LiveOptions;
use dnstrace::capture::{Counter, Direction, Hook};

use super::Ground;
use crate::V4;
use crate::traffic::{self, Exchange, UNWATCHED};
use crate::watch::{Watched, options, watch};

pub(super) fn udp4(ground: &Ground) -> Result<()> {
    seen_everywhere(&ground.usual.udp4, &ground.usual.watched)
}

pub(super) fn udp6(ground: &Ground) -> Result<()> {
    seen_everywhere(&ground.usual.udp6, &ground.usual.watched)
}

pub(super) fn tcp4(ground: &Ground) -> Result<()> {
    seen_everywhere(&ground.usual.tcp4, &ground.usual.watched)
}

pub(super) fn tcp6(ground: &Ground) -> Result<()> {
    seen_everywhere(&ground.usual.tcp6, &ground.usual.watched)
}

fn seen_everywhere(exchange: &Exchange, watched: &Watched) -> Result<()> {
    let (client, server) = (exchange.client.port, exchange.server.port);
    for hook in Hook::PASSED {
        for direction in [Direction::Out, Direction::In] {
            seen(watched, hook, direction, &exchange.query, (client, server)).context("query")?;
            seen(watched, hook, direction, &exchange.response, (server, client)).context("response")?;
        }
    }
    Ok(())
}

fn seen(watched: &Watched, hook: Hook, direction: Direction, message: &[u8], ports: (u16, u16)) -> Result<()> {
    let sighting = watched.one(hook, direction, message)?;
    ensure!(sighting.ports() == ports, "{hook:?} {direction:?}: ports {:?}, not {ports:?}", sighting.ports());
    ensure!(sighting.wire_len as usize == sighting.bytes.len(), "{hook:?} {direction:?}: cut");
    ensure!(sighting.vlan.is_none() && sighting.gso_size == 0, "{hook:?} {direction:?}: not plain");
    Ok(())
}

/// Other ports are not even counted, and any port can be watched.
pub(super) fn watched_ports(ground: &Ground) -> Result<()> {
    let (_, watched) = watch(&options(&ground.machine), || traffic::udp(V4, UNWATCHED))?;
    for hook in Hook::PASSED {
        ensure!(watched.count(hook, Counter::Seen) == 0, "{hook:?} saw an unwatched port");
    }
    let elsewhere = LiveOptions { ports: vec![5_353, UNWATCHED], ..options(&ground.machine) };
    let (exchange, watched) = watch(&elsewhere, || {
        traffic::udp(V4, 53)?;
        traffic::udp(V4, UNWATCHED)
    })?;
    ensure!(watched.count(Hook::Socket, Counter::Seen) == 4, "saw port 53 also: {:?}", watched.counts);
    seen_everywhere(&exchange, &watched)
}

/// A hook that was not asked for is not there.
pub(super) fn one_hook(ground: &Ground) -> Result<()> {
    for hook in Hook::PASSED {
        let only = LiveOptions { hooks: vec![hook], ..options(&ground.machine) };
        let (_, watched) = watch(&only, || traffic::udp(V4, 53))?;
        ensure!(watched.sightings.len() == 4, "{hook:?} alone saw {} packets", watched.sightings.len());
        ensure!(watched.sightings.iter().all(|sighting| sighting.hook == hook), "another hook than {hook:?} saw");
    }
    Ok(())
}

/// Packets are stamped with the clock that user space reads, in the order they went.
pub(super) fn clock(ground: &Ground) -> Result<()> {
    let (exchange, watched) = (&ground.usual.udp4, &ground.usual.watched);
    for sighting in &watched.sightings {
        let time = sighting.boot_ns;
        let (began, ended) = (watched.began_ns, watched.ended_ns);
        ensure!((began..=ended).contains(&time), "stamped {time}, not between {began} and {ended}");
    }
    let way = [(Hook::Socket, Direction::Out), (Hook::Device, Direction::Out), (Hook::Device, Direction::In)];
    let times = way.map(|(hook, direction)| watched.one(hook, direction, &exchange.query).map(|seen| seen.boot_ns));
    let [socket, out, received] = times;
    let (socket, out, received) = (socket?, out?, received?);
    ensure!(socket <= out && out <= received, "times {socket}, {out}, {received} are not in the packet's order");
    Ok(())
}
