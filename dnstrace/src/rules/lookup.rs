//! What an application asked: all queries that its stub resolver made of one name.

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use super::case::Case;
pub use super::libc::Libc;
use super::name::Name;
pub use super::step::Step;
use crate::capture::{BootTime, WallTime};
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

impl Lookup {
    /// Who asked whom, as of its first query.
    #[must_use]
    pub fn who(&self) -> &Who {
        &self.first().who
    }

    /// The query that ended first.
    #[must_use]
    pub fn first(&self) -> &Arc<Case> {
        &self.steps[0].cases()[0]
    }

    /// What the application asked for, as far as it can be told from the queries: the name without its search domain.
    #[must_use]
    pub fn base(&self) -> Name {
        self.steps[0].base()
    }

    /// The same as bytes, without the root.
    pub(super) fn stem(&self) -> &[u8] {
        self.steps[0].base_stem()
    }

    /// How it ended, as its queries show it.
    pub(super) fn outcome_of_queries(&self) -> LookupOutcome {
        let some = |is: fn(&Step) -> bool| self.steps.iter().any(is);
        if some(Step::is_found) {
            LookupOutcome::Found
        } else if some(Step::failed) {
            LookupOutcome::Failed
        } else if some(Step::is_open) {
            LookupOutcome::Open
        } else {
            LookupOutcome::NotFound
        }
    }

    /// Its queries, whatever they are for.
    pub fn cases(&self) -> impl Iterator<Item = &Arc<Case>> {
        self.steps.iter().flat_map(Step::cases)
    }

    /// Sendings of queries.
    #[must_use]
    pub fn queries(&self) -> u64 {
        self.steps.iter().map(Step::sendings).sum()
    }

    /// Queries for names that only the search list made, and that do not exist.
    #[must_use]
    pub fn wasted(&self) -> u64 {
        let missed = self.steps.iter().filter(|step| step.has_suffix() && step.is_negative());
        missed.map(Step::sendings).sum()
    }

    /// From its first query to its last response.
    #[must_use]
    pub fn time(&self) -> Duration {
        self.end.since(self.begin)
    }

    /// The stub resolver, where the form of the queries tells it. An inference: others may send the same.
    #[must_use]
    pub fn libc(&self) -> Option<Libc> {
        self.steps.iter().find_map(Libc::of)
    }
}
