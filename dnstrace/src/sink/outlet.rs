//! The way from the pipeline's thread to the writer's: what is shown, numbered, in a bounded channel.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use super::{Filter, Item, Lost, Numbered, Sighting, Summary};
use crate::decode::Observation;
use crate::join::{Transaction, TransactionId};
use crate::owner::Interfaces;

/// Items that cross the channel together: one by one, waking the other thread costs more than writing a line.
const BATCH_ITEMS: usize = 64;
/// Items have some 2 KiB each: 8 MiB at most wait for a slow terminal, a twentieth of a second at 100,000 queries a second.
const BATCHES_WAITING_MAX: usize = 64;

/// At the end nothing is lost by waiting, but a person waits, too: so often, so long, for a writer that is behind.
const LAST_WAITS: u32 = 300;
const LAST_WAIT: Duration = Duration::from_millis(1);

/// What crosses the channel.
pub type Batch = Vec<Item>;

/// Which records are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// One for each transaction.
    Transactions,
    /// One for each sighting of a message.
    Observations,
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
    /// What to do when the writer does not keep up.
    pub when_full: WhenFull,
}

/// The pipeline's end of the channel.
#[derive(Debug)]
pub struct Outlet {
    options: OutletOptions,
    sender: SyncSender<Batch>,
    /// What the writer gets next, and how many of them are records.
    batch: Batch,
    records: u64,
    counts: OutletCounts,
    seq: u64,
    writer_gone: bool,
    waits_left: u32,
}

impl Outlet {
    /// Both ends of the channel.
    #[must_use]
    pub fn new(options: OutletOptions) -> (Self, Receiver<Batch>) {
        let (sender, receiver) = sync_channel(BATCHES_WAITING_MAX);
        let (batch, counts) = (Batch::with_capacity(BATCH_ITEMS), OutletCounts::default());
        (Self { options, sender, batch, records: 0, counts, seq: 0, writer_gone: false, waits_left: 0 }, receiver)
    }

    /// Which records are shown.
    #[must_use]
    pub fn show(&self) -> Show {
        self.options.show
    }

    /// What became of the records so far, up to the last [`flush`](Self::flush).
    #[must_use]
    pub fn counts(&self) -> OutletCounts {
        self.counts
    }

