//! At what something is seen: a transaction, or a lookup.

use super::case::Case;
use super::finding::{Evidence, Subject};
use super::lookup::{Lookup, Step};
use crate::capture::{BootTime, WallTime};

/// At what something is seen.
#[derive(Clone, Copy)]
pub(super) enum Occasion<'a> {
    /// A transaction.
    Transaction(&'a Case),
    /// A lookup, at one of its names.
    Lookup(&'a Lookup, &'a Step),
}

impl Occasion<'_> {
    /// When it began.
    pub(super) fn time(self) -> (BootTime, WallTime) {
        match self {
            Self::Transaction(case) => (case.time, case.wall),
            Self::Lookup(lookup, _) => (lookup.begin, lookup.wall),
        }
    }

    /// Who asked.
    pub(super) fn client(self) -> Subject {
        match self {
            Self::Transaction(case) => Subject::client(case),
            Self::Lookup(lookup, _) => Subject::asker(lookup),
        }
    }

    /// What it shows, in words.
    pub(super) fn evidence(self) -> Option<Evidence> {
        match self {
            Self::Transaction(case) => Some(Evidence::of(case)),
            Self::Lookup(_, step) => step.cases().first().map(|case| Evidence::of(case)),
        }
    }
}
