//! What the stage tells of lookups and transactions that are over.

use super::super::lookup::Lookup;
use super::super::path::Leg;
use super::super::spent::Spent;
use super::super::{Settled, Told};

/// What became of lookups and transactions.
#[derive(Default)]
pub(in crate::rules) struct Heard {
    /// Lookups that were closed.
    pub(in crate::rules) lookups: Vec<Lookup>,
    /// Where queries without response are lost.
    pub(in crate::rules) legs: Vec<Leg>,
    /// Where the time of slow ones went.
    pub(in crate::rules) spent: Vec<Spent>,
    /// How many are part of a loop, or failed because of one.
    pub(in crate::rules) looping: u64,
}

impl Told for Heard {
    fn lookup(&mut self, lookup: &Lookup) {
        self.lookups.push(lookup.clone());
    }

    fn settled(&mut self, settled: &Settled<'_>) {
        self.legs.extend(settled.leg);
        self.spent.extend(settled.spent);
        self.looping += u64::from(settled.is_looping);
    }
}
