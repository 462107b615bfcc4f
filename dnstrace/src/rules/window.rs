//! The transactions of the last seconds, found by what rules ask for: the same question again, what it caused.
//!
//! What became of a transaction is known when what it caused has ended, too: then it is settled, and forgotten.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;
use std::time::Duration;

use foldhash::HashMap;

use super::case::Case;
use super::name::Name;
use crate::capture::BootTime;
use crate::join::TransactionId;

/// A query that a forwarder sent just before it answered is given up 5.25 s later, and may wait a second for a name.
const SETTLE: Duration = Duration::from_secs(7);
/// The same after the last sending of a query without response, which is given up as late itself.
const SETTLE_UNANSWERED: Duration = Duration::from_millis(12_500);
/// What was asked because of another transaction outlives it: a forwarder answers 6 s after its first query, or its client
/// gives up 5.25 s after its own last one, and is settled when that is known.
const SETTLE_CAUSED: Duration = Duration::from_secs(14);
/// What went well is settled early when so many more have come, of half a KiB each: parts of a lookup are milliseconds
/// apart, so at 100,000 queries/s there is time for them.
const WELL_MAX: usize = 2_048;
/// The same of what failed or was slow, 1.5 KiB each with its path: it is little, but for loops and storms, of which the first are enough.
const BAD_MAX: usize = 8_192;
/// The same of what was asked because of another: a cache asks on for one query in ten, so these are kept for longer.
const CAUSED_MAX: usize = 8_192;
/// Transactions caused by one that are counted when it ends: a loop makes thousands.
const COUNTED_MAX: usize = 64;

/// Transactions by their order of ending.
#[derive(Debug, Default)]
pub struct Window {
    cases: HashMap<u64, Box<Kept>>,
    /// In their order.
    well: VecDeque<u64>,
    bad: VecDeque<u64>,
    caused: VecDeque<u64>,
    next: u64,
    by_id: HashMap<TransactionId, u64>,
    /// The newest with a cause, or a client and a name; each leads to the one before it.
    by_cause: HashMap<TransactionId, u64>,
    by_question: HashMap<u64, u64>,
    /// Settled before their time.
    early: u64,
}

#[derive(Debug)]
struct Kept {
    case: Case,
    question: u64,
    before_of_cause: Option<u64>,
    before_of_question: Option<u64>,
}

impl Window {
    /// Takes one that ended.
    pub(super) fn add(&mut self, mut case: Case) {
        let caused = self.caused_by(case.id).take(COUNTED_MAX).count();
        case.caused = u32::try_from(caused).unwrap_or(u32::MAX);
        self.count_in_cause(&case);
        let at = self.next;
        self.next += 1;
        let question = self.question(case.client.ip(), case.name());
        let before_of_cause = case.cause.and_then(|cause| self.by_cause.insert(cause, at));
        let before_of_question = self.by_question.insert(question, at);
        self.by_id.insert(case.id, at);
        let order = match (case.is_upstream(), case.went_well()) {
            (true, _) => &mut self.caused,
            (false, true) => &mut self.well,
            (false, false) => &mut self.bad,
        };
        order.push_back(at);
        self.cases.insert(at, Box::new(Kept { case, question, before_of_cause, before_of_question }));
    }

    /// The newest.
    pub(super) fn newest(&self) -> Option<&Case> {
        self.at(self.next.checked_sub(1)?)
    }

    /// Takes out the first whose consequences are known by `now`, or for which there is no room.
    pub(super) fn settle(&mut self, now: BootTime) -> Option<Case> {
        let is_over = |at: &u64| self.at(*at).is_some_and(|case| now.since(case.end) >= wait(case));
        let over = self.first().filter(is_over).or_else(|| self.caused.front().copied().filter(is_over));
        let at = over.or_else(|| self.crowded())?;
        self.early += u64::from(over.is_none());
        self.take(at)
    }

    /// Takes out the first: nothing more is to come.
    pub(super) fn finish(&mut self) -> Option<Case> {
        let first = self.first().or_else(|| self.caused.front().copied())?;
        self.take(first)
    }

