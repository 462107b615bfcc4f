//! Which lookups are meant: those of which a query is.

use super::Filter;
use crate::join::Outcome;
use crate::rules::lookup::{Ask, Lookup, Step};

impl Filter {
    /// Whether some query of a lookup is shown.
    #[must_use]
    pub fn shows_lookup(&self, lookup: &Lookup) -> bool {
        self.is_empty() || (self.shows_who(&lookup.who) && lookup.steps.iter().any(|step| self.shows_step(step)))
    }

    fn shows_step(&self, step: &Step) -> bool {
        let has_name = || {
            let name = step.name.to_string();
            self.names.iter().any(|glob| glob.is_match(&name))
        };
        (self.names.is_empty() || has_name()) && step.asks.iter().any(|ask| self.shows_ask(ask))
    }

    fn shows_ask(&self, ask: &Ask) -> bool {
        let is_unanswered = ask.outcome == Outcome::NoResponse;
        let is_slow = |limit| is_unanswered || ask.response_time.is_some_and(|time| time >= limit);
        (self.types.is_empty() || self.types.contains(&ask.qtype))
            && (self.rcodes.is_empty() || ask.rcode.is_some_and(|rcode| self.rcodes.contains(&rcode)))
            && self.slower_than.is_none_or(is_slow)
    }
}
