//! The pipeline's end of a recording: packets to blocks, and when another file begins. The writer's end only writes.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use super::frame::Frame;
use super::held::{Verdict, Waiting};
use super::section::{Context, HookTotals, Maker, Section, SeenMessage};
use crate::capture::live::HookCounts;
use crate::capture::{BootTime, Counter, Hook, Packet, WallTime};
use crate::join::Transaction;
use crate::owner::Interfaces;
use crate::sink::{Filter, WhenFull};

/// Blocks that are handed over at once: a system call for some hundred packets.
const CHUNK_BYTES: usize = 64 << 10;
/// Chunks on their way to the writer,
const CHUNKS_MAX: usize = 64;
/// and bytes that wait for room there: a disk may stall for the time of as much. Beyond it packets are lost, and counted.
const WAITING_BYTES_MAX: usize = 4 << 20;
/// Statistics and their block's frame, for each interface: what the end of a file takes at least.
const END_BYTES: u64 = 256;

/// When another file begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// Before a file is larger, bytes.
    pub size: Option<u64>,
    /// When a file has been written to for so long.
    pub every: Option<Duration>,
}

/// What is recorded, and how.
#[derive(Clone, Debug)]
pub struct RecorderOptions {
    /// What a file says of where it was made.
    pub maker: Maker,
    /// Which transactions' packets; all, and those of none, when it asks for nothing.
    pub filter: Filter,
    /// At most so many packets.
    pub count: Option<u64>,
    /// When another file begins.
    pub rotation: Rotation,
    /// What to do when the writer does not keep up.
    pub when_full: WhenFull,
}

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

/// What became of packets; each is in one of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordCounts {
    /// In the recording.
    pub recorded: u64,
    /// Their transactions do not match the filter.
    pub filtered: u64,
    /// Not DNS, or of a link layer that is not known any more.
    pub not_dns: u64,
    /// Lost, as the writer did not keep up.
    pub dropped: u64,
    /// Came after as many as were asked for, or after the writer had ended.
    pub after_end: u64,
    /// Of the recorded: not known whether they match the filter.
    pub undecided: u64,
}

/// The pipeline's end of a recording.
pub struct Recorder {
    options: RecorderOptions,
    sender: SyncSender<Chunk>,
    waiting_chunks: VecDeque<Chunk>,
    waiting_bytes: usize,
    pending: Vec<u8>,
    pending_packets: u64,
    file: Option<File>,
    waiting: Waiting,
    counts: RecordCounts,
    dropped: [u64; Hook::ALL.len()],
    hooks: HookCounts,
    clock: Clock,
    writer_gone: bool,
}

/// The file that is being written.
struct File {
    section: Section,
    since: BootTime,
    bytes: u64,
    packets: u64,
    hooks: HookCounts,
    dropped: [u64; Hook::ALL.len()],
}

impl Recorder {
    /// Both ends.
    #[must_use]
    pub fn new(options: RecorderOptions) -> (Self, Receiver<Chunk>) {
        let (sender, receiver) = sync_channel(CHUNKS_MAX);
        let recorder = Self {
            options,
            sender,
            waiting_chunks: VecDeque::new(),
            waiting_bytes: 0,
            pending: Vec::with_capacity(CHUNK_BYTES),
            pending_packets: 0,
            file: None,
            waiting: Waiting::default(),
            counts: RecordCounts::default(),
            dropped: [0; Hook::ALL.len()],
            hooks: HookCounts::default(),
            clock: Clock::default(),
            writer_gone: false,
        };
        (recorder, receiver)
    }

    /// What became of the packets so far; those that wait are in none.
    #[must_use]
    pub fn counts(&self) -> RecordCounts {
        self.counts
    }

