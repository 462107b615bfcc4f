//! The pipeline's end of a recording: packets to blocks, and when another file begins. The writer's end only writes.

use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::clock::Clock;
use super::frame::Frame;
use super::held::{Decision, Waiting};
use super::notes::{Telling, len, write_notes};
use super::outgoing::{Chunk, Outgoing};
use super::section::{Context, HookTotals, Maker, Section, SeenMessage};
use crate::capture::file::Origin;
use crate::capture::live::HookCounts;
use crate::capture::{BootTime, Counter, Hook, Packet, WallTime};
use crate::join::Transaction;
use crate::owner::{Interfaces, Owner, Who};
use crate::sink::{Filter, WhenFull};

/// Statistics and their block's frame: what the end of a file takes at most, for each interface.
const END_BYTES: u64 = 256;
/// What a packet takes at most beside its frame: options, names, and two interfaces that were not there before,
const PACKET_BYTES: u64 = 1024;
/// which have statistics, too.
const NEW_INTERFACES: u64 = 2;

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

/// What is known of who is who when something is recorded.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// Names of interfaces.
    pub interfaces: &'a Interfaces,
    /// Names of sockets and addresses.
    pub owner: &'a Owner,
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
    outgoing: Outgoing,
    file: Option<File>,
    waiting: Waiting,
    counts: RecordCounts,
    lost: Lost,
    clock: Clock,
}

/// What hooks counted, and what was lost behind them, so far.
#[derive(Clone, Default)]
struct Lost {
    hooks: HookCounts,
    dropped: [u64; Hook::ALL.len()],
    /// When what is read was recorded.
    before: u64,
}

/// The file that is being written.
struct File {
    section: Section,
    since: BootTime,
    bytes: u64,
    packets: u64,
    /// Before it began.
    lost: Lost,
}

impl Recorder {
    /// Both ends.
    #[must_use]
    pub fn new(options: RecorderOptions) -> (Self, Receiver<Chunk>) {
        let (outgoing, receiver) = Outgoing::new(options.when_full);
        let (file, waiting, counts) = Default::default();
        let recorder =
            Self { options, outgoing, file, waiting, counts, lost: Lost::default(), clock: Clock::default() };
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
        self.outgoing.is_writer_gone() || self.options.count.is_some_and(|count| self.counts.recorded >= count)
    }

    /// Records a packet with the messages that were found in it, once it is known that it is asked for.
    pub fn packet(&mut self, packet: &Packet<'_>, messages: &[SeenMessage], known: &Known<'_>) {
        if self.options.filter.is_empty() {
            return self.write(packet, messages.first().copied(), known);
        }
        self.waiting.add(packet, messages);
        self.write_decided(known);
    }

    /// Counts a packet that has nothing to do with DNS.
    pub fn not_dns(&mut self) {
        self.counts.not_dns += 1;
    }

    /// A transaction ended: its packets need not wait any longer.
    pub fn transaction(&mut self, transaction: &Transaction, who: &Who, owner: &Owner) {
        let is_shown = self.options.filter.is_empty() || self.options.filter.shows(transaction, who);
        if !self.options.filter.is_empty() {
            self.waiting.decide(transaction.id, is_shown);
        }
        if is_shown && let Some(file) = &mut self.file {
            let before = self.outgoing.len();
            file.section.who(transaction, who, &Telling { owner, clock: self.clock.of_file() }, self.outgoing.blocks());
            file.bytes += (self.outgoing.len() - before) as u64;
        }
    }

    /// So many packets were lost when what is read was recorded.
    pub fn lost_before(&mut self, packets: u64) {
        self.lost.before = packets;
    }

    /// What hooks counted so far.
    pub fn hooks(&mut self, counts: &HookCounts) {
        self.lost.hooks = counts.clone();
    }

    /// Hands over what there is, and ends a file whose time is over.
    pub fn tick(&mut self, now: BootTime, known: &Known<'_>) {
        self.write_decided(known);
        self.tell_changes(known.owner);
        if self.file.as_ref().is_some_and(|file| file.packets > 0 && self.is_over(file, now)) {
            self.end_file(now);
        }
        self.outgoing.hand_over();
    }

    /// Writes what waits, and the end of the file, for the writer to take; `until` is the time until which nothing was missed.
    pub fn finish(&mut self, until: BootTime, known: &Known<'_>) {
        self.waiting.end();
        self.write_decided(known);
        // A recording without packets is a file all the same, unless its name would have to tell when they begin.
        if self.counts.recorded == 0 && self.options.rotation == Rotation::default() {
            self.begin_file(until, self.clock.wall(until));
        }
        self.end_file(until);
    }

