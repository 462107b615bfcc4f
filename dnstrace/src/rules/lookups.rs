//! Transactions folded to the lookups that applications made.
//!
//! A name with a search domain shows only its whole self. That two names are steps of one lookup is seen where they begin
//! alike, and end in search domains: those of the pod's `resolv.conf` where it is known, else those that Kubernetes makes
//! of the cluster domain, else whatever was tried next after a negative response.

use std::sync::Arc;
use std::time::Duration;

use slab::Slab;
use smallvec::smallvec;

use super::case::Case;
use super::heads::Heads;
use super::lookup::{Lookup, LookupOutcome, Step};
use super::name::Name;
use super::search::SearchDomains;
use crate::capture::BootTime;
use crate::join::TransactionId;

/// A query that was sent with another is given up 5.25 s later, and may wait a second for a name: then nothing of the
/// lookup is still to come, but for resolvers that try again after a timeout.
const QUIET: Duration = Duration::from_secs(7);
/// A stub resolver tries the next name at once.
const NEXT_STEP: Duration = Duration::from_millis(50);
/// Lookups that are held together at once, of half a KiB beside their transactions; the oldest is closed early. At 100,000
/// queries/s that is 40 ms, and steps are milliseconds apart; more would not stay in the processor's cache.
const OPEN_MAX: usize = 2_048;
/// Those that seem complete: only servers that were asked at once, as musl does, may still say something else. Few are kept,
/// as most are such, and they would drive what all stages work with out of the processor's cache.
const COMPLETE_MAX: usize = 128;
/// Chains of lookups: most of the time a few hundred are open, and a small table stays in the processor's cache.
const HEADS: usize = 1_024;
/// Of one address, for names that begin with the same label: a busy pod has some at a time.
const OPEN_ALIKE_MAX: usize = 16;
/// Queries of one lookup: 32 search domains, twice, and the name; a storm goes on in another one.
const QUERIES_MAX: usize = 256;

/// Lookups that are not over.
#[derive(Debug)]
pub(super) struct Lookups {
    open: Slab<Open>,
    /// The newest of those with the same client's address and first label, which all names of a lookup have in common.
    alike: Heads<usize>,
    /// In the order of their last query: those of which more is to come, and those that seem complete.
    going_on: Row,
    complete: Row,
    early: u64,
}

/// Lookups in the order of their last query.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    oldest: Option<usize>,
    newest: Option<usize>,
    count: usize,
}

#[derive(Debug)]
struct Open {
    lookup: Lookup,
    touched: BootTime,
    queries: usize,
    /// See [`Step::seems_complete`].
    is_complete: bool,
    alike: u64,
    /// The one before it in the same chain.
    behind: Option<usize>,
    /// Its neighbours in the order of their last query.
    older: Option<usize>,
    newer: Option<usize>,
}

impl Default for Lookups {
    fn default() -> Self {
        let (open, going_on, complete, early) = Default::default();
        Self { open, alike: Heads::new(HEADS), going_on, complete, early }
    }
}

impl Lookups {
    /// Adds a transaction of a stub resolver; gives the first one of its lookup, and the lookup for which there is no more
    /// room.
    pub(super) fn add(&mut self, case: &Arc<Case>, domains: &SearchDomains) -> Option<(TransactionId, Option<Lookup>)> {
        let name = case.name()?;
        let alike = self.alike.hash(&(case.client.ip(), name.first()));
        let place = |at: usize| Some((at, self.open[at].place(case, name, domains)?));
        let known = self.alike(alike).find_map(place);
        match known {
            Some((at, place)) => {
                self.unlink(at);
                self.open[at].join(case, place);
                self.link(at);
                Some((self.open[at].lookup.first().id, None))
            }
            None => Some((case.id, self.begin(case, name, alike, domains))),
        }
    }

    /// Those that may be one with a query, the newest first.
    fn alike(&self, alike: u64) -> impl Iterator<Item = usize> {
        let chain = std::iter::successors(self.alike.get(alike), |at| self.open.get(*at)?.behind);
        chain.filter(move |at| self.open.get(*at).is_some_and(|open| open.alike == alike))
    }

    /// Gives one to which nothing more is to come by `now`.
    pub(super) fn expire(&mut self, now: BootTime) -> Option<Lookup> {
        let crowd = self.complete.oldest.filter(|_| self.complete.count > COMPLETE_MAX);
        let is_quiet = |at: &usize| now.since(self.open[*at].touched) >= QUIET;
        let over =
            crowd.or_else(|| [self.going_on, self.complete].iter().filter_map(|row| row.oldest).find(is_quiet))?;
        Some(self.close(over))
    }

    /// Gives one of those that are left.
    pub(super) fn finish(&mut self) -> Option<Lookup> {
        let oldest = [self.complete, self.going_on].iter().find_map(|row| row.oldest)?;
        Some(self.close(oldest))
    }

    /// Lookups that were closed for want of room.
    #[must_use]
    pub(super) fn early(&self) -> u64 {
        self.early
    }

