//! The transactions of the last seconds, found by what rules ask for: the same question again, what it caused.
//!
//! What became of a transaction is known when what it caused has ended, too: then it is settled, and forgotten.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use super::case::{Case, asking_hash};
use super::heads::Heads;
use crate::capture::BootTime;
use crate::join::TransactionId;

/// A query that a forwarder sent just before it answered is given up 5.25 s later, and may wait a second for a name.
const SETTLE: Duration = Duration::from_secs(7);
/// The same after the last sending of a query without response, which is given up as late itself.
const SETTLE_UNANSWERED: Duration = Duration::from_millis(12_500);
/// What was asked because of another transaction outlives it: a forwarder answers 6 s after its first query, or its client
/// gives up 5.25 s after its own last one, and is settled when that is known.
const SETTLE_CAUSED: Duration = Duration::from_secs(14);
/// What went well is forgotten early when so many more have come, of half a KiB each: the other query of a pair is some
/// microseconds away, and more would drive what all stages work with out of the processor's cache.
const WELL_MAX: usize = 256;
/// The same of what failed or was slow, 1.5 KiB each with its path: it is little, but for loops and storms, of which the first are enough.
const BAD_MAX: usize = 8_192;
/// The same of what was asked because of another: a cache asks on for one query in ten, so these are kept for longer.
const CAUSED_MAX: usize = 8_192;
/// A UDP response of fewer bytes is one packet wherever IPv6 goes (RFC 8200, 5).
const FRAGMENT_MIN: u32 = 1_232;
/// Chains of what was caused: every transaction looks for its own, and a small table stays in the processor's cache.
const CAUSE_HEADS: usize = 1_024;
/// Transactions caused by one that are counted when it ends: a loop makes thousands.
const COUNTED_MAX: usize = 64;

/// Transactions by their order of ending.
#[derive(Debug)]
pub struct Window {
    /// By [`Kind`].
    orders: [Order; 3],
    /// Transactions taken.
    taken: u64,
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

/// What leaves.
#[derive(Debug)]
pub(super) struct Gone {
    /// The transaction.
    pub(super) case: Arc<Case>,
    /// Whether there is more to say of it: not where it went well and nobody caused it.
    pub(super) is_to_be_settled: bool,
}

/// Where a transaction is in its order, or was: how many came until then.
type At = NonZeroU64;

/// Transactions of a kind: what came first goes first.
#[derive(Debug)]
struct Order {
    max: usize,
    kept: VecDeque<Kept>,
    /// How many went.
    gone: u64,
    /// The newest with an id, a cause, or a client and a name; each leads to the one before it, until one is gone.
    by_id: Heads<At>,
    by_cause: Heads<At>,
    by_question: Heads<At>,
}

#[derive(Debug)]
struct Kept {
    case: Arc<Case>,
    // Of the transaction, which is not in the processor's cache any more when it goes.
    end: BootTime,
    /// Its place among all.
    turn: u64,
    before_of_id: Option<At>,
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
        let kind = match (case.is_upstream(), case.went_well() && !is_telling(&case)) {
            (true, _) => Kind::Caused,
            (false, true) => Kind::Well,
            (false, false) => Kind::Bad,
        };
        self.orders[kind as usize].push(case, self.taken);
        self.taken += 1;
    }

    /// Takes out the first whose consequences are known by `now`, or for which there is no room.
    pub(super) fn settle(&mut self, now: BootTime) -> Option<Gone> {
        let is_over = |kind: &Kind| self.front(*kind).is_some_and(|kept| now.since(kept.end) >= kept.wait(*kind));
        let over = self.first().filter(is_over).or_else(|| Some(Kind::Caused).filter(is_over));
        let kind = over.or_else(|| self.crowded())?;
        let gone = self.take(kind)?;
        self.early += u64::from(over.is_none() && gone.is_to_be_settled);
        Some(gone)
    }

    /// Takes out the first: nothing more is to come.
    pub(super) fn finish(&mut self) -> Option<Gone> {
        self.take(self.first().unwrap_or(Kind::Caused))
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
        self.orders.iter().find_map(|order| order.with_id(id).find(|case| case.id == id))
    }

    /// What a transaction made its responder ask, the newest first.
    pub fn caused_by(&self, id: TransactionId) -> impl Iterator<Item = &Case> {
        self.orders[Kind::Caused as usize].with_cause(id).filter(move |case| case.cause == Some(id))
    }

