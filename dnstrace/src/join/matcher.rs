//! Observations to transactions.

use std::time::Duration;

use super::cause::{self, Cause};
use super::deadlines::Wait;
use super::ending;
use super::identity::{Seen, is_response};
use super::index::Slot;
use super::open::{ATTEMPTS_MAX, Open};
use super::queries::{self, QueryIs};
use super::recent::Recent;
use super::responses::{self, ResponseIs};
use super::table::Table;
use super::{JoinCounts, Outcome, Transaction, TransactionId};
use crate::capture::BootTime;
use crate::decode::Observation;

/// How many transactions are open at most unless said otherwise: 5 s of 6,000 queries/s without any response, or 100 ms
/// of 300,000 with one.
pub const OPEN_MAX: usize = 32_768;

/// Added to the query timeout: glibc sends again with the same message ID at 5.0 s, which is the same transaction.
pub const TIMEOUT_GRACE: Duration = Duration::from_millis(250);

/// How long after a sighting of its response an answered transaction waits for further ones.
pub const SETTLE: Duration = Duration::from_millis(100);

/// How long a response waits for its query, which another CPU may have seen and not yet handed over.
pub const SKEW_TIMEOUT: Duration = Duration::from_millis(100);

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
    query_wait: Duration,
    open_max: usize,
    table: Table,
    answered: Recent,
    unanswered: Recent,
    latest: BootTime,
    counts: JoinCounts,
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
        let seen = Seen::new(observation);
        if is_response(observation) { self.add_response(&seen, &mut each) } else { self.add_query(&seen, &mut each) }
    }

    /// Gives each transaction that has ended by `now`, which must not lie after observations that are still to come.
    pub fn expire(&mut self, now: BootTime, mut each: impl FnMut(Transaction)) {
        while let Some((_, slot)) = self.table.deadlines.next().filter(|(deadline, _)| *deadline <= now) {
            self.give_out(slot, true, &mut each);
        }
    }

    /// Gives every open transaction, at the end of a run, as it is.
    pub fn finish(&mut self, mut each: impl FnMut(Transaction)) {
        while let Some((_, slot)) = self.table.deadlines.next() {
            self.give_out(slot, false, &mut each);
        }
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

    fn add_query(&mut self, seen: &Seen<'_>, each: &mut dyn FnMut(Transaction)) -> TransactionId {
        match queries::classify(&self.table, seen) {
            QueryIs::Sighting(slot) => self.add_query_sighting(slot, seen),
            QueryIs::Retransmission(slot) => self.add_retransmission(slot, seen),
            QueryIs::Answered(slot) => self.add_query_of_response(slot, seen),
            QueryIs::NewAfter(slot) => {
                if let Some(open) = self.table.get_mut(slot) {
                    open.superseded = Some(seen.observation.time);
                }
                self.open_query(seen, each)
            }
            QueryIs::Ambiguous => {
                self.counts.ambiguous += 1;
                self.open_query(seen, each)
            }
            QueryIs::New => self.open_query(seen, each),
        }
    }

    fn add_query_sighting(&mut self, slot: Slot, seen: &Seen<'_>) -> TransactionId {
        self.counts.query_sightings += 1;
        self.table.add_key(slot, seen.key);
        self.update(slot, |open, counts| open.add_query(seen, counts))
    }

    fn add_retransmission(&mut self, slot: Slot, seen: &Seen<'_>) -> TransactionId {
        self.counts.retransmissions += 1;
        // What is sent again without an end is given out all the same.
        if self.table.get(slot).is_some_and(|open| usize::from(open.attempt) < ATTEMPTS_MAX) {
            self.table.deadlines.set(slot, Wait::Response, seen.observation.time.after(self.query_wait));
        }
        self.update(slot, |open, counts| open.add_retransmission(seen, counts))
    }

    fn add_query_of_response(&mut self, slot: Slot, seen: &Seen<'_>) -> TransactionId {
        self.counts.queries += 1;
        self.counts.reordered += 1;
        let id = self.update(slot, |open, counts| open.add_query(seen, counts));
        self.table.index_query(slot);
        self.wait_for_sightings(slot, self.latest);
        id
    }

    fn open_query(&mut self, seen: &Seen<'_>, each: &mut dyn FnMut(Transaction)) -> TransactionId {
        self.counts.queries += 1;
        let mut open = Open::new(seen);
        open.transaction.cause = self.cause(seen, open.question);
        open.add_query(seen, &mut self.counts);
        let deadline = seen.observation.time.after(self.query_wait);
        self.open_transaction(open, Wait::Response, deadline, each)
    }

    fn cause(&mut self, seen: &Seen<'_>, question: Option<u64>) -> Option<TransactionId> {
        match cause::find(&self.table, seen, question) {
            Cause::Unknown => None,
            Cause::Ambiguous => {
                self.counts.cause_ambiguous += 1;
                None
            }
            Cause::Query(slot) => self.table.get_mut(slot).map(|open| {
                open.children = open.children.saturating_add(1);
                open.transaction.id
            }),
        }
    }

    fn add_response(&mut self, seen: &Seen<'_>, each: &mut dyn FnMut(Transaction)) -> TransactionId {
        match responses::classify(&self.table, seen) {
            ResponseIs::Answer(slot) => self.add_answer(slot, seen),
            ResponseIs::Sighting(slot) => {
                self.counts.response_sightings += 1;
                self.add_response_sighting(slot, seen)
            }
            ResponseIs::Unqueried(slot) => {
                self.counts.unmatched_sightings += 1;
                self.add_response_sighting(slot, seen)
            }
            ResponseIs::Duplicate(slot) => self.add_duplicate(slot, seen),
            ResponseIs::Ambiguous => {
                self.counts.ambiguous += 1;
                self.counts.unmatched_responses += 1;
                self.open_response(seen, each)
            }
            ResponseIs::Unmatched => self.add_unmatched(seen, each),
        }
    }

    fn add_answer(&mut self, slot: Slot, seen: &Seen<'_>) -> TransactionId {
        self.counts.responses += 1;
        self.table.forget_question(slot);
        self.add_response_sighting(slot, seen)
    }

    fn add_response_sighting(&mut self, slot: Slot, seen: &Seen<'_>) -> TransactionId {
        let id = self.update(slot, |open, counts| open.add_response(seen, counts));
        self.wait_for_sightings(slot, seen.observation.time);
        id
    }

    fn add_duplicate(&mut self, slot: Slot, seen: &Seen<'_>) -> TransactionId {
        self.update(slot, |open, counts| match open.add_duplicate(seen) {
            true => counts.duplicate_responses += 1,
            false => counts.duplicate_sightings += 1,
        })
    }

    fn add_unmatched(&mut self, seen: &Seen<'_>, each: &mut dyn FnMut(Transaction)) -> TransactionId {
        if let Some((id, _)) = self.answered.find(seen) {
            self.counts.absorbed += 1;
            return id;
        }
        let Some((id, keys)) = self.unanswered.find(seen) else {
            self.counts.unmatched_responses += 1;
            return self.open_response(seen, each);
        };
        let mut open = Open::new(seen);
        open.keys = keys.to_vec();
        open.transaction.late_for = Some(id);
        self.counts.late_responses += 1;
        open.add_response(seen, &mut self.counts);
        self.open_transaction(open, Wait::Settle, seen.observation.time.after(SETTLE), each)
    }

    fn open_response(&mut self, seen: &Seen<'_>, each: &mut dyn FnMut(Transaction)) -> TransactionId {
        let mut open = Open::new(seen);
        open.add_response(seen, &mut self.counts);
        self.open_transaction(open, Wait::Settle, seen.observation.time.after(SKEW_TIMEOUT), each)
    }

    fn open_transaction(
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

    fn wait_for_sightings(&mut self, slot: Slot, from: BootTime) {
        let Some(open) = self.table.get(slot) else { return };
        let (wait, length) = match ending::has_returned(&open.transaction.path) {
            true => (Wait::Straggler, STRAGGLER_WAIT),
            false => (Wait::Settle, SETTLE),
        };
        self.table.deadlines.set(slot, wait, from.after(length));
    }

    fn update(&mut self, slot: Slot, add: impl FnOnce(&mut Open, &mut JoinCounts)) -> TransactionId {
        let Some(open) = self.table.get_mut(slot) else { return TransactionId(0) };
        add(open, &mut self.counts);
        open.transaction.id
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
        let Some(mut open) = self.table.remove(slot) else { return };
        let outcome = ending::outcome(&open, time_is_over);
        let recent = if open.response.is_some() { &mut self.answered } else { &mut self.unanswered };
        recent.add(&mut open, self.latest);
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
