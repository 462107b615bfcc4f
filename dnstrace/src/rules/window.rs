//! The transactions of the last seconds, found by what rules ask for: the same question again, what it caused.
//!
//! What became of a transaction is known when what it caused has ended, too: then it is settled, and forgotten.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;
use std::sync::Arc;
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
/// What went well is forgotten early when so many more have come, of half a KiB each: parts of a lookup are milliseconds
/// apart, so at 100,000 queries/s there is time for them.
const WELL_MAX: usize = 2_048;
/// The same of what failed or was slow, 1.5 KiB each with its path: it is little, but for loops and storms, of which the first are enough.
const BAD_MAX: usize = 8_192;
/// The same of what was asked because of another: a cache asks on for one query in ten, so these are kept for longer.
const CAUSED_MAX: usize = 8_192;
/// Transactions caused by one that are counted when it ends: a loop makes thousands.
const COUNTED_MAX: usize = 64;

/// Transactions by their order of ending.
#[derive(Debug)]
pub struct Window {
    /// By [`Kind`].
    orders: [Order; 3],
    /// Transactions taken.
    taken: u64,
    by_id: HashMap<TransactionId, At>,
    /// The newest with a cause, or a client and a name; each leads to the one before it.
    by_cause: HashMap<TransactionId, At>,
    by_question: HashMap<u64, At>,
    /// Settled before their time.
    early: u64,
}

/// What waits for as long, in as much room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Well,
    Bad,
    Caused,
}

/// Where a transaction is, or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct At {
    kind: Kind,
    /// Of this kind.
    number: u64,
}

/// Transactions of a kind: what came first goes first.
#[derive(Debug)]
struct Order {
    max: usize,
    kept: VecDeque<Kept>,
    /// How many went.
    gone: u64,
}

#[derive(Debug)]
struct Kept {
    case: Arc<Case>,
    // Of the transaction, which is not in the processor's cache any more when it goes.
    id: TransactionId,
    end: BootTime,
    /// Its place among all.
    turn: u64,
    question: u64,
    before_of_cause: Option<At>,
    before_of_question: Option<At>,
}

impl Window {
    /// Takes one that ended.
    pub(super) fn add(&mut self, case: Arc<Case>) {
        let caused = self.caused_by(case.id).take(COUNTED_MAX).count();
        case.caused.add(u32::try_from(caused).unwrap_or(u32::MAX));
        if let Some(begun_by) = case.cause.and_then(|id| self.get(id)) {
            begun_by.caused.add(1);
        }
        let kind = match (case.is_upstream(), case.went_well()) {
            (true, _) => Kind::Caused,
            (false, true) => Kind::Well,
            (false, false) => Kind::Bad,
        };
        let order = &self.orders[kind as usize];
        let at = At { kind, number: order.gone + order.kept.len() as u64 };
        let question = self.question(case.client.ip(), case.name());
        let before_of_cause = case.cause.and_then(|cause| self.by_cause.insert(cause, at));
        let before_of_question = self.by_question.insert(question, at);
        self.by_id.insert(case.id, at);
        let turn = self.taken;
        self.taken += 1;
        let (id, end) = (case.id, case.end);
        let kept = Kept { case, id, end, turn, question, before_of_cause, before_of_question };
        self.orders[kind as usize].kept.push_back(kept);
    }

    /// Takes out the first whose consequences are known by `now`, or for which there is no room. What went well is
    /// forgotten before it.
    pub(super) fn settle(&mut self, now: BootTime) -> Option<Arc<Case>> {
        loop {
            let is_over = |kind: &Kind| self.front(*kind).is_some_and(|kept| now.since(kept.end) >= kept.wait(*kind));
            let over = self.first().filter(is_over).or_else(|| Some(Kind::Caused).filter(is_over));
            let kind = over.or_else(|| self.crowded())?;
            self.early += u64::from(over.is_none());
            let case = self.take(kind)?;
            if kind != Kind::Well {
                return Some(case);
            }
        }
    }

    /// Takes out the first: nothing more is to come.
    pub(super) fn finish(&mut self) -> Option<Arc<Case>> {
        loop {
            let kind = self.first().unwrap_or(Kind::Caused);
            let case = self.take(kind)?;
            if kind != Kind::Well {
                return Some(case);
            }
        }
    }

    /// Of what kind the first is that nobody caused.
    fn first(&self) -> Option<Kind> {
        let front = |kind| self.front(kind).map(|kept| (kept.turn, kind));
        let both = front(Kind::Well).into_iter().chain(front(Kind::Bad));
        both.min_by_key(|(turn, _)| *turn).map(|(_, kind)| kind)
    }

    /// Of what kind there are too many.
    fn crowded(&self) -> Option<Kind> {
        let is_crowded = |kind: &Kind| self.orders[*kind as usize].kept.len() > self.orders[*kind as usize].max;
        [Kind::Well, Kind::Bad, Kind::Caused].into_iter().find(is_crowded)
    }

    fn front(&self, kind: Kind) -> Option<&Kept> {
        self.orders[kind as usize].kept.front()
    }

    /// Transactions that were settled before their time, for want of room.
    #[must_use]
    pub(super) fn early(&self) -> u64 {
        self.early
    }

    /// A transaction by its name.
    #[must_use]
    pub fn get(&self, id: TransactionId) -> Option<&Case> {
        self.at(*self.by_id.get(&id)?).map(|kept| &*kept.case)
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
        self.orders.iter().flat_map(|order| &order.kept).map(|kept| &*kept.case)
    }

    fn question(&self, client: IpAddr, name: Option<&Name>) -> u64 {
        self.by_question.hasher().hash_one((client, name))
    }

    fn chain(&self, newest: Option<At>, before: fn(&Kept) -> Option<At>) -> impl Iterator<Item = &Case> {
        let kept = move |at: At| self.at(at);
        std::iter::successors(newest.and_then(kept), move |last| before(last).and_then(kept)).map(|kept| &*kept.case)
    }

    fn at(&self, at: At) -> Option<&Kept> {
        let order = &self.orders[at.kind as usize];
        let place = at.number.checked_sub(order.gone)?;
        order.kept.get(usize::try_from(place).ok()?)
    }

    /// Takes out the first of a kind.
    fn take(&mut self, kind: Kind) -> Option<Arc<Case>> {
        let order = &mut self.orders[kind as usize];
        let Kept { case, id, question, .. } = order.kept.pop_front()?;
        let at = At { kind, number: order.gone };
        order.gone += 1;
        // A newer one may stand there by now.
        remove_if(&mut self.by_id, &id, at);
        remove_if(&mut self.by_question, &question, at);
        if kind == Kind::Caused
            && let Some(cause) = &case.cause
        {
            remove_if(&mut self.by_cause, cause, at);
        }
        Some(case)
    }
}

impl Default for Window {
    fn default() -> Self {
        let orders = [WELL_MAX, BAD_MAX, CAUSED_MAX].map(|max| Order { max, kept: VecDeque::new(), gone: 0 });
        let (by_id, by_cause, by_question) = Default::default();
        Self { orders, taken: 0, by_id, by_cause, by_question, early: 0 }
    }
}

impl Kept {
    fn wait(&self, kind: Kind) -> Duration {
        match kind {
            Kind::Caused => SETTLE_CAUSED,
            Kind::Bad if self.case.is_unanswered() => SETTLE_UNANSWERED,
            Kind::Well | Kind::Bad => SETTLE,
        }
    }
}

fn remove_if<K: Eq + Hash>(map: &mut HashMap<K, At>, key: &K, at: At) {
    if map.get(key) == Some(&at) {
        map.remove(key);
    }
}
