//! What was asked for.

use super::Frequent;
use super::facts::Facts;
use crate::join::Outcome;

/// The most frequent names.
#[derive(Debug)]
pub struct Names {
    /// By queries.
    pub queried: Frequent,
    /// By queries without a response, by responses that were lost, and by those with another rcode than NOERROR and NXDOMAIN.
    pub failed: Frequent,
}

impl Names {
    pub(super) fn new() -> Self {
        Self { queried: Frequent::new(), failed: Frequent::new() }
    }

    /// Adds a transaction of which the query was seen.
    pub(super) fn add(&mut self, facts: &Facts) {
        let Some(name) = &facts.name else { return };
        let no_response = facts.outcome == Outcome::NoResponse;
        let failed = no_response || facts.response_lost || facts.is_error();
        let counted = [Some(&mut self.queried), failed.then_some(&mut self.failed)];
        for names in counted.into_iter().flatten() {
            let entry = names.add(name);
            entry.nxdomain += u64::from(facts.is_nxdomain());
            entry.errors += u64::from(facts.is_error());
            entry.no_response += u64::from(no_response);
            entry.response_lost += u64::from(facts.response_lost);
        }
    }
}