    /// Whether nothing more can be recorded.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.writer_gone || self.options.count.is_some_and(|count| self.counts.recorded >= count)
    }

    /// Records a packet with the messages that were found in it, once it is known that it is asked for.
    pub fn packet(&mut self, packet: &Packet<'_>, messages: &[SeenMessage], interfaces: &Interfaces) {
        if self.options.filter.is_empty() {
            return self.write(packet, messages.first().copied(), interfaces);
        }
        self.waiting.add(packet, messages);
        self.write_decided(interfaces);
    }

    /// Counts a packet that has nothing to do with DNS.
    pub fn not_dns(&mut self) {
        self.counts.not_dns += 1;
    }

    /// A transaction ended: its packets need not wait any longer.
    pub fn transaction(&mut self, transaction: &Transaction) {
        if !self.options.filter.is_empty() {
            self.waiting.decide(transaction.id, self.options.filter.shows(transaction));
        }
    }

    /// What hooks counted so far.
    pub fn hooks(&mut self, counts: &HookCounts) {
        self.hooks = counts.clone();
    }

    /// Hands over what there is, and ends a file whose time is over.
    pub fn tick(&mut self, now: BootTime, interfaces: &Interfaces) {
        self.write_decided(interfaces);
        if self.file.as_ref().is_some_and(|file| file.packets > 0 && self.is_over(file, now)) {
            self.end_file(now);
        }
        self.hand_over();
        self.send_waiting();
    }

    /// Writes what waits, and the end of the file; `until` is the time until which nothing was missed.
    pub fn finish(&mut self, until: BootTime, wall: WallTime, interfaces: &Interfaces) {
        self.waiting.end();
        self.write_decided(interfaces);
        // A recording without packets is a file all the same.
        self.begin_file_at(until, wall);
        self.end_file(until);
        self.hand_over();
        self.options.when_full = WhenFull::Wait;
        self.send_waiting();
    }

    fn write_decided(&mut self, interfaces: &Interfaces) {
        while let Some(verdict) = self.waiting.next() {
            match verdict {
                Verdict::Kept(held, message) => self.write(&held.packet(), message, interfaces),
                Verdict::Undecided(held, message) => {
                    self.counts.undecided += 1;
                    self.write(&held.packet(), message, interfaces);
                }
                Verdict::Filtered => self.counts.filtered += 1,
            }
        }
    }

    fn write(&mut self, packet: &Packet<'_>, message: Option<SeenMessage>, interfaces: &Interfaces) {
        if self.has_ended() {
            self.counts.after_end += 1;
            return;
        }
        let Some(frame) = Frame::of(packet) else { return self.not_dns() };
        if self.waiting_bytes + self.pending.len() > WAITING_BYTES_MAX {
            self.counts.dropped += 1;
            self.dropped[packet.point.hook as usize] += 1;
            return self.send_waiting();
        }
        self.begin_file_for(packet, &frame);
        self.clock.tell(packet.time, packet.wall);
        let step_ns = self.clock.step_ns();
        let Some(file) = &mut self.file else { return };
        let before = self.pending.len();
        file.section.packet(packet, &frame, message, &Context { interfaces, step_ns }, &mut self.pending);
        file.bytes += (self.pending.len() - before) as u64;
        file.packets += 1;
        self.pending_packets += 1;
        self.counts.recorded += 1;
        if self.pending.len() >= CHUNK_BYTES {
            self.hand_over();
            self.send_waiting();
        }
    }

    fn begin_file_for(&mut self, packet: &Packet<'_>, frame: &Frame<'_>) {
        let length = u64::from(frame.captured_len()) + END_BYTES;
        let too_large = |file: &File| self.options.rotation.size.is_some_and(|size| file.bytes + length > size);
        if let Some(file) = &self.file
            && file.packets > 0
            && (too_large(file) || self.is_over(file, packet.time))
        {
            self.end_file(packet.time);
        }
        self.begin_file_at(packet.time, packet.wall);
    }

    fn begin_file_at(&mut self, since: BootTime, wall: WallTime) {
        if self.file.is_some() {
            return;
        }
        self.clock.tell(since, wall);
        self.waiting_chunks.push_back(Chunk::Begin(wall));
        let section = Section::begin(&self.options.maker, wall, &mut self.pending);
        let (bytes, hooks) = (self.pending.len() as u64, self.hooks.clone());
        self.file = Some(File { section, since, bytes, packets: 0, hooks, dropped: self.dropped });
    }

    fn is_over(&self, file: &File, now: BootTime) -> bool {
        self.options.rotation.every.is_some_and(|every| now.since(file.since) >= every)
    }

    fn end_file(&mut self, now: BootTime) {
        let Some(file) = self.file.take() else { return };
        let (hooks, dropped) = (&self.hooks, &self.dropped);
        let totals = |hook: Hook| {
            let since = |counter| hooks.get(hook, counter) - file.hooks.get(hook, counter);
            let dropped = dropped[hook as usize] - file.dropped[hook as usize];
            HookTotals { seen: since(Counter::Seen), ring_full: since(Counter::RingFull), dropped }
        };
        file.section.end(self.clock.wall(now), self.clock.step_ns(), &totals, &mut self.pending);
        self.hand_over();
    }

    fn hand_over(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let bytes = std::mem::replace(&mut self.pending, Vec::with_capacity(CHUNK_BYTES));
        self.waiting_bytes += bytes.len();
        self.waiting_chunks.push_back(Chunk::Blocks { bytes, packets: std::mem::take(&mut self.pending_packets) });
    }

    fn send_waiting(&mut self) {
        while let Some(chunk) = self.waiting_chunks.pop_front() {
            let length = chunk.len();
            let sent = match self.options.when_full {
                WhenFull::Wait => self.sender.send(chunk).map_err(|error| TrySendError::Disconnected(error.0)),
                WhenFull::Drop => self.sender.try_send(chunk),
            };
            match sent {
                Ok(()) => self.waiting_bytes -= length,
                Err(TrySendError::Full(chunk)) => return self.waiting_chunks.push_front(chunk),
                Err(TrySendError::Disconnected(_)) => {
                    self.writer_gone = true;
                    self.waiting_chunks.clear();
                    self.waiting_bytes = 0;
                }
            }
        }
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

/// Wall clock minus boot time, nanoseconds: a file has the wall clock's time, and tells when it was stepped.
#[derive(Clone, Copy, Default)]
struct Clock {
    first: Option<i64>,
    last: i64,
}

impl Clock {
    fn tell(&mut self, time: BootTime, wall: WallTime) {
        self.last = wall.0.wrapping_sub(time.0).cast_signed();
        self.first.get_or_insert(self.last);
    }

    fn step_ns(self) -> i64 {
        self.last.wrapping_sub(self.first.unwrap_or(self.last))
    }

    fn wall(self, time: BootTime) -> WallTime {
        WallTime(time.0.wrapping_add(self.last.cast_unsigned()))
    }
}
