//! Observations to transactions.

use std::time::Duration;

use super::{Transaction, TransactionId};
use crate::capture::BootTime;
use crate::decode::Observation;

/// What the join must know.
#[derive(Clone, Debug)]
pub struct JoinOptions {
    /// How long after its last sending a query is given up.
    pub query_timeout: Duration,
    /// How many transactions are open at most.
    pub open_max: usize,
}

/// What became of observations and transactions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JoinCounts {
    /// Observations looked at.
    pub observations: u64,
    /// Transactions given out.
    pub transactions: u64,
}

/// Observations to transactions.
pub struct Join {
    counts: JoinCounts,
}

impl Join {
    /// A join that has seen nothing.
    #[must_use]
    pub fn new(options: &JoinOptions) -> Self {
        let _ = options;
        Self { counts: JoinCounts::default() }
    }

    /// Adds one observation; gives each transaction that ended with it, and says which one this belongs to.
    pub fn add(&mut self, observation: &Observation<'_>, each: impl FnMut(Transaction)) -> TransactionId {
        let _ = (observation, each);
        self.counts.observations += 1;
        TransactionId(0)
    }

    /// Gives each transaction that has ended by `now`.
    pub fn expire(&mut self, now: BootTime, each: impl FnMut(Transaction)) {
        let _ = (now, each);
    }

    /// Gives every open transaction, at the end of a run, as it is.
    pub fn finish(&mut self, each: impl FnMut(Transaction)) {
        let _ = each;
    }

    /// What became of observations and transactions so far.
    #[must_use]
    pub fn counts(&self) -> &JoinCounts {
        &self.counts
    }
}
