//! Observations to transactions.

use std::time::Duration;

use super::connections::Connections;
use super::deadlines::Wait;
use super::ending;
use super::identity::{Seen, is_response};
use super::index::Slot;
use super::open::Open;
use super::recent::Recent;
use super::table::Table;
use super::{Connection, ConnectionCounts, JoinCounts, Outcome, Transaction, TransactionId};
use crate::capture::BootTime;
use crate::decode::{FRAGMENT_TIMEOUT, Observation};

/// How many transactions are open at most unless said otherwise: 5 s of 6,000 queries/s without any response, or 100 ms
/// of 300,000 with one.
pub const OPEN_MAX: usize = 32_768;

/// Added to the query timeout: glibc sends again with the same message ID at 5.0 s, which is the same transaction.
pub const TIMEOUT_GRACE: Duration = Duration::from_millis(250);

/// How long after a sighting of its response an answered transaction waits for further ones.
pub const SETTLE: Duration = Duration::from_millis(100);

/// How long a response waits for its query, which another CPU may have seen and not yet handed over.
pub const SKEW_TIMEOUT: Duration = Duration::from_millis(100);

// A first fragment is given that much later than it was seen, and still belongs to the way of its message.
const _: () = assert!(FRAGMENT_TIMEOUT.as_nanos() < SETTLE.as_nanos());
const _: () = assert!(FRAGMENT_TIMEOUT.as_nanos() < SKEW_TIMEOUT.as_nanos());
const _: () = assert!(FRAGMENT_TIMEOUT.as_nanos() < TIMEOUT_GRACE.as_nanos());

/// How long a transaction waits for stragglers once its response is back where its query came from.
pub const STRAGGLER_WAIT: Duration = Duration::from_millis(10);

/// A time that lies this far before the latest one begins another capture: what is open has no meaningful deadline.
pub const RESTART: Duration = Duration::from_secs(10);

/// What the join must know.
#[derive(Clone, Debug)]
pub struct JoinOptions {
    /// How long after its last sending a query is given up; [`TIMEOUT_GRACE`] is added.
    pub query_timeout: Duration,
    /// How many transactions are open at most.
    pub open_max: usize,
}

impl Default for JoinOptions {
    fn default() -> Self {
        Self { query_timeout: Duration::from_secs(5), open_max: OPEN_MAX }
    }
}

/// Observations to transactions.
pub struct Join {
    pub(super) query_wait: Duration,
    open_max: usize,
    pub(super) table: Table,
    pub(super) answered: Recent,
    pub(super) unanswered: Recent,
    pub(super) latest: BootTime,
    pub(super) connections: Connections,
    pub(super) counts: JoinCounts,
}

impl Join {
    /// A join that has seen nothing.
    #[must_use]
    pub fn new(options: &JoinOptions) -> Self {
        Self {
            query_wait: options.query_timeout.saturating_add(TIMEOUT_GRACE),
            open_max: options.open_max.max(1),
            table: Table::new(),
            answered: Recent::new(),
            unanswered: Recent::new(),
            latest: BootTime(0),
            connections: Connections::default(),
            counts: JoinCounts::default(),
        }
    }

    /// Adds one observation; gives each transaction that ended before it, and says which one this belongs to.
    pub fn add(&mut self, observation: &Observation<'_>, mut each: impl FnMut(Transaction)) -> TransactionId {
        if self.latest.since(observation.time) > RESTART {
            self.finish(&mut each);
            self.latest = observation.time;
        }
        self.latest = self.latest.max(observation.time);
        self.expire(observation.time, &mut each);
        self.counts.observations += 1;
        self.connections.message(observation);
        let seen = Seen::new(observation);
        if is_response(observation) { self.add_response(&seen, &mut each) } else { self.add_query(&seen, &mut each) }
    }

    /// Gives each transaction that has ended by `now`, which must not lie after observations that are still to come.
    pub fn expire(&mut self, now: BootTime, mut each: impl FnMut(Transaction)) {
        while let Some((_, slot)) = self.table.deadlines.next().filter(|(deadline, _)| *deadline <= now) {
            self.give_out(slot, true, &mut each);
        }
        self.connections.expire(now);
    }

    /// Gives every open transaction, at the end of a run, as it is.
    pub fn finish(&mut self, mut each: impl FnMut(Transaction)) {
        while let Some((_, slot)) = self.table.deadlines.next() {
            self.give_out(slot, false, &mut each);
        }
        self.connections.finish();
    }

    /// The connections that were given out since the last time.
    pub fn take_connections(&mut self) -> Vec<Connection> {
        self.connections.take_given()
    }

    /// What became of connections so far.
    #[must_use]
    pub fn connection_counts(&self) -> &ConnectionCounts {
        &self.connections.counts
    }

    /// What became of observations and transactions so far.
    #[must_use]
    pub fn counts(&self) -> &JoinCounts {
        &self.counts
    }

    /// How many transactions are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.table.len()
    }

    /// Opens a transaction, evicting the oldest when there are too many.
    pub(super) fn open_transaction(
        &mut self,
        open: Open,
        wait: Wait,
        deadline: BootTime,
        each: &mut dyn FnMut(Transaction),
    ) -> TransactionId {
        if self.table.len() >= self.open_max {
            self.evict(each);
        }
        let id = open.transaction.id;
        let slot = self.table.insert(open);
        self.table.deadlines.set(slot, wait, deadline);
        id
    }

    fn evict(&mut self, each: &mut dyn FnMut(Transaction)) {
        let began = |slot| self.table.get(slot).map(|open| open.transaction.time);
        let Some((_, slot)) = self.table.deadlines.firsts().min_by_key(|&(_, slot)| (began(slot), slot)) else {
            return;
        };
        self.counts.evicted += 1;
        self.give_out(slot, false, each);
    }

    fn give_out(&mut self, slot: Slot, time_is_over: bool, each: &mut dyn FnMut(Transaction)) {
        self.table.deadlines.clear(slot);
        let Some(open) = self.table.remove(slot) else { return };
        let outcome = ending::outcome(&open, time_is_over);
        let recent = if open.response.is_some() { &mut self.answered } else { &mut self.unanswered };
        recent.add(&open, self.latest);
        self.counts.transactions += 1;
        *match outcome {
            Outcome::Answered => &mut self.counts.answered,
            Outcome::NoResponse => &mut self.counts.no_response,
            Outcome::Unsolicited => &mut self.counts.unsolicited,
            Outcome::Outstanding => &mut self.counts.outstanding,
        } += 1;
        self.counts.index_crowded = self.table.keys.crowded;
        each(ending::complete(open, outcome));
    }
}
