//! The only place where stages meet: packets go in, what is to be written comes out.

mod end;
mod stages;

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use self::stages::Stages;
use crate::capture::BootTime;
use crate::capture::file::{Captures, FileError, FileItem, Unread};
use crate::capture::live::{DRAIN_MAX, HookCounts, Live};
use crate::decode::DecodeOptions;
use crate::join::JoinOptions;
use crate::owner::sources::Sources;
use crate::owner::{Note, Owner};
use crate::rules::finding::Certainty;
use crate::rules::report::Report;
use crate::rules::{Ledger, Rules};
use crate::sink::pcapng::Recorder;
use crate::sink::{Losses, Observed, Outlet, Summary};

/// The ring buffer is emptied this often when much comes: below it the wake-ups cost more than they bring.
const PAUSE_MIN: Duration = Duration::from_micros(200);
/// And this often when nothing comes: a person does not see the delay, and an idle node does not see us.
const PAUSE_MAX: Duration = Duration::from_millis(10);
/// When this part of the ring buffer fills during a pause, the pause is made shortest: there is time for fifteen more
/// before anything is lost.
const BIG_BATCH: usize = 16;
/// Sources have told what they know by then; an API server that hangs holds up nobody for longer.
const SOURCES_PATIENCE: Duration = Duration::from_secs(1);
/// Meanwhile they are listened to this often: each time some fifty system calls read what hooks counted, and a person does
/// not see that a start is so much later.
const SOURCES_PAUSE: Duration = Duration::from_millis(2);
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
    /// End with the first finding that is at least so sure and more than advice.
    pub until_finding: Option<Certainty>,
    /// Who is who in files, beside what they say themselves.
    pub owners: Vec<Note>,
}

