//! Transactions folded to the lookups that applications made.
//!
//! A name with a search domain shows only its whole self. That two names are steps of one lookup is seen where they begin
//! alike, and end in search domains: those of the pod's `resolv.conf` where it is known, else those that Kubernetes makes
//! of the cluster domain, else whatever was tried next after a negative response.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::time::Duration;

use foldhash::HashMap;

use super::case::Case;
use super::lookup::{Ask, Lookup, Step};
use super::name::Name;
use super::search::SearchDomains;
use crate::capture::BootTime;
use crate::join::TransactionId;

/// A query that was sent with another is given up 5.25 s later, and may wait a second for a name: then nothing of the
/// lookup is still to come, but for resolvers that try again after a timeout.
const QUIET: Duration = Duration::from_secs(7);
/// A stub resolver tries the next name at once.
const NEXT_STEP: Duration = Duration::from_millis(50);
/// Lookups that are held together at once, of some 500 bytes; the oldest is closed early. At 100,000 queries/s that is
/// 0.1 s, and steps are milliseconds apart.
const OPEN_MAX: usize = 4_096;
/// Of one address, for names that begin with the same label: a busy pod has some at a time.
const OPEN_ALIKE_MAX: usize = 16;
/// Queries of one lookup: 32 search domains, twice, and the name; a storm goes on in another one.
const ASKS_MAX: usize = 256;

/// Lookups that are not over.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    open: HashMap<u64, Open>,
    /// By the client's address and the first label, which all names of a lookup have in common.
    alike: HashMap<u64, Vec<u64>>,
    /// By when they were added to; an entry holds when nothing was added later.
    order: VecDeque<(BootTime, u64)>,
    next: u64,
    early: u64,
}

#[derive(Debug)]
struct Open {
    lookup: Lookup,
    touched: BootTime,
    asks: usize,
    alike: u64,
}

impl Lookups {
    /// Adds a transaction of a stub resolver; gives the first one of its lookup, and lookups for which there is no more
    /// room.
    pub(super) fn add(
        &mut self,
        case: &Case,
        domains: &SearchDomains,
        mut closed: impl FnMut(Lookup),
    ) -> Option<TransactionId> {
        let name = case.name()?;
        let alike = self.alike.hasher().hash_one((case.client.ip(), name.first()));
        let open = self.alike.get(&alike).into_iter().flatten().rev();
        let found = open.copied().find_map(|at| Some((at, self.open.get(&at)?.place(case, name, domains)?)));
        let at = match found {
            Some((at, place)) => {
                self.open.entry(at).and_modify(|open| open.join(case, name, place));
                at
            }
            None => self.begin(case, alike, domains),
        };
        self.order.push_back((case.end, at));
        let first = self.open.get(&at).and_then(|open| Some(open.lookup.steps.first()?.asks.first()?.id));
        let crowd = self.alike.get(&alike).filter(|open| open.len() > OPEN_ALIKE_MAX).map(|open| open[0]);
        let oldest = crowd.or_else(|| (self.open.len() > OPEN_MAX).then(|| self.order.pop_front())?.map(|(_, at)| at));
        if let Some(lookup) = oldest.and_then(|at| self.close(at)) {
            self.early += 1;
            closed(lookup);
        }
        first
    }

    /// Gives those to which nothing more is to come by `now`.
    pub(super) fn expire(&mut self, now: BootTime, mut closed: impl FnMut(Lookup)) {
        while let Some((time, at)) = self.order.front().copied().filter(|(time, _)| now.since(*time) >= QUIET) {
            self.order.pop_front();
            if self.open.get(&at).is_some_and(|open| open.touched <= time) {
                self.close(at).into_iter().for_each(&mut closed);
            }
        }
    }

    /// Gives all.
    pub(super) fn finish(&mut self, mut closed: impl FnMut(Lookup)) {
        while let Some((_, at)) = self.order.pop_front() {
            self.close(at).into_iter().for_each(&mut closed);
        }
    }

    /// Lookups that were closed for want of room.
    #[must_use]
    pub(super) fn early(&self) -> u64 {
        self.early
    }

    fn begin(&mut self, case: &Case, alike: u64, domains: &SearchDomains) -> u64 {
        let at = self.next;
        let Some(name) = case.name() else { return at };
        self.next += 1;
        self.alike.entry(alike).or_default().push(at);
        let suffix = domains.suffix_of(name);
        let base = suffix.as_ref().and_then(|suffix| name.without(suffix)).unwrap_or_else(|| name.clone());
        let step = Step { name: name.clone(), suffix, asks: vec![Ask::of(case)] };
        let lookup = Lookup {
            client: case.client.ip(),
            who: case.who.clone(),
            base,
            steps: vec![step],
            begin: case.time,
            wall: case.wall,
            end: ended(case),
        };
        self.open.insert(at, Open { lookup, touched: case.end, asks: 1, alike });
        at
    }

