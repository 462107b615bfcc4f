//! The only file where stages meet: packets go in, what is to be written comes out.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::capture::file::{CaptureFile, FileError};
use crate::capture::live::Live;
use crate::capture::{BootTime, Packet, WallTime};
use crate::decode::{DecodeOptions, Decoder};
use crate::join::{Join, JoinOptions, Transaction};
use crate::owner::Owner;
use crate::rules::{Ledger, Totals};
use crate::sink::{Losses, Outlet, Show, Summary};

/// The ring buffer is emptied this often when much comes: below it the wake-ups cost more than they bring.
const PAUSE_MIN: Duration = Duration::from_micros(200);
/// And this often when nothing comes: a person does not see the delay, and an idle node does not see us.
const PAUSE_MAX: Duration = Duration::from_millis(10);
/// So many packets at once are much: the pause is not made longer.
const BIG_BATCH: usize = 64;
/// Tables are looked through for what is over once in this time of a file, as live.
const EXPIRY_INTERVAL: Duration = Duration::from_millis(1);

/// What the stages must know.
#[derive(Clone, Debug)]
pub struct PipelineOptions {
    /// For decoding.
    pub decode: DecodeOptions,
    /// For joining.
    pub join: JoinOptions,
}

/// Asks a pipeline to end; clones ask the same one.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Runs on the kernel's packets until it is stopped or has shown enough.
pub fn run_live(mut live: Live, options: &PipelineOptions, outlet: Outlet, stop: &Stop) -> Arc<Summary> {
    let mut pipeline = Pipeline::new(options, Owner::live(live.netns()), outlet);
    let mut losses = Losses::new(live.now());
    let mut pause = PAUSE_MIN;
    while !stop.is_requested() && !pipeline.tail.outlet.has_ended() {
        let packets = live.drain(|packet| pipeline.add(packet));
        let now = live.now();
        pipeline.expire(now);
        if losses.are_due(now) {
            losses.tell(&live.counts(), pipeline.tail.wall, &mut pipeline.tail.outlet);
        }
        pause = if packets >= BIG_BATCH { PAUSE_MIN } else { PAUSE_MAX.min(pause * 2) };
        thread::sleep(pause);
    }
    live.detach();
    // A program that was running when its hook was detached has written its record by then.
    thread::sleep(PAUSE_MIN);
    // Nothing is added any more: this ends when the ring buffer is empty.
    while live.drain(|packet| pipeline.add(packet)) != 0 {}
    let counts = live.counts();
    losses.tell(&counts, pipeline.tail.wall, &mut pipeline.tail.outlet);
    let attached = live.attached().iter().filter(|attachment| attachment.result.is_ok());
    let mut ledgers: Vec<_> = attached.map(|attachment| Ledger::hook(attachment.hook, &counts)).collect();
    ledgers.push(Ledger::ring_buffer(&counts, pipeline.decoder.counts().packets, live.unreadable()));
    pipeline.finish(ledgers, None)
}

/// Runs on a file's packets to its end, unless it has shown enough. Its reader ends when `stop` is requested: so what
/// was read before is shown, and a packet that is cut off then is no error.
pub fn run_file<R: Read>(
    mut file: CaptureFile<R>,
    options: &PipelineOptions,
    outlet: Outlet,
    stop: &Stop,
) -> Arc<Summary> {
    let mut pipeline = Pipeline::new(options, Owner::file(), outlet);
    let mut expire_at = BootTime::default();
    let error = loop {
        if pipeline.tail.outlet.has_ended() {
            break None;
        }
        let next = file.next(|packet| {
            if packet.time >= expire_at {
                pipeline.expire(packet.time);
                expire_at = packet.time.after(EXPIRY_INTERVAL);
            }
            pipeline.add(packet);
        });
        pipeline.tail.owner.add(file.interfaces());
        match next {
            Ok(true) => {}
            Ok(false) => break None,
            Err(error) => break Some(error).filter(|_| !stop.is_requested()),
        }
    };
    let read = [("read", pipeline.decoder.counts().packets), ("unknown_link_type", file.skipped())];
    let ledger = Ledger::new("file", read.iter().map(|&(_, count)| count).sum(), read);
    pipeline.finish([ledger], error)
}

/// The stages, from decoding on.
struct Pipeline {
    decoder: Decoder,
    join: Join,
    tail: Tail,
}

/// The stages that take transactions.
struct Tail {
    owner: Owner,
    totals: Totals,
    outlet: Outlet,
    /// Of the last packet.
    time: BootTime,
    wall: WallTime,
}

impl Pipeline {
    fn new(options: &PipelineOptions, owner: Owner, outlet: Outlet) -> Self {
        let tail =
            Tail { owner, totals: Totals::default(), outlet, time: BootTime::default(), wall: WallTime::default() };
        Self { decoder: Decoder::new(&options.decode), join: Join::new(&options.join), tail }
    }

    fn add(&mut self, packet: &Packet<'_>) {
        let Self { decoder, join, tail } = self;
        (tail.time, tail.wall) = (packet.time, packet.wall);
        decoder.add(packet, |observation| {
            let id = join.add(observation, |transaction| tail.add(transaction));
            if tail.outlet.show() == Show::Observations {
                let Tail { owner, outlet, time, .. } = tail;
                outlet.observation(observation, id, || owner.interfaces([observation.point].into_iter(), *time));
            }
        });
    }

    fn expire(&mut self, now: BootTime) {
        let Self { decoder, join, tail } = self;
        decoder.expire(now);
        join.expire(now, |transaction| tail.add(transaction));
    }

    fn finish(mut self, before: impl IntoIterator<Item = Ledger>, error: Option<FileError>) -> Arc<Summary> {
        let Self { join, tail, .. } = &mut self;
        join.finish(|transaction| tail.add(transaction));
        let (decoded, joined) = (self.decoder.counts(), self.join.counts());
        let ledgers = [
            Ledger::packets(decoded),
            Ledger::messages(decoded),
            Ledger::observations(joined),
            Ledger::transactions(joined),
            self.tail.ledger(decoded.messages),
        ];
        let summary = Arc::new(Summary {
            ledgers: before.into_iter().chain(ledgers).collect(),
            packets: decoded.packets,
            messages: decoded.messages,
            totals: self.tail.totals,
            error: error.map(|error| error.to_string()),
        });
        self.tail.outlet.end(Arc::clone(&summary));
        summary
    }
}

impl Tail {
    fn add(&mut self, transaction: Transaction) {
        self.totals.add(&transaction);
        if self.outlet.show() == Show::Transactions {
            let Self { owner, outlet, time, .. } = self;
            outlet.transaction(transaction, |transaction| {
                owner.interfaces(transaction.path.iter().map(|hop| hop.point), *time)
            });
        }
    }

    fn ledger(&self, observations: u64) -> Ledger {
        let counts = self.outlet.counts();
        let total = match self.outlet.show() {
            Show::Transactions => self.totals.transactions,
            Show::Observations => observations,
        };
        let parts = [
            ("shown", counts.shown),
            ("filtered", counts.filtered),
            ("dropped", counts.dropped),
            ("after_end", counts.after_end),
        ];
        Ledger::new("output", total, parts)
    }
}
