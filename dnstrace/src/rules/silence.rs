//! Servers that do not answer, whatever they are asked.

use std::net::SocketAddr;

use super::case::Case;
use super::key::Key;
use super::recent::Recent;
use super::upstream::is_loop_probe;
use super::world::World;
use crate::capture::BootTime;

/// Servers that are watched: a node's forwarders ask a few.
const SERVERS_MAX: usize = 256;
/// One query may get lost, and its retransmission, too; a third in a row is no chance.
const SILENT_MIN: u32 = 3;

/// What each server did last.
#[derive(Debug)]
pub(super) struct Silence(Recent<Key<SocketAddr>, Server>);

#[derive(Debug, Default)]
struct Server {
    /// Sendings without response since it last answered.
    unanswered: u32,
    /// When the latest query was sent that it answered.
    answered: Option<BootTime>,
    /// It asks others: it may wait for them, as in a loop everybody does.
    asks_on: bool,
}

impl Default for Silence {
    fn default() -> Self {
        Self(Recent::new(SERVERS_MAX))
    }
}

impl Silence {
    /// Learns from a transaction that ended.
    pub(super) fn add(&mut self, case: &Case, world: &World<'_>) {
        let begun_by = case.cause.and_then(|id| world.window.get(id));
        if let Some(asking) = Some(case).filter(|case| case.caused() != 0).or(begun_by) {
            self.0.entry(&Key(asking.responder())).asks_on = true;
        }
        if case.is_upstream() {
            self.count(case);
        }
    }

    /// Learns from a transaction that ended how its server answers.
    pub(super) fn count(&mut self, case: &Case) {
        if is_loop_probe(case) {
            return;
        }
        let server = self.0.entry(&Key(case.responder()));
        if case.rcode().is_some() {
            server.answered = server.answered.max(Some(case.time));
            server.unanswered = 0;
        } else if case.is_unanswered() && server.answered.is_some_and(|answered| answered > case.time) {
            server.unanswered = 0;
        } else if case.is_unanswered() {
            server.unanswered = server.unanswered.saturating_add(u32::try_from(case.attempts.len()).unwrap_or(1));
        }
    }

    /// Whether it has not answered anything for so long that it is no chance.
    pub(super) fn is_silent(&self, server: SocketAddr) -> bool {
        self.0.get(&Key(server)).is_some_and(|server| server.unanswered >= SILENT_MIN)
    }

    /// Whether it was seen asking others.
    pub(super) fn asks_on(&self, server: SocketAddr) -> bool {
        self.0.get(&Key(server)).is_some_and(|server| server.asks_on)
    }

    /// Whether it answered something that it was asked later.
    pub(super) fn answered_since(&self, case: &Case) -> bool {
        let answered = self.0.get(&Key(case.responder())).and_then(|server| server.answered);
        answered.is_some_and(|answered| answered > case.time)
    }

    /// Servers that were forgotten for want of room.
    pub(super) fn evicted(&self) -> u64 {
        self.0.evicted()
    }
}
