//! Which lookups are meant: those of which a query is.

use super::Filter;
use crate::rules::case::Case;
use crate::rules::lookup::{Lookup, Step};

impl Filter {
    /// Whether some query of a lookup is shown.
    #[must_use]
    pub fn shows_lookup(&self, lookup: &Lookup) -> bool {
        self.is_empty() || (self.shows_who(lookup.who()) && lookup.steps.iter().any(|step| self.shows_step(step)))
    }

    fn shows_step(&self, step: &Step) -> bool {
        let has_name = || {
            let name = step.name().to_string();
            self.names.iter().any(|glob| glob.is_match(&name))
        };
        (self.names.is_empty() || has_name()) && step.cases().iter().any(|case| self.shows_case(case))
    }

    fn shows_case(&self, case: &Case) -> bool {
        let is_unanswered = case.is_unanswered();
        let is_slow = |limit| is_unanswered || case.response_time.is_some_and(|time| time >= limit);
        (self.types.is_empty() || case.qtype().is_some_and(|qtype| self.types.contains(&qtype)))
            && (self.rcodes.is_empty() || case.rcode().is_some_and(|rcode| self.rcodes.contains(&rcode)))
            && self.slower_than.is_none_or(is_slow)
    }
}
