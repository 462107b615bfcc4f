//! Transactions folded to the lookups that applications made.
//!
//! A name with a search domain shows only its whole self. That two names are steps of one lookup is seen where they begin
//! alike, and end in search domains: those of the pod's `resolv.conf` where it is known, else those that Kubernetes makes
//! of the cluster domain, else whatever was tried next after a negative response.

use std::sync::Arc;
use std::time::Duration;

use slab::Slab;

use super::case::{Case, asking_hash};
use super::gathered::Gathered;
use super::heads::Heads;
use super::lookup::Lookup;
use super::name::Name;
use super::search::SearchDomains;
use crate::capture::BootTime;
use crate::join::TransactionId;

/// A query that was sent with another is given up 5.25 s later, and may wait a second for a name: then nothing of the
/// lookup is still to come, but for resolvers that try again after a timeout.
const QUIET: Duration = Duration::from_secs(7);
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
    gathered: Gathered,
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
        let alike = asking_hash(case.client.ip(), name.first());
        let place = |at: usize| Some((at, self.open[at].gathered.place(case, name, domains)?));
        let known = self.alike(alike).find_map(place);
        match known {
            Some((at, place)) => {
                self.unlink(at);
                self.open[at].gathered.join(case, place);
                self.link(at);
                Some((self.open[at].gathered.lookup.first().id, None))
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
        let is_quiet = |at: &usize| now.since(self.open[*at].gathered.touched) >= QUIET;
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
        let gathered = Gathered::begin(case, base);
        let entry = self.open.vacant_entry();
        let (at, behind) = (entry.key(), self.alike.replace(alike, Some(entry.key())));
        entry.insert(Open { gathered, alike, behind, older: None, newer: None });
        self.link(at);
        let crowd = self.alike(alike).nth(OPEN_ALIKE_MAX);
        let out = crowd.or(self.going_on.oldest.filter(|_| self.going_on.count > OPEN_MAX))?;
        self.early += 1;
        Some(self.close(out))
    }

    fn close(&mut self, at: usize) -> Lookup {
        self.unlink(at);
        let Open { gathered: Gathered { mut lookup, .. }, alike, behind, .. } = self.open.remove(at);
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
        let row = if self.open[at].gathered.is_complete { &mut self.complete } else { &mut self.going_on };
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
        let Open { older, newer, .. } = self.open[at];
        let row = if self.open[at].gathered.is_complete { &mut self.complete } else { &mut self.going_on };
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
