//! What each sighting changes: the transaction it belongs to, and what that waits for.

use super::cause::{self, Cause};
use super::deadlines::Wait;
use super::ending;
use super::identity::{Seen, question_hash};
use super::index::Slot;
use super::matcher::{SETTLE, SKEW_TIMEOUT, STRAGGLER_WAIT};
use super::open::{ATTEMPTS_MAX, Open};
use super::queries::{self, QueryIs};
use super::responses::{self, ResponseIs};
use super::{Join, JoinCounts, Transaction, TransactionId};
use crate::capture::BootTime;

impl Join {
    /// Adds a sighting of a query.
    pub(super) fn add_query(&mut self, seen: &Seen<'_>, each: &mut dyn FnMut(Transaction)) -> TransactionId {
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
        let extends = |open: &Open| open.response.is_none() && usize::from(open.attempt) < ATTEMPTS_MAX;
        if self.table.get(slot).is_some_and(extends) {
            self.table.deadlines.set(slot, Wait::Response, seen.observation.time.after(self.query_wait));
        }
        self.update(slot, |open, counts| open.add_retransmission(seen, counts))
    }

    fn add_query_of_response(&mut self, slot: Slot, seen: &Seen<'_>) -> TransactionId {
        self.counts.queries += 1;
        self.counts.reordered += 1;
        let question = seen.observation.message.question.as_ref().map(question_hash);
        let cause = self.cause(seen, question);
        let id = self.update(slot, |open, counts| {
            open.transaction.cause = cause;
            open.add_query(seen, counts);
        });
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
                open.transaction.caused = open.transaction.caused.saturating_add(1);
                open.transaction.id
            }),
        }
    }

    /// Adds a sighting of a response.
    pub(super) fn add_response(&mut self, seen: &Seen<'_>, each: &mut dyn FnMut(Transaction)) -> TransactionId {
        match responses::classify(&self.table, seen) {
            ResponseIs::Answer(slot) => self.add_answer(slot, seen),
            ResponseIs::Sighting(slot) => {
                self.counts.response_sightings += 1;
                self.table.add_key(slot, seen.key);
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
        self.table.index_response(slot, seen.identity);
        self.add_response_sighting(slot, seen)
    }

    fn add_response_sighting(&mut self, slot: Slot, seen: &Seen<'_>) -> TransactionId {
        let id = self.update(slot, |open, counts| open.add_response(seen, counts));
        self.wait_for_sightings(slot, seen.observation.time);
        id
    }

    fn add_duplicate(&mut self, slot: Slot, seen: &Seen<'_>) -> TransactionId {
        self.update(slot, |open, counts| {
            let first = open.add_duplicate(seen);
            *(if first { &mut counts.duplicate_responses } else { &mut counts.duplicate_sightings }) += 1;
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
        open.keys = keys;
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

    fn wait_for_sightings(&mut self, slot: Slot, from: BootTime) {
        let Some(open) = self.table.get(slot) else { return };
        let returned = ending::has_returned(&open.transaction.path);
        let (wait, length) = if returned { (Wait::Straggler, STRAGGLER_WAIT) } else { (Wait::Settle, SETTLE) };
        self.table.deadlines.set(slot, wait, from.after(length));
    }

    fn update(&mut self, slot: Slot, add: impl FnOnce(&mut Open, &mut JoinCounts)) -> TransactionId {
        let Some(open) = self.table.get_mut(slot) else { return TransactionId(0) };
        add(open, &mut self.counts);
        open.transaction.id
    }
}
