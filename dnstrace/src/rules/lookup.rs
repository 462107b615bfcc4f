//! What an application asked: all queries that its stub resolver made of one name.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use smallvec::SmallVec;

use super::case::Case;
use super::name::Name;
use crate::capture::{BootTime, WallTime};
use crate::decode::Transport;
use crate::join::Outcome;
use crate::owner::Who;

/// A lookup, from its first query to the last response.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// The address that asked.
    pub client: std::net::IpAddr,
    /// Each name that was tried, in order; never none.
    pub steps: SmallVec<[Step; 1]>,
    /// When the first query was seen,
    pub begin: BootTime,
    /// the same, for showing,
    pub wall: WallTime,
    /// and when the last transaction ended, or its response came.
    pub end: BootTime,
    /// How it ended.
    pub outcome: LookupOutcome,
}

/// One name of a lookup, with all its queries.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its queries, of each type, retransmission on other ports and transport, in the order they ended; never none.
    pub cases: SmallVec<[Arc<Case>; 2]>,
    /// Bytes of the name that the application asked for: behind them is the search domain, or the root.
    pub(super) base: usize,
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

const A: u16 = 1;
const AAAA: u16 = 28;
/// musl makes message IDs of the clock's nanoseconds: those of one lookup lie this close together (measured: 100 to 450).
const MUSL_DISTANCE: std::ops::RangeInclusive<u16> = 32..=2_048;
/// Queries for A and AAAA of one name are sent this close together.
const PAIR: Duration = Duration::from_millis(1);

impl Step {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &Name {
        static NONE: LazyLock<Name> = LazyLock::new(|| Name::from_text(""));
        self.cases.first().and_then(|case| case.name()).unwrap_or(&NONE)
    }

    /// The search domain that was appended; `None` for the name as it is.
    #[must_use]
    pub fn suffix(&self) -> Option<Name> {
        self.has_suffix().then(|| self.name().from(self.base))
    }

    /// Whether one was.
    #[must_use]
    pub fn has_suffix(&self) -> bool {
        self.base < self.name().stem().len()
    }

    /// Whether it was found, and nothing that was asked with it is open: an address of one family is asked for with one of
    /// the other, which may be lost.
    pub(super) fn seems_complete(&self) -> bool {
        let is_whole = |case: &Case| case.rcode().is_some() && !case.failed() && !case.is_truncated();
        let has = |qtype| self.cases.iter().any(|case| case.qtype() == Some(qtype));
        has(A) == has(AAAA) && self.is_found() && self.cases.iter().all(|case| is_whole(case))
    }

    /// Some query was answered with what it asked for.
    #[must_use]
    pub fn is_found(&self) -> bool {
        self.cases.iter().any(|case| case.is_found() || (case.is_truncated() && case.rcode() == Some(0)))
    }

    /// Every query was answered, with NXDOMAIN or NODATA.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.cases.iter().all(|case| case.is_negative())
    }
}

impl Lookup {
    /// Who asked whom, as of its first query.
    #[must_use]
    pub fn who(&self) -> &Who {
        &self.first().who
    }

    /// The query that ended first.
    #[must_use]
    pub fn first(&self) -> &Arc<Case> {
        &self.steps[0].cases[0]
    }

    /// What the application asked for, as far as it can be told from the queries: the name without its search domain.
    #[must_use]
    pub fn base(&self) -> Name {
        self.steps[0].name().up_to(self.steps[0].base)
    }

    /// The same as bytes, without the root.
    pub(super) fn stem(&self) -> &[u8] {
        self.steps[0].name().wire().get(..self.steps[0].base).unwrap_or_default()
    }

    /// How it ended, as its queries show it.
    pub(super) fn outcome_of_queries(&self) -> LookupOutcome {
        let mut cases = self.cases();
        if self.steps.iter().any(Step::is_found) {
            LookupOutcome::Found
        } else if self.cases().any(|case| case.failed()) {
            LookupOutcome::Failed
        } else if cases.any(|case| case.outcome == Outcome::Outstanding) {
            LookupOutcome::Open
        } else {
            LookupOutcome::NotFound
        }
    }

    /// Its queries, whatever they are for.
    pub fn cases(&self) -> impl Iterator<Item = &Arc<Case>> {
        self.steps.iter().flat_map(|step| &step.cases)
    }

    /// Sendings of queries.
    #[must_use]
    pub fn queries(&self) -> u64 {
        self.cases().map(sendings).sum()
    }

    /// Queries for names that only the search list made, and that do not exist.
    #[must_use]
    pub fn wasted(&self) -> u64 {
        let missed = self.steps.iter().filter(|step| step.has_suffix() && step.is_negative());
        missed.flat_map(|step| &step.cases).map(sendings).sum()
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
        let is_udp = |case: &&Arc<Case>| case.transport == Transport::Udp;
        let of = |qtype: u16| self.cases.iter().filter(move |case| case.qtype() == Some(qtype)).filter(is_udp);
        let pairs = of(A).flat_map(|a| of(AAAA).map(move |aaaa| (a, aaaa)));
        let mut pairs = pairs.filter(|(a, aaaa)| a.time.since(aaaa.time).max(aaaa.time.since(a.time)) <= PAIR);
        pairs.find_map(|(a, aaaa)| {
            let [has_edns, also_has_edns] =
                [a, aaaa].map(|case| case.query.is_some_and(|query| query.edns_size.is_some()));
            if a.client.port() != aaaa.client.port() {
                return (has_edns && also_has_edns).then_some(Libc::Go);
            }
            let distance = aaaa.query?.id.wrapping_sub(a.query?.id);
            Some(if MUSL_DISTANCE.contains(&distance) { Libc::Musl } else { Libc::Glibc }).filter(|_| !has_edns)
        })
    }
}

fn sendings(case: &Arc<Case>) -> u64 {
    case.attempts.len().max(1) as u64
}
