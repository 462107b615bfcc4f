//! Transactions to their sums.

use std::collections::BTreeMap;

use crate::capture::WallTime;
use crate::join::{Outcome, Transaction};

/// What the transactions of a run add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Transactions added.
    pub transactions: u64,
    /// With a response, whatever its rcode.
    pub answered: u64,
    /// Of the answered: the response was thrown away before it came to its client.
    pub response_lost: u64,
    /// Without a response within the query timeout.
    pub no_response: u64,
    /// Responses without a query, late ones included.
    pub unsolicited: u64,
    /// Of the unsolicited: their query was given up before.
    pub late: u64,
    /// Queries whose time was not over when the run ended.
    pub outstanding: u64,
    /// Responses by rcode of the header; it has four bits, so there are at most 16.
    pub rcodes: BTreeMap<u16, u64>,
    /// Responses with TC.
    pub truncated: u64,
    /// Queries sent again with the same message ID and ports.
    pub retransmissions: u64,
    /// First and last transaction began at these times.
    pub span: Option<(WallTime, WallTime)>,
}

impl Totals {
    /// Adds one transaction.
    pub fn add(&mut self, transaction: &Transaction) {
        self.transactions += 1;
        match transaction.outcome {
            Outcome::Answered => {
                self.answered += 1;
                self.response_lost += u64::from(transaction.lost_by.is_some());
            }
            Outcome::NoResponse => self.no_response += 1,
            Outcome::Unsolicited => self.unsolicited += 1,
            Outcome::Outstanding => self.outstanding += 1,
        }
        self.late += u64::from(transaction.late_for.is_some());
        self.retransmissions += transaction.attempts.len().saturating_sub(1) as u64;
        if let Some(response) = &transaction.response {
            *self.rcodes.entry(response.header.rcode().into()).or_default() += 1;
            self.truncated += u64::from(response.header.truncated());
        }
        let (first, last) = self.span.unwrap_or((transaction.wall, transaction.wall));
        self.span = Some((first.min(transaction.wall), last.max(transaction.wall)));
    }
}