    /// Transactions of the same client's address for the same name, whatever their type, port and transport, the newest of
    /// each kind first; `case` is not among them.
    pub fn same_question(&self, case: &Case) -> impl Iterator<Item = &Case> {
        self.of(case.client.ip(), case).filter(|other| other.id != case.id)
    }

    /// Transactions of a client's address for the name that `case` is for.
    pub fn of(&self, client: IpAddr, case: &Case) -> impl Iterator<Item = &Case> {
        let all = self.orders.iter().flat_map(move |order| order.with_question(client, case.name_hash));
        all.filter(move |other| other.client.ip() == client && other.name() == case.name())
    }

    /// What was asked because of others: see [`of`](Self::of).
    pub(super) fn caused_of(&self, client: IpAddr, case: &Case) -> impl Iterator<Item = &Case> {
        let caused = self.orders[Kind::Caused as usize].with_question(client, case.name_hash);
        caused.filter(move |other| other.client.ip() == client && other.name() == case.name())
    }

    /// Every transaction that is not forgotten yet, in no order.
    pub fn all(&self) -> impl Iterator<Item = &Case> {
        self.orders.iter().flat_map(|order| &order.kept).map(|kept| &*kept.case)
    }

    /// Takes out the first of a kind.
    fn take(&mut self, kind: Kind) -> Option<Gone> {
        let order = &mut self.orders[kind as usize];
        let Kept { case, .. } = order.kept.pop_front()?;
        order.gone += 1;
        let is_to_be_settled = kind == Kind::Caused || (kind == Kind::Bad && !case.went_well());
        Some(Gone { case, is_to_be_settled })
    }
}

impl Order {
    fn new(max: usize) -> Self {
        let [by_id, by_question] = std::array::from_fn(|_| Heads::new(max));
        let by_cause = Heads::new(CAUSE_HEADS);
        Self { max, kept: VecDeque::new(), gone: 0, by_id, by_cause, by_question }
    }

    fn push(&mut self, case: Arc<Case>, turn: u64) {
        let at = At::MIN.saturating_add(self.gone + self.kept.len() as u64);
        let id = self.by_id.hash(&case.id);
        let before_of_id = self.by_id.replace(id, Some(at));
        let before_of_cause = case.cause.and_then(|cause| self.by_cause.replace(self.by_cause.hash(&cause), Some(at)));
        let before_of_question = self.by_question.replace(case.asking_hash, Some(at));
        let end = case.end;
        self.kept.push_back(Kept { case, end, turn, before_of_id, before_of_cause, before_of_question });
    }

    /// Those that may have an id.
    fn with_id(&self, id: TransactionId) -> impl Iterator<Item = &Case> {
        self.chain(self.by_id.get(self.by_id.hash(&id)), |kept| kept.before_of_id)
    }

    /// Those that may have a cause.
    fn with_cause(&self, cause: TransactionId) -> impl Iterator<Item = &Case> {
        self.chain(self.by_cause.get(self.by_cause.hash(&cause)), |kept| kept.before_of_cause)
    }

    /// Those that may be of a client for a name.
    fn with_question(&self, client: IpAddr, name_hash: u64) -> impl Iterator<Item = &Case> {
        let newest = self.by_question.get(asking_hash(client, name_hash));
        self.chain(newest, |kept| kept.before_of_question)
    }

    fn chain(&self, newest: Option<At>, before: fn(&Kept) -> Option<At>) -> impl Iterator<Item = &Case> {
        let kept = move |at: At| self.at(at);
        std::iter::successors(newest.and_then(kept), move |last| before(last).and_then(kept)).map(|kept| &*kept.case)
    }

    fn at(&self, at: At) -> Option<&Kept> {
        let place = (at.get() - 1).checked_sub(self.gone)?;
        self.kept.get(usize::try_from(place).ok()?)
    }
}

impl Default for Window {
    fn default() -> Self {
        Self { orders: [WELL_MAX, BAD_MAX, CAUSED_MAX].map(Order::new), taken: 0, early: 0 }
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

/// Whether it is kept for longer though it went well: it made its server ask others, or its response may get lost yet.
fn is_telling(case: &Case) -> bool {
    case.caused() > 0 || case.answer.as_ref().is_some_and(|answer| answer.len > FRAGMENT_MIN)
}
