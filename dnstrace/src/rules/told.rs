//! What the stage is told, and what it tells.

use std::time::Duration;

use super::case::{Case, SLOW};
use super::lookup::Lookup;
use super::path::Leg;
use super::spent::Spent;
use crate::join::TransactionId;

/// Where people differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleOptions {
    /// From here on a response is slow.
    pub slow: Duration,
}

impl Default for RuleOptions {
    fn default() -> Self {
        Self { slow: SLOW }
    }
}

/// What is known of a transaction when it ends.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Ids of rules that say something of it.
    pub findings: Vec<&'static str>,
    /// Where it is lost, if no response came to its client.
    pub leg: Option<Leg>,
    /// The transaction that ended first of its lookup, which may be itself.
    pub lookup: Option<TransactionId>,
}

/// Who wants to know what became of it.
pub trait Told {
    /// A lookup is over.
    fn lookup(&mut self, lookup: &Lookup);

    /// A transaction is settled.
    fn settled(&mut self, settled: &Settled<'_>);
}

/// What is known of a transaction when what it caused has ended, too.
pub struct Settled<'a> {
    /// The transaction.
    pub case: &'a Case,
    /// It is part of a loop, or failed because of one.
    pub is_looping: bool,
    /// Where it is lost, if no response came to its client.
    pub leg: Option<Leg>,
    /// Where its time went, if it was slow.
    pub spent: Option<Spent>,
}
