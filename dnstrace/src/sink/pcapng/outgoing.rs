//! Blocks on their way to the writer, within bounds: a disk may stall.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use crate::capture::WallTime;
use crate::sink::WhenFull;

/// Blocks that are handed over at once: a system call for some hundred packets.
const CHUNK_BYTES: usize = 64 << 10;
/// Chunks on their way to the writer,
const CHUNKS_MAX: usize = 64;
/// and bytes that wait for room there: a disk may stall for the time of as much. Beyond it packets are lost, and counted.
const WAITING_BYTES_MAX: usize = 4 << 20;

/// What goes to the writer.
#[derive(Debug, PartialEq, Eq)]
pub enum Chunk {
    /// What follows belongs to a file that begins at this time.
    Begin(WallTime),
    /// Whole blocks.
    Blocks {
        /// The blocks.
        bytes: Vec<u8>,
        /// Packets among them.
        packets: u64,
    },
}

/// The pipeline's end of the channel.
pub(super) struct Outgoing {
    sender: SyncSender<Chunk>,
    when_full: WhenFull,
    /// Whole chunks that wait for room in the channel.
    waiting: VecDeque<Chunk>,
    waiting_bytes: usize,
    /// Blocks that are no chunk yet, and packets among them.
    blocks: Vec<u8>,
    packets: u64,
    writer_gone: bool,
}

impl Outgoing {
    /// Both ends.
    pub(super) fn new(when_full: WhenFull) -> (Self, Receiver<Chunk>) {
        let (sender, receiver) = sync_channel(CHUNKS_MAX);
        let outgoing = Self {
            sender,
            when_full,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            blocks: Vec::new(),
            packets: 0,
            writer_gone: false,
        };
        (outgoing, receiver)
    }

    /// Where blocks are written to.
    pub(super) fn blocks(&mut self) -> &mut Vec<u8> {
        &mut self.blocks
    }

    /// How many bytes of blocks are no chunk yet.
    pub(super) fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether there is no room for another packet.
    pub(super) fn is_full(&self) -> bool {
        self.waiting_bytes + self.blocks.len() > WAITING_BYTES_MAX
    }

    /// Whether nobody writes any more.
    pub(super) fn is_writer_gone(&self) -> bool {
        self.writer_gone
    }

    /// What is written from now on belongs to another file.
    pub(super) fn begin(&mut self, wall: WallTime) {
        self.cut();
        self.waiting.push_back(Chunk::Begin(wall));
    }

    /// One of the blocks was a packet.
    pub(super) fn add_packet(&mut self) {
        self.packets += 1;
        if self.blocks.len() >= CHUNK_BYTES {
            self.cut();
            self.send();
        }
    }

    /// Hands over what there is. While the writer does not keep up, small pieces become large ones.
    pub(super) fn hand_over(&mut self) {
        if self.waiting.is_empty() {
            self.cut();
        }
        self.send();
    }

    /// Hands over all there is, however long that takes.
    pub(super) fn finish(&mut self) {
        self.cut();
        self.when_full = WhenFull::Wait;
        self.send();
    }

    fn cut(&mut self) {
        if self.blocks.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.blocks);
        self.waiting_bytes += bytes.len();
        self.waiting.push_back(Chunk::Blocks { bytes, packets: std::mem::take(&mut self.packets) });
    }

    fn send(&mut self) {
        while let Some(chunk) = self.waiting.pop_front() {
            let length = chunk.len();
            let sent = match self.when_full {
                WhenFull::Wait => self.sender.send(chunk).map_err(|error| TrySendError::Disconnected(error.0)),
                WhenFull::Drop => self.sender.try_send(chunk),
            };
            match sent {
                Ok(()) => self.waiting_bytes -= length,
                Err(TrySendError::Full(chunk)) => return self.waiting.push_front(chunk),
                Err(TrySendError::Disconnected(_)) => return self.give_up(),
            }
        }
    }

    fn give_up(&mut self) {
        self.writer_gone = true;
        self.waiting.clear();
        self.waiting_bytes = 0;
    }
}

impl Chunk {
    fn len(&self) -> usize {
        match self {
            Self::Begin(_) => 0,
            Self::Blocks { bytes, .. } => bytes.len(),
        }
    }
}