    /// Hands over all there is, however long that takes: nothing comes after it.
    pub fn end(&mut self) {
        self.outgoing.finish();
    }

    fn write_decided(&mut self, known: &Known<'_>) {
        while let Some(decision) = self.waiting.next() {
            match decision {
                Decision::Kept(held, message) => self.write(&held.packet(), message, known),
                Decision::Undecided(held, message) => {
                    self.counts.undecided += 1;
                    self.write(&held.packet(), message, known);
                }
                Decision::Filtered => self.counts.filtered += 1,
            }
        }
    }

    fn write(&mut self, packet: &Packet<'_>, message: Option<SeenMessage>, known: &Known<'_>) {
        if self.has_ended() {
            self.counts.after_end += 1;
            return;
        }
        let Some(frame) = Frame::of(packet) else { return self.not_dns() };
        if self.outgoing.is_full() {
            self.counts.dropped += 1;
            self.lost.dropped[packet.point.hook as usize] += 1;
            return self.outgoing.hand_over();
        }
        self.clock.tell(packet.time, packet.wall);
        let telling = Telling { owner: known.owner, clock: self.clock.of_file() };
        let notes = self.file.as_mut().map(|file| file.section.notes(packet, message, &telling)).unwrap_or_default();
        let is_new = self.change_file(packet, u64::from(frame.captured_len()) + len(&notes));
        let context = Context { interfaces: known.interfaces, owner: known.owner, step_ns: self.clock.step_ns() };
        let Some(file) = &mut self.file else { return };
        // Another file has nothing of what the one before it was told.
        let notes = if is_new { file.section.notes(packet, message, &telling) } else { notes };
        let before = self.outgoing.len();
        write_notes(&notes, self.outgoing.blocks());
        file.section.packet(packet, &frame, message, &context, self.outgoing.blocks());
        file.bytes += (self.outgoing.len() - before) as u64;
        file.packets += 1;
        self.counts.recorded += 1;
        self.outgoing.add_packet();
    }

    /// Begins a file for a packet, where there is none or the packet does not belong to it any more.
    /// What became of those who were told: a pod that is gone is gone in the file, too.
    fn tell_changes(&mut self, owner: &Owner) {
        if let Some(file) = &mut self.file
            && !self.outgoing.is_full()
        {
            let notes = file.section.changes(&Telling { owner, clock: self.clock.of_file() });
            file.bytes += len(&notes);
            write_notes(&notes, self.outgoing.blocks());
        }
    }

    fn change_file(&mut self, packet: &Packet<'_>, bytes: u64) -> bool {
        let length = bytes + PACKET_BYTES;
        let end = |file: &File| (file.section.interfaces() + NEW_INTERFACES) * END_BYTES;
        let too_large =
            |file: &File| self.options.rotation.size.is_some_and(|size| file.bytes + length + end(file) > size);
        if let Some(file) = &self.file
            && file.packets > 0
            && (too_large(file) || self.is_over(file, packet.time))
        {
            self.end_file(packet.time);
        }
        let is_new = self.file.is_none();
        if is_new {
            self.begin_file(packet.time, packet.wall);
        }
        is_new
    }

    fn begin_file(&mut self, since: BootTime, wall: WallTime) {
        self.outgoing.begin(wall);
        // What is read from files of other programs is from no known machine, but all from one recording.
        let first = || Origin { node: String::new(), boot: format!("{:016x}", wall.0) };
        self.options.maker.origin.get_or_insert_with(first);
        let section = Section::begin(&self.options.maker, wall, self.outgoing.blocks());
        let bytes = self.outgoing.len() as u64;
        self.file = Some(File { section, since, bytes, packets: 0, lost: self.lost.clone() });
    }

    fn is_over(&self, file: &File, now: BootTime) -> bool {
        self.options.rotation.every.is_some_and(|every| now.since(file.since) >= every)
    }

    fn end_file(&mut self, now: BootTime) {
        let Some(file) = self.file.take() else { return };
        let (now_lost, before, first_hook) = (&self.lost, &file.lost, file.section.first_hook());
        let totals = |hook: Hook| {
            let since = |counter| now_lost.hooks.get(hook, counter) - before.hooks.get(hook, counter);
            let dropped = now_lost.dropped[hook as usize] - before.dropped[hook as usize];
            let inherited = if first_hook == Some(hook) { now_lost.before - before.before } else { 0 };
            let ring_full = since(Counter::RingFull);
            HookTotals { seen: since(Counter::Seen), ring_full, dropped: dropped + inherited }
        };
        file.section.end(self.clock.wall(now), self.clock.step_ns(), &totals, self.outgoing.blocks());
    }
}