    /// The first that nobody caused.
    fn first(&self) -> Option<u64> {
        self.well.front().copied().into_iter().chain(self.bad.front().copied()).min()
    }

    /// The first of those of which there are too many.
    fn crowded(&self) -> Option<u64> {
        let orders = [(&self.well, WELL_MAX), (&self.bad, BAD_MAX), (&self.caused, CAUSED_MAX)];
        orders.into_iter().find(|(order, max)| order.len() > *max).and_then(|(order, _)| order.front().copied())
    }

    fn count_in_cause(&mut self, case: &Case) {
        let begun_by = case.cause.and_then(|id| self.by_id.get(&id)).and_then(|at| self.cases.get_mut(at));
        if let Some(begun_by) = begun_by {
            begun_by.case.caused = begun_by.case.caused.saturating_add(1);
        }
    }

    /// Transactions that were settled before their time, for want of room.
    #[must_use]
    pub(super) fn early(&self) -> u64 {
        self.early
    }

    /// A transaction by its name.
    #[must_use]
    pub fn get(&self, id: TransactionId) -> Option<&Case> {
        self.at(*self.by_id.get(&id)?)
    }

    /// What a transaction made its responder ask, the newest first.
    pub fn caused_by(&self, id: TransactionId) -> impl Iterator<Item = &Case> {
        self.chain(self.by_cause.get(&id).copied(), |kept| kept.before_of_cause)
    }

    /// Transactions of the same client's address for the same name, whatever their type, port and transport, the newest
    /// first; `case` is not among them.
    pub fn same_question(&self, case: &Case) -> impl Iterator<Item = &Case> {
        self.of(case.client.ip(), case.name()).filter(|other| other.id != case.id && other.name() == case.name())
    }

    /// Transactions of a client's address for a name, the newest first.
    pub fn of(&self, client: IpAddr, name: Option<&Name>) -> impl Iterator<Item = &Case> {
        let newest = self.by_question.get(&self.question(client, name)).copied();
        self.chain(newest, |kept| kept.before_of_question).filter(move |case| case.client.ip() == client)
    }

    /// Every transaction that is not forgotten yet, in no order.
    pub fn all(&self) -> impl Iterator<Item = &Case> {
        self.cases.values().map(|kept| &kept.case)
    }

    fn question(&self, client: IpAddr, name: Option<&Name>) -> u64 {
        let mut hasher = self.by_question.hasher().build_hasher();
        (client, name).hash(&mut hasher);
        std::hash::Hasher::finish(&hasher)
    }

    fn chain(&self, newest: Option<u64>, before: fn(&Kept) -> Option<u64>) -> impl Iterator<Item = &Case> {
        let kept = move |at: u64| self.cases.get(&at);
        std::iter::successors(newest.and_then(kept), move |last| before(last).and_then(kept)).map(|kept| &kept.case)
    }

    fn at(&self, at: u64) -> Option<&Case> {
        self.cases.get(&at).map(|kept| &kept.case)
    }

    fn take(&mut self, at: u64) -> Option<Case> {
        for order in [&mut self.well, &mut self.bad, &mut self.caused] {
            if order.front() == Some(&at) {
                order.pop_front();
            }
        }
        let Kept { case, question, .. } = *self.cases.remove(&at)?;
        // A newer one may stand there by now.
        remove_if(&mut self.by_id, &case.id, at);
        remove_if(&mut self.by_question, &question, at);
        if let Some(cause) = &case.cause {
            remove_if(&mut self.by_cause, cause, at);
        }
        Some(case)
    }
}

fn wait(case: &Case) -> Duration {
    match (case.is_upstream(), case.is_unanswered()) {
        (true, _) => SETTLE_CAUSED,
        (false, true) => SETTLE_UNANSWERED,
        (false, false) => SETTLE,
    }
}

fn remove_if<K: Eq + Hash>(map: &mut HashMap<K, u64>, key: &K, at: u64) {
    if map.get(key) == Some(&at) {
        map.remove(key);
    }
}