    fn begin(&mut self, case: &Arc<Case>, name: &Name, alike: u64, domains: &SearchDomains) -> Option<Lookup> {
        let base = domains.suffix_at(name).unwrap_or(name.stem().len());
        let step = Step { cases: smallvec![Arc::clone(case)], base };
        let is_complete = step.seems_complete();
        let (begin, wall, end, client) = (case.time, case.wall, ended(case), case.client.ip());
        let lookup = Lookup { client, steps: smallvec![step], begin, wall, end, outcome: LookupOutcome::Open };
        let entry = self.open.vacant_entry();
        let (at, behind) = (entry.key(), self.alike.replace(alike, Some(entry.key())));
        let (touched, queries) = (case.end, 1);
        entry.insert(Open { lookup, touched, queries, is_complete, alike, behind, older: None, newer: None });
        self.link(at);
        let crowd = self.alike(alike).nth(OPEN_ALIKE_MAX);
        let out = crowd.or(self.going_on.oldest.filter(|_| self.going_on.count > OPEN_MAX))?;
        self.early += 1;
        Some(self.close(out))
    }

    fn close(&mut self, at: usize) -> Lookup {
        self.unlink(at);
        let Open { mut lookup, alike, behind, .. } = self.open.remove(at);
        let mut chain = std::iter::successors(self.alike.get(alike), |at| self.open.get(*at)?.behind);
        match chain.find(|before| self.open.get(*before).is_some_and(|open| open.behind == Some(at))) {
            Some(before) => self.open[before].behind = behind,
            None => {
                self.alike.replace(alike, behind);
            }
        }
        lookup.outcome = lookup.outcome_of_queries();
        lookup
    }

    /// Makes one the newest of its row.
    fn link(&mut self, at: usize) {
        let row = if self.open[at].is_complete { &mut self.complete } else { &mut self.going_on };
        row.count += 1;
        let before = row.newest.replace(at);
        if before.is_none() {
            row.oldest = Some(at);
        }
        (self.open[at].older, self.open[at].newer) = (before, None);
        if let Some(before) = before {
            self.open[before].newer = Some(at);
        }
    }

    fn unlink(&mut self, at: usize) {
        let Open { older, newer, is_complete, .. } = self.open[at];
        let row = if is_complete { &mut self.complete } else { &mut self.going_on };
        row.count -= 1;
        match older {
            Some(older) => self.open[older].newer = newer,
            None => row.oldest = newer,
        }
        match newer {
            Some(newer) => self.open[newer].older = older,
            None => row.newest = older,
        }
    }
}

/// Where a transaction belongs in a lookup.
#[derive(Clone, Copy)]
enum Place {
    /// Another query of a step.
    Step(usize),
    /// The next name, of which so many bytes are what the application asked for.
    Next { base: usize },
}

impl Open {
    fn place(&self, case: &Case, name: &Name, domains: &SearchDomains) -> Option<Place> {
        if self.queries >= QUERIES_MAX {
            return None;
        }
        let steps = &self.lookup.steps;
        if let Some(step) = steps.iter().position(|step| step.name() == name) {
            return self.goes_on(case, step).then_some(Place::Step(step));
        }
        let base = self.lookup.stem();
        if name.stem() == base {
            return Some(Place::Next { base: base.len() });
        }
        self.with_suffix(name, domains).or_else(|| self.rebased(name, domains))
    }

    /// `name` is the base with a search domain.
    fn with_suffix(&self, name: &Name, domains: &SearchDomains) -> Option<Place> {
        let base = self.lookup.stem();
        let suffix = suffix_after(name, base)?;
        let mut before = self.lookup.steps.iter().filter_map(Step::suffix);
        if before.any(|before| domains.are_apart(&before, &suffix)) {
            return None;
        }
        // One that nobody knows is seen by what it follows: a step that found nothing.
        let follows = self.lookup.steps.last().is_some_and(|step| step.has_suffix() && step.is_negative());
        let is_next = domains.is_search_domain(&suffix) || (follows && domains.is_plausible(&suffix));
        is_next.then_some(Place::Next { base: base.len() })
    }

    /// What was taken for the whole name had a search domain that nobody knew: the name as it is shows that.
    fn rebased(&self, name: &Name, domains: &SearchDomains) -> Option<Place> {
        let [only] = &self.lookup.steps[..] else { return None };
        let suffix = suffix_after(only.name(), name.stem())?;
        let is_base = !only.has_suffix() && only.is_negative() && domains.is_plausible(&suffix);
        is_base.then_some(Place::Next { base: name.stem().len() })
    }

    /// The same question after an answer is another lookup. After a truncated response, one without an answer or a
    /// timeout it is asked again, and glibc asks all again for which it needs more room.
    fn goes_on(&self, case: &Case, step: usize) -> bool {
        let cases = &self.lookup.steps[step].cases;
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

    fn join(&mut self, case: &Arc<Case>, place: Place) {
        let lookup = &mut self.lookup;
        let at = match place {
            Place::Step(at) => {
                lookup.steps[at].cases.push(Arc::clone(case));
                at
            }
            Place::Next { base } => {
                lookup.steps.iter_mut().for_each(|step| step.base = base);
                lookup.steps.push(Step { cases: smallvec![Arc::clone(case)], base });
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
