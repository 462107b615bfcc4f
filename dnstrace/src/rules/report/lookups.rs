//! What applications asked, and what that cost them.

use super::{Frequent, ResponseTimes};
use crate::rules::lookup::{Libc, Lookup, LookupOutcome};

/// Lookups, added up.
#[derive(Debug)]
pub struct Lookups {
    outcomes: [u64; LookupOutcome::ALL.len()],
    /// From the first query of each to its last response, of those that are over.
    pub times: ResponseTimes,
    /// Sendings of their queries.
    pub queries: u64,
    /// By the stub resolver that the form of their queries shows.
    pub libcs: Libcs,
    /// Lookups that wasted a query.
    pub wasteful_lookups: u64,
    /// What was looked up, by queries for names that only the search list made, and that do not exist.
    pub wasteful: Frequent,
}

impl Lookups {
    pub(super) fn new() -> Self {
        Self {
            outcomes: [0; LookupOutcome::ALL.len()],
            times: ResponseTimes::default(),
            queries: 0,
            libcs: Libcs::default(),
            wasteful_lookups: 0,
            wasteful: Frequent::new(),
        }
    }

    pub(super) fn add(&mut self, lookup: &Lookup) {
        let outcome = lookup.outcome;
        self.outcomes[outcome as usize] += 1;
        self.queries += lookup.queries();
        if matches!(outcome, LookupOutcome::Found | LookupOutcome::NotFound) {
            self.times.add(lookup.time());
        }
        self.libcs.add(lookup.libc());
        let wasted = lookup.wasted();
        if wasted != 0 {
            self.wasteful_lookups += 1;
            self.wasteful.add_times(lookup.base().wire(), wasted).lookups += 1;
        }
    }

    /// How many ended so.
    #[must_use]
    pub fn get(&self, outcome: LookupOutcome) -> u64 {
        self.outcomes[outcome as usize]
    }

    /// All.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.outcomes.iter().sum()
    }
}

/// Lookups by the stub resolver that is inferred from the form of their queries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Libcs([u64; Libc::ALL.len()]);

impl Libcs {
    pub(super) fn add(&mut self, libc: Option<Libc>) {
        self.0.iter_mut().zip(Libc::ALL).filter(|(_, of)| Some(*of) == libc).for_each(|(count, _)| *count += 1);
    }

    /// Each that was seen.
    pub fn iter(&self) -> impl Iterator<Item = (Libc, u64)> {
        Libc::ALL.into_iter().zip(self.0).filter(|&(_, count)| count != 0)
    }
}
