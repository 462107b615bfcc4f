//! The way from the pipeline's thread to the writer's: what is shown, numbered, in a bounded channel.

use std::sync::Arc;

use super::batches::{Batch, Batches, WriterEnd};
use super::held::Held;
use super::message::rcode;
use super::{Filter, Item, Lost, Names, Numbered, Sighting, Summary};
use crate::decode::Observation;
use crate::join::{Outcome, Transaction, TransactionId};
use crate::owner::{Interfaces, Who};
use crate::rules::Verdict;
use crate::rules::finding::Finding;

const NOERROR: u16 = 0;
const NXDOMAIN: u16 = 3;

/// Which records are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// One for each transaction.
    Transactions,
    /// One for each sighting of a message.
    Observations,
    /// None: they are recorded only.
    Nothing,
}

/// What to do when the writer does not keep up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// Packets do not wait: drop the record and count it.
    Drop,
    /// A file does wait.
    Wait,
}

/// What became of the records that could have been shown; each is in one of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutletCounts {
    /// Given to the writer.
    pub shown: u64,
    /// Did not match the filter.
    pub filtered: u64,
    /// Lost, as the writer did not keep up.
    pub dropped: u64,
    /// Came after as many as were asked for, or after the writer had ended.
    pub after_end: u64,
}

/// What is shown, and how much of it.
#[derive(Clone, Debug)]
pub struct OutletOptions {
    /// Which records.
    pub show: Show,
    /// Which of them.
    pub filter: Filter,
    /// At most so many.
    pub count: Option<u64>,
    /// Only what is a problem.
    pub only_problems: bool,
    /// What to do when the writer does not keep up.
    pub when_full: WhenFull,
}

/// A transaction's names, and what rules say of it.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// Who it is between.
    pub who: Who,
    /// What rules say of it when it ends.
    pub verdict: Verdict,
}

/// The pipeline's end of the channel.
#[derive(Debug)]
pub struct Outlet {
    options: OutletOptions,
    batches: Batches,
    counts: OutletCounts,
    held: Held,
    seq: u64,
    writer_gone: bool,
}

impl Outlet {
    /// Both ends of the channel.
    #[must_use]
    pub fn new(options: OutletOptions) -> (Self, WriterEnd) {
        let (batches, writer_end) = Batches::new(options.when_full);
        let (counts, held) = (OutletCounts::default(), Held::default());
        (Self { options, batches, counts, held, seq: 0, writer_gone: false }, writer_end)
    }

    /// Which records are shown.
    #[must_use]
    pub fn show(&self) -> Show {
        self.options.show
    }

    /// Which transactions are meant.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.options.filter
    }

    /// What became of the records so far.
    #[must_use]
    pub fn counts(&self) -> OutletCounts {
        self.counts
    }

    /// Whether nothing more can be shown.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.writer_gone || self.options.count.is_some_and(|count| self.counts.shown >= count)
    }

    /// Shows a transaction, if it is to be shown.
    pub fn transaction(
        &mut self,
        transaction: Transaction,
        known: Named,
        interfaces: impl FnOnce(&Transaction) -> Arc<Interfaces>,
    ) {
        let Named { who, verdict } = known;
        if self.has_ended() {
            self.counts.after_end += 1;
            return;
        }
        let is_meant = self.options.filter.shows(&transaction, &who);
        let is_shown = is_meant && self.shows(&transaction, &verdict.findings);
        let names = |transaction: &Transaction| Names { interfaces: interfaces(transaction), who, verdict };
        if is_shown {
            let names = names(&transaction);
            self.show_transaction(transaction, names);
            return;
        }
        self.counts.filtered += 1;
        if is_meant && transaction.outcome == Outcome::Outstanding {
            let names = names(&transaction);
            self.held.add(transaction, names);
        }
    }

    fn show_transaction(&mut self, transaction: Transaction, names: Names) {
        let record = Box::new(transaction);
        self.number(|seq| Item::Transaction(Numbered { seq, record, names }));
    }

    /// Shows an observation, if it is to be shown.
    pub fn observation(
        &mut self,
        observation: &Observation<'_>,
        transaction: TransactionId,
        names: impl FnOnce() -> Names,
    ) {
        if self.has_ended() {
            self.counts.after_end += 1;
            return;
        }
        let (record, names) = (Box::new(Sighting::new(observation, transaction)), names());
        if self.options.filter.shows_sighting(&record, &names.who) {
            self.number(|seq| Item::Observation(Numbered { seq, record, names }));
        } else {
            self.counts.filtered += 1;
        }
    }

    /// Says that something is wrong, below what it names that was not shown.
    pub fn finding(&mut self, finding: Finding) {
        if self.options.show != Show::Transactions {
            return;
        }
        for (transaction, names) in self.held.take(&finding) {
            if !self.has_ended() {
                self.counts.filtered -= 1;
                self.show_transaction(transaction, names);
            }
        }
        if !self.has_ended() {
            self.add(Item::Finding(Box::new(finding)));
        }
    }

    /// Says that something was lost; no record of it is lost only when the writer keeps up.
    pub fn lost(&mut self, lost: Lost) {
        self.add(Item::Lost(lost));
    }

    /// Gives the writer what there is, as nothing more may come for a while. A writer that is behind gets it later.
    pub fn flush(&mut self) {
        if let Err(batch) = self.batches.flush() {
            self.writer_gone = true;
            self.counts.after_end += self.take_back(&batch);
        }
    }

    /// The last records go to the writer; what it does not take in time is lost.
    pub fn finish(&mut self) {
        self.flush();
        let batch = self.batches.take();
        self.counts.dropped += self.take_back(&batch);
    }

    /// From now on no packet waits: what is still to be shown waits for a writer that is behind, within bounds.
    pub fn begin_end(&mut self) {
        self.batches.begin_end();
    }

    /// Ends the channel. The summary waits for room, however long, as nothing comes after it.
    pub fn end(self, summary: Arc<Summary>) {
        self.batches.end(Item::Summary(summary));
    }

    /// Where only problems are shown, what rules say something of, and what failed.
    fn shows(&self, transaction: &Transaction, findings: &[&'static str]) -> bool {
        !self.options.only_problems || !findings.is_empty() || failed(transaction)
    }

    fn number(&mut self, item: impl FnOnce(u64) -> Item) {
        let item = item(self.seq);
        self.seq += 1;
        *if self.add(item) { &mut self.counts.shown } else { &mut self.counts.dropped } += 1;
    }

    fn add(&mut self, item: Item) -> bool {
        if self.batches.are_due() {
            self.flush();
        }
        self.batches.add(item)
    }

    /// Records that were held to be shown.
    fn take_back(&mut self, batch: &Batch) -> u64 {
        let records = batch.iter().filter(|item| matches!(item, Item::Transaction(_) | Item::Observation(_))).count();
        self.counts.shown -= records as u64;
        records as u64
    }
}

/// No response, or one that says that the responder could not answer.
fn failed(transaction: &Transaction) -> bool {
    let rcode = transaction.response.as_ref().map(rcode);
    let is_error = |rcode: u16| rcode != NOERROR && rcode != NXDOMAIN;
    transaction.outcome == Outcome::NoResponse || rcode.is_some_and(is_error)
}

#[cfg(test)]
mod tests;
