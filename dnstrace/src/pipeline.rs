//! The only file where stages meet: packets go in, what is to be written comes out.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::capture::file::{CaptureFile, FileError};
use crate::capture::live::{DRAIN_MAX, HookCounts, Live};
use crate::capture::{BootTime, Packet, WallTime};
use crate::decode::{DecodeOptions, Decoder};
use crate::join::{Join, JoinOptions, Transaction};
use crate::owner::Owner;
use crate::rules::{Ledger, Totals, quality};
use crate::sink::{Losses, Outlet, Show, Summary};

/// The ring buffer is emptied this often when much comes: below it the wake-ups cost more than they bring.
const PAUSE_MIN: Duration = Duration::from_micros(200);
/// And this often when nothing comes: a person does not see the delay, and an idle node does not see us.
const PAUSE_MAX: Duration = Duration::from_millis(10);
/// When this part of the ring buffer fills during a pause, the pause is made shortest: there is time for fifteen more
/// before anything is lost.
const BIG_BATCH: usize = 16;
/// Tables are looked through for what is over once in this time of a file, as live.
const EXPIRY_INTERVAL: Duration = Duration::from_millis(1);

/// What the stages must know.
#[derive(Clone, Debug)]
pub struct PipelineOptions {
    /// For decoding.
    pub decode: DecodeOptions,
    /// For joining.
    pub join: JoinOptions,
    /// How long to watch; `None` is until stopped. A file is read to its end.
    pub run_for: Option<Duration>,
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

/// A pipeline that ran.
#[derive(Debug)]
pub struct Ended {
    /// What it adds up to.
    pub summary: Arc<Summary>,
    /// Still open: the summary is to be written, too, when it is known that there is one.
    pub outlet: Outlet,
}

/// Runs on the kernel's packets until it is stopped or has shown enough.
#[must_use]
pub fn run_live(mut live: Live, options: &PipelineOptions, outlet: Outlet, stop: &Stop) -> Ended {
    let mut pipeline = Pipeline::new(options, Owner::live(live.netns()), outlet);
    let mut losses = Losses::new(live.now());
    let end = options.run_for.map(|time| live.now().after(time));
    let big_batch = live.room() / BIG_BATCH;
    let mut pause = PAUSE_MIN;
    while !stop.is_requested() && !pipeline.has_ended() && end.is_none_or(|end| live.now() < end) {
        // Taken before: what lies in the ring buffer is not older than what is held to be over.
        let now = live.now();
        let packets = live.drain(|packet| pipeline.add(packet));
        pipeline.expire(if packets < DRAIN_MAX { now } else { pipeline.tail.time });
        if losses.are_due(now) {
            pipeline.tell(&mut losses, &live.counts());
        }
        pipeline.tail.outlet.flush();
        pause = if packets > big_batch { PAUSE_MIN } else { PAUSE_MAX.min(pause * 2) };
        thread::sleep(pause);
    }
    empty(&mut live, &mut pipeline);
    let counts = live.counts();
    pipeline.tell(&mut losses, &counts);
    let ledgers = live_ledgers(&live, &counts, &pipeline);
    pipeline.finish(ledgers, &counts, None)
}

/// Takes what lies in the ring buffer at the end.
fn empty(live: &mut Live, pipeline: &mut Pipeline) {
    live.detach();
    // A program that was running when its hook was detached has written its record by then.
    thread::sleep(PAUSE_MIN);
    // Nothing is added any more: this ends when the ring buffer is empty.
    while live.drain(|packet| pipeline.add(packet)) != 0 {}
}

fn live_ledgers(live: &Live, counts: &HookCounts, pipeline: &Pipeline) -> Vec<Ledger> {
    let attached = live.attached().iter().filter(|attachment| attachment.result.is_ok());
    let hooks = attached.map(|attachment| Ledger::hook(attachment.hook, counts));
    let ring = Ledger::ring_buffer(counts, pipeline.decoder.counts().packets, live.unreadable());
    hooks.chain([ring]).collect()
}

/// Runs on a file's packets to its end, unless it has shown enough. Its reader ends when `stop` is requested: so what
/// was read before is shown, and a packet that is cut off then is no error.
pub fn run_file<R: Read>(mut file: CaptureFile<R>, options: &PipelineOptions, outlet: Outlet, stop: &Stop) -> Ended {
    let mut pipeline = Pipeline::new(options, Owner::file(), outlet);
    let mut expire_at = BootTime::default();
    let error = loop {
        if pipeline.has_ended() {
            break None;
        }
        if file.is_drained() {
            // More may have to be waited for.
            pipeline.tail.outlet.flush();
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
    pipeline.finish(vec![ledger], &HookCounts::default(), error)
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

    fn has_ended(&self) -> bool {
        self.tail.outlet.has_ended()
    }

    fn tell(&mut self, losses: &mut Losses, counts: &HookCounts) {
        losses.tell(counts, self.tail.wall, &mut self.tail.outlet);
    }

    fn expire(&mut self, now: BootTime) {
        let Self { decoder, join, tail } = self;
        decoder.expire(now);
        join.expire(now, |transaction| tail.add(transaction));
    }

    fn finish(mut self, mut ledgers: Vec<Ledger>, hooks: &HookCounts, error: Option<FileError>) -> Ended {
        let Self { join, tail, .. } = &mut self;
        tail.outlet.begin_end();
        join.finish(|transaction| tail.add(transaction));
        tail.outlet.finish();
        let (decoded, joined) = (self.decoder.counts(), self.join.counts());
        ledgers.extend([
            Ledger::packets(decoded),
            Ledger::messages(decoded),
            Ledger::observations(joined),
            Ledger::transactions(joined),
            self.tail.ledger(decoded.messages),
        ]);
        let summary = Arc::new(Summary {
            ledgers,
            quality: quality(hooks, decoded, joined),
            packets: decoded.packets,
            messages: decoded.messages,
            totals: self.tail.totals,
            error: error.map(|error| error.to_string()),
        });
        Ended { summary, outlet: self.tail.outlet }
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
