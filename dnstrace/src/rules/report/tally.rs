//! How many transactions ended how.

use std::cmp::Reverse;

use super::facts::Facts;
use super::{Bounded, Legs, Slow};
use crate::join::Outcome;

/// Of all, of one client, or of one server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Transactions of which the query was seen: the sum of answered, without response and outstanding.
    pub queries: u64,
    /// Seen as they came out at a responder's socket on this node.
    pub reached: u64,
    /// With a response, whatever its rcode.
    pub answered: u64,
    /// Of the answered: the response was thrown away before it came to its client.
    pub response_lost: u64,
    /// Of the answered that are not lost: with NXDOMAIN.
    pub nxdomain: u64,
    /// Of those: with another rcode than NOERROR and NXDOMAIN.
    pub errors: u64,
    /// Of those: with TC.
    pub truncated: u64,
    /// Of the truncated: asked again over TCP.
    pub asked_again: u64,
    /// Without a response within the query timeout.
    pub no_response: u64,
    /// Their time was not over when the run ended.
    pub outstanding: u64,
    /// Queries sent again with the same message ID and ports.
    pub retransmissions: u64,
    /// Further responses to a query that had one.
    pub duplicate_responses: u64,
    /// Responses without a query, late ones included; they are no queries.
    pub unsolicited: u64,
    /// Of the unsolicited: their query was given up before.
    pub late: u64,
    /// What applications asked: queries folded to lookups.
    pub lookups: u64,
    /// Queries for names that only a search list made, and that do not exist.
    pub wasted: u64,
    /// Transactions that went in a circle.
    pub looped: u64,
    /// Of the lost: where they are lost, as far as that is known by now.
    pub legs: Legs,
    /// Slow ones, by where their time went.
    pub slow: Slow,
}

impl Tally {
    pub(super) fn add(&mut self, facts: &Facts) {
        self.retransmissions += facts.retransmissions;
        self.duplicate_responses += facts.duplicate_responses;
        if facts.outcome == Outcome::Unsolicited {
            self.unsolicited += 1;
            self.late += u64::from(facts.late_for.is_some());
            return;
        }
        self.queries += 1;
        self.reached += u64::from(facts.reached);
        match facts.outcome {
            Outcome::Answered => self.add_answered(facts),
            Outcome::NoResponse => self.no_response += 1,
            Outcome::Outstanding | Outcome::Unsolicited => self.outstanding += 1,
        }
    }

    fn add_answered(&mut self, facts: &Facts) {
        self.answered += 1;
        self.truncated += u64::from(facts.is_truncated());
        self.nxdomain += u64::from(facts.is_nxdomain());
        self.errors += u64::from(facts.is_error());
        self.response_lost += u64::from(facts.response_lost);
    }

    /// All that was added.
    #[must_use]
    pub fn transactions(&self) -> u64 {
        self.queries + self.unsolicited
    }

    /// Queries that did not get what they were sent for. NXDOMAIN is an answer: search lists live on it.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.lost() + self.errors
    }

    /// Queries of which no response came to their client.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.no_response + self.response_lost
    }
}

/// Entries of a table, those with the most failures first, then the busiest.
pub fn worst_first<K, V>(table: &Bounded<K, V>, tally: impl Fn(&V) -> &Tally) -> Vec<(&K, &V)> {
    let mut entries: Vec<_> = table.iter().collect();
    // Stable: equal ones stay in the order of their keys.
    entries.sort_by_key(|(_, entry)| {
        let tally = tally(entry);
        Reverse((tally.failures(), tally.transactions()))
    });
    entries
}
