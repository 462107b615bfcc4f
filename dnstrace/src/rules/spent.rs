//! Where the time of a slow transaction went: on the way, at its server, or upstream.
//!
//! The sightings nearest to the server tell the way from the rest. Where they are not at the server itself, the rest is
//! the server's and that of the way to it, which cannot be told apart.

use std::time::Duration;

use super::case::Case;
use super::path::{entry, is_at_server};
use super::world::World;
use crate::capture::BootTime;
use crate::join::{Hop, MessageKind};

/// A part of a transaction's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Until the query was sent again, as the first one did not get as far.
    Again,
    /// From its client to its server.
    There,
    /// At its server, which asked nobody else.
    Server,
    /// Its server waited for servers that it asked itself.
    Upstream,
    /// Behind the place where the query was last seen: at its server, or on the way to it.
    Beyond,
    /// From its server to its client.
    Back,
}

impl Part {
    /// Every part, in the order of the way.
    pub const ALL: [Self; 6] = [Self::Again, Self::There, Self::Server, Self::Upstream, Self::Beyond, Self::Back];

    /// As in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Again => "sent-again",
            Self::There => "client-to-server",
            Self::Server => "server",
            Self::Upstream => "upstream",
            Self::Beyond => "beyond",
            Self::Back => "server-to-client",
        }
    }
}

/// How long each part took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// From the query to its response.
    pub total: Duration,
    parts: [Duration; Part::ALL.len()],
}

impl Spent {
    /// Of a transaction that is settled; `None` where it was not slow, or is seen at one place only.
    #[must_use]
    pub fn of_slow(case: &Case, world: &World<'_>) -> Option<Self> {
        let total = case.response_time.filter(|time| *time >= world.slow)?;
        let turn = Turn::of(case)?;
        let mut parts = [Duration::ZERO; Part::ALL.len()];
        let way = if turn.is_again { Part::Again } else { Part::There };
        parts[way as usize] = turn.there.since(turn.begin);
        let at_server = turn.back.since(turn.there);
        let upstream = waited(case, turn, world).min(at_server);
        parts[Part::Upstream as usize] = upstream;
        parts[if is_at_server(case, world) { Part::Server } else { Part::Beyond } as usize] =
            at_server.saturating_sub(upstream);
        parts[Part::Back as usize] = turn.end.since(turn.back);
        Some(Self { total, parts })
    }

    /// How long a part took.
    #[must_use]
    pub fn part(&self, part: Part) -> Duration {
        self.parts[part as usize]
    }

    /// The part that took the most.
    #[must_use]
    pub fn most(&self) -> Part {
        let longest = |part: &Part| (self.part(*part), std::cmp::Reverse(*part));
        Part::ALL.into_iter().max_by_key(longest).unwrap_or(Part::Beyond)
    }
}

/// Sightings at the client's end and at the server's.
#[derive(Clone, Copy)]
struct Turn {
    /// The query's first,
    begin: BootTime,
    /// and its first at the place nearest to the server,
    there: BootTime,
    /// the response's first,
    back: BootTime,
    /// and its last.
    end: BootTime,
    /// A later sending of the query was the first to get there.
    is_again: bool,
}

impl Turn {
    fn of(case: &Case) -> Option<Self> {
        let begin = entry(&case.path)?;
        let mut responses = case.path.iter().filter(|hop| hop.message == MessageKind::Response);
        let back = responses.next()?;
        let is_query = |hop: &&Hop| hop.message == MessageKind::Query && hop.time <= back.time;
        let nearest = case.path.iter().rfind(is_query)?;
        let there = case.path.iter().filter(is_query).find(|hop| hop.point == nearest.point)?;
        let end = responses.next_back().unwrap_or(back);
        let is_again = there.attempt != begin.attempt;
        Some(Self { begin: begin.time, there: there.time, back: back.time, end: end.time, is_again })
    }
}

/// How long the server waited for what it asked itself, as far as that has ended.
fn waited(case: &Case, turn: Turn, world: &World<'_>) -> Duration {
    let begin = world.window.caused_by(case.id).map(|caused| caused.time).min();
    let until = |caused: &Case| if caused.answer.is_some() { caused.end.min(turn.back) } else { turn.back };
    let end = world.window.caused_by(case.id).map(until).max();
    begin.zip(end).map(|(begin, end)| end.since(begin)).unwrap_or_default()
}
