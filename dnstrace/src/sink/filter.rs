//! What is shown: transactions and sightings that match every condition.

use std::time::Duration;

use globset::GlobMatcher;

use super::message::{asked, push_name, question, rcode};
use super::{Sighting, iana};
use crate::decode::Question;
use crate::join::{MessageCopy, Outcome, Transaction};

/// Conditions; an empty one is met by everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// qname, without its trailing dot, case-insensitively: one of these.
    pub names: Vec<GlobMatcher>,
    /// qtype: one of these.
    pub types: Vec<u16>,
    /// rcode of the response: one of these.
    pub rcodes: Vec<u16>,
    /// Response time at least this; a query without response is slower than any.
    pub slower_than: Option<Duration>,
}

impl Filter {
    /// Whether everything is shown.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { names, types, rcodes, slower_than } = self;
        names.is_empty() && types.is_empty() && rcodes.is_empty() && slower_than.is_none()
    }

    /// Whether a transaction is shown.
    #[must_use]
    pub fn shows(&self, transaction: &Transaction) -> bool {
        self.shows_question(|| asked(transaction))
            && self.shows_rcode(transaction.response.as_ref())
            && self.shows_time(transaction)
    }

    /// Whether a sighting is shown. A sighting has no response time; its rcode counts when it is a response.
    #[must_use]
    pub fn shows_sighting(&self, sighting: &Sighting) -> bool {
        let message = &sighting.message;
        let response = message.header.is_response().then_some(message);
        self.shows_question(|| question(message)) && self.shows_rcode(response)
    }

    fn shows_question<'q>(&self, asked: impl FnOnce() -> Option<Question<'q>>) -> bool {
        if self.names.is_empty() && self.types.is_empty() {
            return true;
        }
        asked().is_some_and(|asked| {
            let of_type = self.types.is_empty() || self.types.contains(&asked.qtype);
            of_type && (self.names.is_empty() || self.has_name(&asked))
        })
    }

    fn has_name(&self, asked: &Question<'_>) -> bool {
        let mut name = String::new();
        push_name(asked, &mut name);
        self.names.iter().any(|glob| glob.is_match(&name))
    }

    fn shows_rcode(&self, response: Option<&MessageCopy>) -> bool {
        self.rcodes.is_empty() || response.is_some_and(|response| self.rcodes.contains(&rcode(response)))
    }

    fn shows_time(&self, transaction: &Transaction) -> bool {
        let Some(limit) = self.slower_than else { return true };
        transaction.outcome == Outcome::NoResponse || transaction.response_time.is_some_and(|time| time >= limit)
    }
}

/// The number of a record type given by name (`AAAA`, `TYPE65`) or number.
#[must_use]
pub fn record_type_number(text: &str) -> Option<u16> {
    iana::record_type_number(text)
}

/// The number of an rcode given by name (`NXDOMAIN`, `RCODE12`) or number.
#[must_use]
pub fn rcode_number(text: &str) -> Option<u16> {
    iana::rcode_number(text)
}