    fn close(&mut self, at: u64) -> Option<Lookup> {
        let Open { lookup, alike, .. } = self.open.remove(&at)?;
        if let Some(open) = self.alike.get_mut(&alike) {
            open.retain(|each| *each != at);
            if open.is_empty() {
                self.alike.remove(&alike);
            }
        }
        Some(lookup)
    }
}

/// Where a transaction belongs in a lookup.
enum Place {
    /// Another query of a step.
    Step(usize),
    /// The next name, with the search domain that was appended to `base`.
    Next { base: Name, suffix: Option<Name> },
}

impl Open {
    fn place(&self, case: &Case, name: &Name, domains: &SearchDomains) -> Option<Place> {
        if self.asks >= ASKS_MAX {
            return None;
        }
        let Lookup { steps, base, .. } = &self.lookup;
        if let Some(step) = steps.iter().position(|step| step.name == *name) {
            return self.goes_on(case, step).then_some(Place::Step(step));
        }
        if name == base {
            return Some(Place::Next { base: base.clone(), suffix: None });
        }
        self.with_suffix(name, domains).or_else(|| self.rebased(name, domains))
    }

    /// `name` is the base with a search domain.
    fn with_suffix(&self, name: &Name, domains: &SearchDomains) -> Option<Place> {
        let base = &self.lookup.base;
        let suffix = suffix_after(name, base)?;
        let mut before = self.lookup.steps.iter().filter_map(|step| step.suffix.as_ref());
        if before.any(|before| domains.are_apart(before, &suffix)) {
            return None;
        }
        // One that nobody knows is seen by what it follows: a step that found nothing.
        let follows = self.lookup.steps.last().is_some_and(|step| step.suffix.is_some() && step.is_negative());
        let is_next = domains.is_search_domain(&suffix) || (follows && domains.is_plausible(&suffix));
        is_next.then(|| Place::Next { base: base.clone(), suffix: Some(suffix) })
    }

    /// What was taken for the whole name had a search domain that nobody knew: the name as it is shows that.
    fn rebased(&self, name: &Name, domains: &SearchDomains) -> Option<Place> {
        let [only] = &self.lookup.steps[..] else { return None };
        let suffix = suffix_after(&only.name, name)?;
        let is_base = only.suffix.is_none() && only.is_negative() && domains.is_plausible(&suffix);
        is_base.then(|| Place::Next { base: name.clone(), suffix: None })
    }

    /// The same question after an answer is another lookup. After a truncated response, one without an answer or a
    /// timeout it is asked again, and glibc asks all again for which it needs more room.
    fn goes_on(&self, case: &Case, step: usize) -> bool {
        let asks = &self.lookup.steps[step].asks;
        let Some(same) = asks.iter().rfind(|ask| Some(ask.qtype) == case.qtype()) else { return true };
        let is_next = same.truncated || same.failed() || (!same.is_found && case.time.since(same.time) < NEXT_STEP);
        // musl sends the same to several servers.
        let is_copy = same.server != case.server && same.message_id == case.query.map(|query| query.id);
        // One that was given up ends after the one that was sent in its place.
        is_next || (is_copy && same.port == case.client.port()) || (case.is_unanswered() && case.time <= same.time)
    }

    fn join(&mut self, case: &Case, name: &Name, place: Place) {
        let ask = Ask::of(case);
        let lookup = &mut self.lookup;
        match place {
            Place::Step(at) => lookup.steps[at].asks.push(ask),
            Place::Next { base, suffix } => {
                for step in &mut lookup.steps {
                    step.suffix = suffix_after(&step.name, &base);
                }
                lookup.base = base;
                lookup.steps.push(Step { name: name.clone(), suffix, asks: vec![ask] });
            }
        }
        self.asks += 1;
        self.touched = self.touched.max(case.end);
        if case.time < lookup.begin {
            (lookup.begin, lookup.wall) = (case.time, case.wall);
        }
        lookup.end = lookup.end.max(ended(case));
    }
}

/// What stands behind `base` in `name`; `None` when nothing does, or it begins otherwise.
fn suffix_after(name: &Name, base: &Name) -> Option<Name> {
    let count = base.count();
    let begins = count > 0 && name.common(base) == count;
    begins.then(|| name.parent(count)).filter(|suffix| !suffix.is_root())
}

/// When a transaction's application knew how it ended.
fn ended(case: &Case) -> BootTime {
    match case.response_time {
        Some(time) => case.time.after(time),
        None => case.end,
    }
}