/// Where it all goes.
pub struct Outputs {
    /// What is shown.
    pub outlet: Outlet,
    /// What is recorded.
    pub recorder: Option<Recorder>,
    /// What says what is wrong, where somebody wants to know.
    pub rules: Option<Rules>,
    /// What is reported: of transactions that the outlet's filter shows.
    pub report: Option<Box<Report>>,
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
pub struct Ended {
    /// What it adds up to.
    pub summary: Arc<Summary>,
    /// Still open: the summary is to be written, too, when it is known that there is one.
    pub outlet: Outlet,
    /// What was observed, if there is to be a report.
    pub observed: Option<Observed>,
    /// Its last blocks are to be handed over, too.
    pub recorder: Option<Recorder>,
}

/// Runs on the kernel's packets until it is stopped or has shown enough.
#[must_use]
pub fn run_live(
    mut live: Live,
    mut sources: Option<Sources>,
    options: &PipelineOptions,
    outputs: Outputs,
    stop: &Stop,
) -> Ended {
    let owner = Owner::live(live.netns(), sources.as_ref().map(Sources::asking));
    let mut pipeline = Stages::new(options, owner, outputs);
    for note in &options.owners {
        pipeline.tail.owner.apply(note.source, note.fact.clone(), BootTime(0));
    }
    let mut losses = Losses::new(live.now());
    let end = options.run_for.map(|time| live.now().after(time));
    let big_batch = live.room() / BIG_BATCH;
    if let Some(sources) = &mut sources {
        listen(sources, &live, &mut pipeline, stop);
    }
    let mut pause = PAUSE_MIN;
    while !stop.is_requested() && !pipeline.has_ended() && end.is_none_or(|end| live.now() < end) {
        // Taken before: what lies in the ring buffer is not older than what is held to be over.
        let now = live.now();
        let packets = live.drain(|packet| pipeline.add(packet));
        let over = if packets < DRAIN_MAX { now } else { pipeline.tail.time };
        pipeline.take_facts(sources.as_mut(), over);
        pipeline.expire(over);
        if losses.are_due(now) {
            pipeline.tell_losses(&mut losses, &live.counts());
        }
        pipeline.hand_over(now);
        pause = if packets > big_batch { PAUSE_MIN } else { PAUSE_MAX.min(pause * 2) };
        thread::sleep(pause);
    }
    empty(&mut live, &mut pipeline);
    pipeline.take_facts(sources.as_mut(), live.now());
    let counts = live.counts();
    pipeline.tell_losses(&mut losses, &counts);
    let ledgers = live_ledgers(&live, &counts, &pipeline);
    pipeline.finish(ledgers, &counts, Problems::default())
}

/// Lets sources say what they know before the first packet is looked at: those of the first moment have names, too, while
/// they lie in the ring buffer. It is held to be known since the start, also by a recording's reader.
fn listen(sources: &mut Sources, live: &Live, pipeline: &mut Stages, stop: &Stop) {
    let begun = live.begun();
    let is_over = || live.now().since(begun) >= SOURCES_PATIENCE || stop.is_requested();
    let has_room = || live.counts().emitted() < (live.room() / BIG_BATCH) as u64;
    while !sources.have_told_all() && has_room() && !is_over() {
        pipeline.take_facts(Some(sources), begun);
        thread::sleep(SOURCES_PAUSE);
    }
}

/// Takes what lies in the ring buffer at the end.
fn empty(live: &mut Live, pipeline: &mut Stages) {
    live.detach();
    // A program that was running when its hook was detached has written its record by then.
    thread::sleep(PAUSE_MIN);
    // Nothing is added any more: this ends when the ring buffer is empty.
    while live.drain(|packet| pipeline.add(packet)) != 0 {}
}

fn live_ledgers(live: &Live, counts: &HookCounts, pipeline: &Stages) -> Vec<Ledger> {
    let attached = live.attached().iter().filter(|attachment| attachment.result.is_ok());
    let hooks = attached.map(|attachment| Ledger::hook(attachment.hook, counts));
    let ring = Ledger::ring_buffer(counts, pipeline.decoder.counts().packets, live.unreadable());
    hooks.chain([ring]).collect()
}

/// Runs on the packets of files to their end, unless it has shown enough. Their readers end when `stop` is requested: so
/// what was read before is shown, and a packet that is cut off then is no error.
#[must_use]
pub fn run_files<R: Read>(mut files: Captures<R>, options: &PipelineOptions, outputs: Outputs, stop: &Stop) -> Ended {
    let mut pipeline = Stages::new(options, Owner::files(files.machines()), outputs);
    for note in &options.owners {
        pipeline.tail.owner.apply(note.source, note.fact.clone(), note.time(BootTime(0)));
    }
    let mut expire_at = BootTime::default();
    let mut each = |pipeline: &mut Stages, item: FileItem<'_>| match item {
        FileItem::Packet(packet) => {
            pipeline.take_notes(packet.time);
            if packet.time >= expire_at {
                pipeline.expire(packet.time);
                expire_at = packet.time.after(EXPIRY_INTERVAL);
            }
            pipeline.add(packet);
        }
        FileItem::Interface(interface) => pipeline.tail.owner.add(interface),
        FileItem::Until(time) => {
            pipeline.take_notes(time);
            pipeline.expire(time);
        }
        FileItem::Owner(note) => pipeline.add_note(note),
    };
    while !pipeline.has_ended() && files.next(|item| each(&mut pipeline, item)) {
        if files.is_drained() {
            // More may have to be waited for.
            pipeline.hand_over(pipeline.tail.time);
        }
    }
    let read = [("read", pipeline.decoder.counts().packets), ("not_read", files.skipped())];
    let ledger = Ledger::new("file", read.iter().map(|&(_, count)| count).sum(), read);
    let unread = if stop.is_requested() { Vec::new() } else { files.take_unread() };
    let mut problems = Problems::new(&unread);
    if let Some(recorder) = &mut pipeline.tail.end.recorder {
        recorder.lost_before(files.lost());
    }
    if files.lost() > 0 {
        pipeline.lose();
        problems.warnings.push(format!("{} packets were lost when this was recorded", files.lost()));
    }
    pipeline.finish(vec![ledger], &HookCounts::default(), problems)
}

/// What was wrong with files.
#[derive(Default)]
struct Problems {
    warnings: Vec<String>,
    errors: Vec<String>,
}

impl Problems {
    /// A file that is cut off is as its writer left it when it was ended; everything before the cut is good.
    fn new(unread: &[Unread]) -> Self {
        let (cut, broken): (Vec<_>, Vec<_>) =
            unread.iter().partition(|unread| matches!(unread.error, FileError::Truncated { .. }));
        let told = |unread: Vec<&Unread>| unread.iter().map(ToString::to_string).collect();
        Self { warnings: told(cut), errors: told(broken) }
    }
}
