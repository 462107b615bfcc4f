//! The channel to the writer's thread. Items cross it in batches, as waking the other thread costs more than writing some
//! lines; a batch grows while the writer is behind, so that small ones take no room from large ones. What is written
//! comes back: memory that another thread frees has both of them wait for the allocator's lock.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use super::{Item, WhenFull};

/// A batch of so many goes at once.
pub(super) const BATCH_ITEMS: usize = 256;
/// Items of a batch that waits for a slow terminal, a twentieth of a second at 100,000 queries a second. They have some
/// 2 KiB each: 8 MiB at most, and as much in the channel.
pub(super) const ITEMS_WAITING_MAX: usize = 4096;
/// The writer has one batch, and the next one is waiting for it; both come back.
const BATCHES_WAITING_MAX: usize = 1;
const BATCHES_BACK_MAX: usize = BATCHES_WAITING_MAX + 2;

/// At the end nothing is lost by waiting, but a person waits, too: so often, so long, for a writer that is behind.
const LAST_WAITS: u32 = 300;
const LAST_WAIT: Duration = Duration::from_millis(1);

/// What crosses the channel.
pub(super) type Batch = Vec<Item>;

/// The writer's end of the channel.
#[derive(Debug)]
pub struct WriterEnd {
    pub(super) batches: Receiver<Batch>,
    pub(super) written: SyncSender<Batch>,
}

/// The pipeline's end of the channel.
#[derive(Debug)]
pub(super) struct Batches {
    sender: SyncSender<Batch>,
    written: Receiver<Batch>,
    /// What the writer gets next.
    next: Batch,
    when_full: WhenFull,
    waits_left: u32,
}

impl Batches {
    /// Both ends.
    pub(super) fn new(when_full: WhenFull) -> (Self, WriterEnd) {
        let (sender, batches) = sync_channel(BATCHES_WAITING_MAX);
        let (back, written) = sync_channel(BATCHES_BACK_MAX);
        let next = Batch::with_capacity(BATCH_ITEMS);
        (Self { sender, written, next, when_full, waits_left: 0 }, WriterEnd { batches, written: back })
    }

    /// Whether the next batch is large enough to go.
    pub(super) fn are_due(&self) -> bool {
        self.next.len() >= BATCH_ITEMS
    }

    /// Adds an item to the next batch; `false` when too many are waiting.
    pub(super) fn add(&mut self, item: Item) -> bool {
        let has_room = self.next.len() < ITEMS_WAITING_MAX;
        if has_room {
            self.next.push(item);
        }
        has_room
    }

    /// Gives the writer the next batch; it grows on when the writer is behind. A writer that has gone takes none: it
    /// comes back.
    pub(super) fn flush(&mut self) -> Result<(), Batch> {
        if self.next.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.next);
        match self.send(batch) {
            Ok(()) => self.next = self.empty_batch(),
            Err(TrySendError::Full(batch)) => self.next = batch,
            Err(TrySendError::Disconnected(batch)) => return Err(batch),
        }
        Ok(())
    }

    /// What the writer did not take.
    pub(super) fn take(&mut self) -> Batch {
        std::mem::take(&mut self.next)
    }

    /// From now on a flush waits for a writer that is behind, within bounds.
    pub(super) fn begin_end(&mut self) {
        self.waits_left = LAST_WAITS;
    }

    /// Sends the last item, which waits for room, however long.
    pub(super) fn end(self, item: Item) {
        // A writer that has gone wants none.
        let _ = self.sender.send(vec![item]);
    }

    /// One that was written, emptied here, or a new one.
    fn empty_batch(&self) -> Batch {
        let mut batch = self.written.try_recv().unwrap_or_else(|_| Batch::with_capacity(BATCH_ITEMS));
        batch.clear();
        batch
    }

    fn send(&mut self, batch: Batch) -> Result<(), TrySendError<Batch>> {
        match self.when_full {
            WhenFull::Wait => self.sender.send(batch).map_err(|error| TrySendError::Disconnected(error.0)),
            WhenFull::Drop => self.try_send(batch),
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
