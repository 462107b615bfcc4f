//! The way from the pipeline's thread to the writer's: what is shown, numbered, in a bounded channel.

use std::sync::Arc;

use super::batches::{Batch, Batches, WriterEnd};
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
    seq: u64,
    writer_gone: bool,
}

impl Outlet {
    /// Both ends of the channel.
    #[must_use]
    pub fn new(options: OutletOptions) -> (Self, WriterEnd) {
        let (batches, writer_end) = Batches::new(options.when_full);
        (Self { options, batches, counts: OutletCounts::default(), seq: 0, writer_gone: false }, writer_end)
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
        } else if self.options.filter.shows(&transaction, &who) && self.shows(&transaction, &verdict.findings) {
            let names = Names { interfaces: interfaces(&transaction), who, verdict };
            let record = Box::new(transaction);
            self.number(|seq| Item::Transaction(Numbered { seq, record, names }));
        } else {
            self.counts.filtered += 1;
        }
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

    /// Says that something is wrong.
    pub fn finding(&mut self, finding: Finding) {
        if self.options.show == Show::Transactions && !self.has_ended() {
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
mod tests {
    use bytes::Bytes;

    use super::super::batches::{BATCH_ITEMS, ITEMS_WAITING_MAX};
    use super::*;
    use crate::capture::{BootTime, Direction, Hook, Point, Socket, WallTime};
    use crate::decode::{Header, Transport};
    use crate::join::MessageCopy;

    /// The first batch in the channel, the next waiting for it.
    const SHOWN_MAX: usize = BATCH_ITEMS + ITEMS_WAITING_MAX;

    fn outlet(count: Option<u64>) -> (Outlet, WriterEnd) {
        let filter = Filter::default();
        let (show, when_full) = (Show::Transactions, WhenFull::Drop);
        Outlet::new(OutletOptions { show, filter, count, only_problems: false, when_full })
    }

    fn record(seq: u64) -> Item {
        let address = (std::net::Ipv4Addr::LOCALHOST, 53).into();
        let header = Header { id: 0, flags: 0, counts: [0; 4] };
        let sighting = Sighting {
            time: BootTime(0),
            wall: WallTime(0),
            point: Point { hook: Hook::Socket, direction: Direction::Out, ifindex: 0, netns: 0 },
            transport: Transport::Udp,
            src: address,
            dst: address,
            vlan: None,
            socket: Socket::default(),
            message: MessageCopy { bytes: Bytes::new(), wire_len: 0, header },
            transaction: TransactionId(0),
        };
        Item::Observation(Numbered { seq, record: Box::new(sighting), names: Names::default() })
    }

    #[test]
    fn full_channel_drops_and_counts() {
        let (mut outlet, _writer) = outlet(None);
        for _ in 0..SHOWN_MAX + 5 {
            outlet.number(record);
        }
        let counts = outlet.counts();
        assert_eq!((counts.shown, counts.dropped), (SHOWN_MAX as u64, 5));
        assert!(!outlet.has_ended());
        outlet.finish();
        let counts = outlet.counts();
        assert_eq!((counts.shown, counts.dropped), (BATCH_ITEMS as u64, 5 + ITEMS_WAITING_MAX as u64));
    }

    #[test]
    fn writer_that_is_behind_gets_more_at_once() {
        let (mut outlet, writer) = outlet(None);
        for _ in 0..3 {
            outlet.number(record);
            outlet.flush();
        }
        assert_eq!(writer.batches.recv().map(|batch| batch.len()), Ok(1));
        outlet.flush();
        assert_eq!(writer.batches.recv().map(|batch| batch.len()), Ok(2));
        assert_eq!(outlet.counts(), OutletCounts { shown: 3, ..OutletCounts::default() });
    }

    #[test]
    fn numbers_have_gaps_where_records_were_dropped() {
        let (mut outlet, writer) = outlet(None);
        let mut numbers = Vec::new();
        for _ in 0..SHOWN_MAX + 2 {
            outlet.number(|seq| {
                numbers.push(seq);
                record(seq)
            });
        }
        drop(writer);
        assert_eq!(numbers.last(), Some(&(SHOWN_MAX as u64 + 1)));
    }

    #[test]
    fn writer_that_is_gone_ends_the_run() {
        let (mut outlet, writer) = outlet(None);
        drop(writer);
        outlet.number(record);
        outlet.flush();
        assert!(outlet.has_ended());
        assert_eq!(outlet.counts(), OutletCounts { after_end: 1, ..OutletCounts::default() });
    }

    #[test]
    fn as_many_as_asked_for_end_the_run() {
        let (mut outlet, _writer) = outlet(Some(2));
        outlet.number(record);
        assert!(!outlet.has_ended());
        outlet.number(record);
        assert!(outlet.has_ended());
    }
}