    /// Whether nothing more can be shown.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.writer_gone || self.options.count.is_some_and(|count| self.counts.shown + self.records >= count)
    }

    /// Shows a transaction, if it is to be shown.
    pub fn transaction(&mut self, transaction: Transaction, interfaces: impl FnOnce(&Transaction) -> Arc<Interfaces>) {
        if self.has_ended() {
            self.counts.after_end += 1;
        } else if self.options.filter.shows(&transaction) {
            let interfaces = interfaces(&transaction);
            let record = Box::new(transaction);
            self.number(|seq| Item::Transaction(Numbered { seq, record, interfaces }));
        } else {
            self.counts.filtered += 1;
        }
    }

    /// Shows an observation, if it is to be shown.
    pub fn observation(
        &mut self,
        observation: &Observation<'_>,
        transaction: TransactionId,
        interfaces: impl FnOnce() -> Arc<Interfaces>,
    ) {
        if self.has_ended() {
            self.counts.after_end += 1;
            return;
        }
        let record = Box::new(Sighting::new(observation, transaction));
        if self.options.filter.shows_sighting(&record) {
            let interfaces = interfaces();
            self.number(|seq| Item::Observation(Numbered { seq, record, interfaces }));
        } else {
            self.counts.filtered += 1;
        }
    }

    /// Says that something was lost; no record of it is lost only when the writer keeps up.
    pub fn lost(&mut self, lost: Lost) {
        self.add(Item::Lost(lost));
    }

    /// Gives the writer what there is, as nothing more may come for a while.
    pub fn flush(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::replace(&mut self.batch, Batch::with_capacity(BATCH_ITEMS));
        let records = std::mem::take(&mut self.records);
        *match self.send(batch) {
            Sent::Yes => &mut self.counts.shown,
            Sent::Full => &mut self.counts.dropped,
            Sent::WriterGone => &mut self.counts.after_end,
        } += records;
    }

    /// From now on no packet waits: what is still to be shown waits for a writer that is behind, within bounds.
    pub fn begin_end(&mut self) {
        self.waits_left = LAST_WAITS;
    }

    /// Ends the channel. The summary waits for room, however long, as nothing comes after it.
    pub fn end(mut self, summary: Arc<Summary>) {
        self.flush();
        // A writer that has gone wants no summary.
        let _ = self.sender.send(vec![Item::Summary(summary)]);
    }

    fn number(&mut self, item: impl FnOnce(u64) -> Item) {
        let item = item(self.seq);
        self.seq += 1;
        self.records += 1;
        self.add(item);
    }

    fn add(&mut self, item: Item) {
        self.batch.push(item);
        if self.batch.len() >= BATCH_ITEMS {
            self.flush();
        }
    }

    fn send(&mut self, batch: Batch) -> Sent {
        let sent = match self.options.when_full {
            WhenFull::Wait => self.sender.send(batch).map_err(|error| TrySendError::Disconnected(error.0)),
            WhenFull::Drop => self.try_send(batch),
        };
        match sent {
            Ok(()) => Sent::Yes,
            Err(TrySendError::Full(_)) => Sent::Full,
            Err(TrySendError::Disconnected(_)) => {
                self.writer_gone = true;
                Sent::WriterGone
            }
        }
    }

    fn try_send(&mut self, mut batch: Batch) -> Result<(), TrySendError<Batch>> {
        loop {
            match self.sender.try_send(batch) {
                Err(TrySendError::Full(back)) if self.waits_left > 0 => batch = back,
                sent => return sent,
            }
            self.waits_left -= 1;
            thread::sleep(LAST_WAIT);
        }
    }
}

enum Sent {
    Yes,
    Full,
    WriterGone,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ITEMS_WAITING_MAX: usize = BATCHES_WAITING_MAX * BATCH_ITEMS;

    fn outlet(count: Option<u64>) -> (Outlet, Receiver<Batch>) {
        let filter = Filter::default();
        Outlet::new(OutletOptions { show: Show::Transactions, filter, count, when_full: WhenFull::Drop })
    }

    fn lost() -> Lost {
        let (from, until) = Default::default();
        Lost { place: "device", reason: "ring full", count: 1, from, until }
    }

    #[test]
    fn full_channel_drops_and_counts() {
        let (mut outlet, _items) = outlet(None);
        for _ in 0..ITEMS_WAITING_MAX + 5 {
            outlet.number(|_| Item::Lost(lost()));
        }
        outlet.flush();
        let counts = outlet.counts();
        assert_eq!((counts.shown, counts.dropped), (ITEMS_WAITING_MAX as u64, 5));
        assert!(!outlet.has_ended());
    }

    #[test]
    fn numbers_have_gaps_where_records_were_dropped() {
        let (mut outlet, items) = outlet(None);
        let mut numbers = Vec::new();
        for _ in 0..ITEMS_WAITING_MAX + 2 {
            outlet.number(|seq| {
                numbers.push(seq);
                Item::Lost(lost())
            });
        }
        drop(items);
        assert_eq!(numbers.last(), Some(&(ITEMS_WAITING_MAX as u64 + 1)));
    }

    #[test]
    fn writer_that_is_gone_ends_the_run() {
        let (mut outlet, items) = outlet(None);
        drop(items);
        outlet.number(|_| Item::Lost(lost()));
        outlet.flush();
        assert!(outlet.has_ended());
        assert_eq!(outlet.counts(), OutletCounts { after_end: 1, ..OutletCounts::default() });
    }

    #[test]
    fn as_many_as_asked_for_end_the_run() {
        let (mut outlet, _items) = outlet(Some(2));
        outlet.number(|_| Item::Lost(lost()));
        assert!(!outlet.has_ended());
        outlet.number(|_| Item::Lost(lost()));
        assert!(outlet.has_ended());
    }
}
