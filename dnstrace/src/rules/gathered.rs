//! A lookup as it grows: which queries are its, and where they belong in it.

use std::sync::Arc;
use std::time::Duration;

use smallvec::smallvec;

use super::case::Case;
use super::lookup::{Lookup, LookupOutcome, Step};
use super::name::Name;
use super::search::SearchDomains;
use crate::capture::BootTime;

/// A stub resolver tries the next name at once.
const NEXT_STEP: Duration = Duration::from_millis(50);
/// Those of a pod with the search domains that Kubernetes makes and one of the node, and the name as it is.
const STEPS_USUAL: usize = 5;
/// Queries of one lookup: 32 search domains, twice, and the name; a storm goes on in another one.
const QUERIES_MAX: usize = 256;

/// Where a transaction belongs in a lookup.
#[derive(Clone, Copy)]
pub(super) enum Position {
    /// Another query of a step.
    Step(usize),
    /// The next name, of which so many bytes are what the application asked for.
    Next { base: usize },
}

/// A lookup that is not over.
#[derive(Debug)]
pub(super) struct Gathered {
    /// What is known of it.
    pub(super) lookup: Lookup,
    /// The end of the transaction that ended last.
    pub(super) touched: BootTime,
    /// See [`Step::seems_complete`].
    pub(super) is_complete: bool,
    queries: usize,
}

impl Gathered {
    /// The first query, of whose name so many bytes are what the application asked for.
    pub(super) fn begin(case: &Arc<Case>, base: usize) -> Self {
        let step = Step::begin(case, base);
        let is_complete = step.seems_complete();
        let (begin, wall, end, client) = (case.time, case.wall, ended(case), case.client.ip());
        let lookup = Lookup { client, steps: smallvec![step], begin, wall, end, outcome: LookupOutcome::Open };
        Self { lookup, touched: case.end, is_complete, queries: 1 }
    }

    /// Where a query of its client belongs in it; `None` when it is one of another lookup.
    pub(super) fn place(&self, case: &Case, name: &Name, domains: &SearchDomains) -> Option<Position> {
        if self.queries >= QUERIES_MAX {
            return None;
        }
        let steps = &self.lookup.steps;
        if let Some(step) = steps.iter().position(|step| step.is_for(case)) {
            return self.goes_on(case, step).then_some(Position::Step(step));
        }
        let base = self.lookup.stem();
        if name.stem() == base {
            return Some(Position::Next { base: base.len() });
        }
        self.with_suffix(name, domains).or_else(|| self.rebased(name, domains))
    }

    /// `name` is the base with a search domain.
    fn with_suffix(&self, name: &Name, domains: &SearchDomains) -> Option<Position> {
        let base = self.lookup.stem();
        let suffix = suffix_after(name, base)?;
        let mut before = self.lookup.steps.iter().filter_map(Step::suffix);
        if before.any(|before| domains.are_apart(&before, &suffix)) {
            return None;
        }
        // One that nobody knows is seen by what it follows: a step that found nothing.
        let follows = self.lookup.steps.last().is_some_and(|step| step.has_suffix() && step.is_negative());
        let is_next = domains.is_search_domain(&suffix) || (follows && domains.is_plausible(&suffix));
        is_next.then_some(Position::Next { base: base.len() })
    }

    /// What was taken for the whole name had a search domain that nobody knew: the name as it is shows that.
    fn rebased(&self, name: &Name, domains: &SearchDomains) -> Option<Position> {
        let [only] = &self.lookup.steps[..] else { return None };
        let suffix = suffix_after(only.name(), name.stem())?;
        let is_base = !only.has_suffix() && only.is_negative() && domains.is_plausible(&suffix);
        is_base.then_some(Position::Next { base: name.stem().len() })
    }

    /// The same question after an answer is another lookup. After a truncated response, one without an answer or a
    /// timeout it is asked again, and glibc asks all again for which it needs more room.
    fn goes_on(&self, case: &Case, step: usize) -> bool {
        let cases = self.lookup.steps[step].cases();
        let Some(same) = cases.iter().rfind(|same| same.qtype() == case.qtype()) else { return true };
        let is_soon = case.time.since(same.time) < NEXT_STEP;
        let is_next = same.is_truncated() || same.failed() || (!same.is_found() && is_soon);
        // musl sends the same to several servers.
        let id = |case: &Case| case.query.map(|query| query.id);
        let is_copy = same.server != case.server && id(same) == id(case);
        // One that was given up ends after the one that was sent in its place.
        is_next
            || (is_copy && same.client.port() == case.client.port())
            || (case.is_unanswered() && case.time <= same.time)
    }

    /// Adds a query.
    pub(super) fn join(&mut self, case: &Arc<Case>, place: Position) {
        let lookup = &mut self.lookup;
        let at = match place {
            Position::Step(at) => {
                lookup.steps[at].add(case);
                at
            }
            Position::Next { base } => {
                lookup.steps.iter_mut().for_each(|step| step.rebase(base));
                if lookup.steps.len() == 1 {
                    lookup.steps.reserve_exact(STEPS_USUAL - 1);
                }
                lookup.steps.push(Step::begin(case, base));
                lookup.steps.len() - 1
            }
        };
        self.is_complete = lookup.steps[at].seems_complete();
        self.queries += 1;
        self.touched = self.touched.max(case.end);
        if case.time < lookup.begin {
            (lookup.begin, lookup.wall) = (case.time, case.wall);
        }
        lookup.end = lookup.end.max(ended(case));
    }
}

/// What stands behind `base` in `name`; `None` when nothing does, or it begins otherwise.
fn suffix_after(name: &Name, base: &[u8]) -> Option<Name> {
    // Bytes begin with the lengths of their labels: those that are alike have the same labels.
    let begins = !base.is_empty() && base.len() < name.stem().len() && name.stem().starts_with(base);
    begins.then(|| name.from(base.len()))
}

/// When a transaction's application knew how it ended.
fn ended(case: &Case) -> BootTime {
    match case.response_time {
        Some(time) => case.time.after(time),
        None => case.end,
    }
}
