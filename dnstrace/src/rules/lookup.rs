//! What an application asked: all queries that its stub resolver made of one name.

use std::net::SocketAddr;
use std::time::Duration;

use super::case::Case;
use super::name::Name;
use crate::capture::{BootTime, WallTime};
use crate::decode::Transport;
use crate::join::{Outcome, TransactionId};
use crate::owner::Who;

/// A lookup, from its first query to the last response.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// The address that asked.
    pub client: std::net::IpAddr,
    /// Who asked whom, as of its first query.
    pub who: Who,
    /// What the application asked for, as far as it can be told from the queries: the name without its search domain.
    pub base: Name,
    /// Each name that was tried, in order.
    pub steps: Vec<Step>,
    /// When the first query was seen,
    pub begin: BootTime,
    /// the same, for showing,
    pub wall: WallTime,
    /// and when the last transaction ended, or its response came.
    pub end: BootTime,
}

/// One name of a lookup, with all its queries.
#[derive(Clone, Debug)]
pub struct Step {
    /// The name.
    pub name: Name,
    /// The search domain that was appended; `None` for the name as it is.
    pub suffix: Option<Name>,
    /// Its queries, of each type, retransmission on other ports and transport, in the order they ended.
    pub asks: Vec<Ask>,
}

/// One transaction of a lookup.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The transaction.
    pub id: TransactionId,
    /// When it began.
    pub time: BootTime,
    /// Whom it asked, before DNAT.
    pub server: SocketAddr,
    /// The initiator's port.
    pub port: u16,
    /// Message ID.
    pub message_id: Option<u16>,
    /// QTYPE.
    pub qtype: u16,
    /// UDP or TCP.
    pub transport: Transport,
    /// How it ended.
    pub outcome: Outcome,
    /// Of its response, with the bits of EDNS.
    pub rcode: Option<u16>,
    /// NOERROR with what was asked for.
    pub is_found: bool,
    /// The zone that says no: see [`Answer::zone`](super::Answer::zone).
    pub zone: Option<Name>,
    /// TC.
    pub truncated: bool,
    /// With EDNS.
    pub has_edns: bool,
    /// Sendings of the query.
    pub attempts: u16,
    /// From the first query to the response.
    pub response_time: Option<Duration>,
}

/// How a lookup ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LookupOutcome {
    /// With records.
    Found,
    /// Every name that was tried does not exist, or has no such records.
    NotFound,
    /// Some query had no response, or an error, and none was found.
    Failed,
    /// Not over when the run ended.
    Open,
}

impl LookupOutcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Found, Self::NotFound, Self::Failed, Self::Open];

    /// As in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::NotFound => "not-found",
            Self::Failed => "failed",
            Self::Open => "open",
        }
    }
}

/// The stub resolver behind a lookup, inferred from the form of its queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Libc {
    /// A and AAAA from one port, unrelated message IDs.
    Glibc,
    /// A and AAAA from one port, message IDs some hundred apart, as they are made from the clock.
    Musl,
    /// A and AAAA from two ports at once, with EDNS of 1,232 bytes.
    Go,
}

impl Libc {
    /// Those that can be told.
    pub const ALL: [Self; 3] = [Self::Glibc, Self::Musl, Self::Go];

    /// As on the screen.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Glibc => "glibc",
            Self::Musl => "musl",
            Self::Go => "Go",
        }
    }
}

/// musl makes message IDs of the clock's nanoseconds: those of one lookup lie this close together (measured: 100 to 450).
const MUSL_DISTANCE: std::ops::RangeInclusive<u16> = 32..=2_048;
/// Queries for A and AAAA of one name are sent this close together.
const PAIR: Duration = Duration::from_millis(1);

impl Ask {
    pub(super) fn of(case: &Case) -> Self {
        Self {
            id: case.id,
            time: case.time,
            server: case.server,
            port: case.client.port(),
            message_id: case.query.map(|query| query.id),
            qtype: case.qtype().unwrap_or_default(),
            transport: case.transport,
            outcome: case.outcome,
            rcode: case.rcode(),
            is_found: case.is_found(),
            zone: case.answer.as_ref().and_then(|answer| answer.zone.clone()),
            truncated: case.answer.as_ref().is_some_and(|answer| answer.truncated),
            has_edns: case.query.is_some_and(|query| query.edns_size.is_some()),
            attempts: u16::try_from(case.attempts.len()).unwrap_or(u16::MAX),
            response_time: case.response_time,
        }
    }

    /// NXDOMAIN, or NODATA.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.rcode == Some(3) || (self.rcode == Some(0) && !self.is_found && !self.truncated)
    }

    /// Without response, or with another rcode than NOERROR and NXDOMAIN.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.outcome == Outcome::NoResponse || self.rcode.is_some_and(|rcode| rcode != 0 && rcode != 3)
    }
}

impl Step {
    /// Some query was answered with what it asked for.
    #[must_use]
    pub fn is_found(&self) -> bool {
        self.asks.iter().any(|ask| ask.is_found || (ask.truncated && ask.rcode == Some(0)))
    }

    /// Every query was answered, with NXDOMAIN or NODATA.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        !self.asks.is_empty() && self.asks.iter().all(Ask::is_negative)
    }
}

impl Lookup {
    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> LookupOutcome {
        let mut asks = self.steps.iter().flat_map(|step| &step.asks);
        if self.steps.iter().any(Step::is_found) {
            LookupOutcome::Found
        } else if asks.clone().any(Ask::failed) {
            LookupOutcome::Failed
        } else if asks.any(|ask| ask.outcome == Outcome::Outstanding) {
            LookupOutcome::Open
        } else {
            LookupOutcome::NotFound
        }
    }

    /// Its queries, whatever they are for.
    pub fn asks(&self) -> impl Iterator<Item = &Ask> {
        self.steps.iter().flat_map(|step| &step.asks)
    }

    /// Sendings of queries.
    #[must_use]
    pub fn queries(&self) -> u64 {
        self.steps.iter().flat_map(|step| &step.asks).map(|ask| u64::from(ask.attempts.max(1))).sum()
    }

    /// Queries for names that only the search list made, and that do not exist.
    #[must_use]
    pub fn wasted(&self) -> u64 {
        let missed = self.steps.iter().filter(|step| step.suffix.is_some() && step.is_negative());
        missed.flat_map(|step| &step.asks).map(|ask| u64::from(ask.attempts.max(1))).sum()
    }

    /// From its first query to its last response.
    #[must_use]
    pub fn time(&self) -> Duration {
        self.end.since(self.begin)
    }

    /// The stub resolver, where the form of the queries tells it. An inference: others may send the same.
    #[must_use]
    pub fn libc(&self) -> Option<Libc> {
        self.steps.iter().find_map(Step::libc)
    }
}

impl Step {
    fn libc(&self) -> Option<Libc> {
        let of = |qtype: u16| self.asks.iter().filter(move |ask| ask.qtype == qtype && ask.transport == Transport::Udp);
        let pairs = of(1).flat_map(|a| of(28).map(move |aaaa| (a, aaaa)));
        let mut pairs = pairs.filter(|(a, aaaa)| a.time.since(aaaa.time).max(aaaa.time.since(a.time)) <= PAIR);
        pairs.find_map(|(a, aaaa)| {
            if a.port != aaaa.port {
                return (a.has_edns && aaaa.has_edns).then_some(Libc::Go);
            }
            let distance = aaaa.message_id?.wrapping_sub(a.message_id?);
            Some(if MUSL_DISTANCE.contains(&distance) { Libc::Musl } else { Libc::Glibc }).filter(|_| !a.has_edns)
        })
    }
}
