//! The only file where stages meet: packets go in, what is to be written comes out.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::capture::file::{Captures, FileError, FileItem, Unread};
use crate::capture::live::{DRAIN_MAX, HookCounts, Live};
use crate::capture::{BootTime, Packet, WallTime};
use crate::decode::{DecodeOptions, Decoder, Observation};
use crate::join::{Join, JoinOptions, Transaction, TransactionId};
use crate::owner::sources::{Sources, Update};
use crate::owner::{Note, Owner, Who};
use crate::rules::report::Report;
use crate::rules::{Ledger, Totals, quality};
use crate::sink::pcapng::{Known, RecordCounts, Recorder, SeenMessage};
use crate::sink::{Losses, Names, Observed, Outlet, Show, Summary};

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
    /// Who is who in files, beside what they say themselves.
    pub owners: Vec<Note>,
}

/// Where it all goes.
pub struct Outputs {
    /// What is shown.
    pub outlet: Outlet,
    /// What is recorded.
    pub recorder: Option<Recorder>,
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
    let mut pipeline = Pipeline::new(options, owner, outputs);
    for note in &options.owners {
        pipeline.tail.owner.apply(note.source, note.fact.clone(), BootTime(0));
    }
    let mut losses = Losses::new(live.now());
    let end = options.run_for.map(|time| live.now().after(time));
    let big_batch = live.room() / BIG_BATCH;
    let mut pause = PAUSE_MIN;
    while !stop.is_requested() && !pipeline.has_ended() && end.is_none_or(|end| live.now() < end) {
        // Taken before: what lies in the ring buffer is not older than what is held to be over.
        let now = live.now();
        let packets = live.drain(|packet| pipeline.add(packet));
        pipeline.take_facts(sources.as_mut(), now);
        pipeline.expire(if packets < DRAIN_MAX { now } else { pipeline.tail.time });
        if losses.are_due(now) {
            pipeline.tell(&mut losses, &live.counts());
        }
        pipeline.hand_over(now);
        pause = if packets > big_batch { PAUSE_MIN } else { PAUSE_MAX.min(pause * 2) };
        thread::sleep(pause);
    }
    empty(&mut live, &mut pipeline);
    pipeline.take_facts(sources.as_mut(), live.now());
    let counts = live.counts();
    pipeline.tell(&mut losses, &counts);
    let ledgers = live_ledgers(&live, &counts, &pipeline);
    pipeline.finish(ledgers, &counts, Problems::default())
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

/// Runs on the packets of files to their end, unless it has shown enough. Their readers end when `stop` is requested: so
/// what was read before is shown, and a packet that is cut off then is no error.
#[must_use]
pub fn run_files<R: Read>(mut files: Captures<R>, options: &PipelineOptions, outputs: Outputs, stop: &Stop) -> Ended {
    let mut pipeline = Pipeline::new(options, Owner::files(files.machines()), outputs);
    for note in &options.owners {
        pipeline.tail.owner.apply(note.source, note.fact.clone(), note.time(BootTime(0)));
    }
    let mut expire_at = BootTime::default();
    let mut each = |pipeline: &mut Pipeline, item: FileItem<'_>| match item {
        FileItem::Packet(packet) => {
            if packet.time >= expire_at {
                pipeline.expire(packet.time);
                expire_at = packet.time.after(EXPIRY_INTERVAL);
            }
            pipeline.add(packet);
        }
        FileItem::Interface(interface) => pipeline.tail.owner.add(interface),
        FileItem::Until(time) => pipeline.expire(time),
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

/// The stages, from decoding on.
struct Pipeline {
    decoder: Decoder,
    join: Join,
    /// Found in one packet.
    messages: Vec<SeenMessage>,
    tail: Tail,
}

/// The stages that take transactions.
struct Tail {
    owner: Owner,
    end: End,
    /// Of the last packet.
    time: BootTime,
    wall: WallTime,
    /// Nothing more was seen until then.
    until: BootTime,
}

/// The stages that take transactions with names.
struct End {
    totals: Totals,
    outlet: Outlet,
    recorder: Option<Recorder>,
    report: Option<Box<Report>>,
}

impl Pipeline {
    fn new(options: &PipelineOptions, owner: Owner, outputs: Outputs) -> Self {
        let Outputs { outlet, recorder, report } = outputs;
        let (totals, time, wall, until) = Default::default();
        let tail = Tail { owner, end: End { totals, outlet, recorder, report }, time, wall, until };
        let (decoder, join) = (Decoder::new(&options.decode), Join::new(&options.join));
        Self { decoder, join, messages: Vec::new(), tail }
    }

    fn add(&mut self, packet: &Packet<'_>) {
        let Self { decoder, join, messages, tail } = self;
        (tail.time, tail.wall) = (packet.time, packet.wall);
        if let Some(report) = &mut tail.end.report {
            report.span.packet(packet.time, packet.wall);
        }
        // What waited for fragments is of earlier packets: it is not to be taken for this one's.
        decoder.settle(packet.time, |observation| {
            tail.observe(observation, join);
        });
        messages.clear();
        let concerns_dns = decoder.add(packet, |observation| {
            let transaction = tail.observe(observation, join);
            if tail.end.recorder.is_some() {
                let (src, dst) = (observation.src.ip(), observation.dst.ip());
                messages.push(SeenMessage { transaction, src, dst });
            }
        });
        if tail.end.recorder.is_some() {
            tail.record(packet, concerns_dns, messages);
        }
    }

    /// Hands over what is to be shown and recorded so far.
    fn hand_over(&mut self, now: BootTime) {
        let Tail { owner, end: End { outlet, recorder, .. }, .. } = &mut self.tail;
        outlet.flush();
        if let Some(recorder) = recorder {
            let interfaces = owner.interfaces(std::iter::empty(), now);
            recorder.tick(now, &Known { interfaces: &interfaces, owner });
        }
    }

    fn has_ended(&self) -> bool {
        let End { outlet, recorder, .. } = &self.tail.end;
        outlet.has_ended() || recorder.as_ref().is_some_and(Recorder::has_ended)
    }

    fn tell(&mut self, losses: &mut Losses, counts: &HookCounts) {
        let End { outlet, recorder, .. } = &mut self.tail.end;
        let unrecorded = recorder.as_ref().map_or(0, |recorder| recorder.counts().dropped);
        losses.tell(counts, unrecorded, self.tail.wall, outlet);
        if let Some(recorder) = recorder {
            recorder.hooks(counts);
        }
    }

    fn expire(&mut self, now: BootTime) {
        let Self { decoder, join, tail, .. } = self;
        tail.until = tail.until.max(now);
        if let Some(report) = &mut tail.end.report {
            report.span.watch(now);
        }
        decoder.expire(now, |observation| {
            tail.observe(observation, join);
        });
        join.expire(now, |transaction| tail.add(transaction, now));
        let Tail { owner, end, time, .. } = tail;
        owner.expire(now, |owner, transaction, who| end.add(owner, transaction, who, *time));
    }

    /// Takes what sources have told, if there are any.
    fn take_facts(&mut self, sources: Option<&mut Sources>, now: BootTime) {
        let Some(sources) = sources else { return };
        sources.drain(|update| {
            if let Update::Fact(source, fact) = update {
                self.tail.owner.apply(source, fact, now);
            }
        });
    }

    /// Takes what a recording says of who is who, at the time when it became known.
    fn add_note(&mut self, note: &str) {
        let Some(note) = Note::read(note) else { return };
        let time = note.time(self.tail.time);
        self.expire(time);
        self.tail.owner.apply(note.source, note.fact, time);
    }

    fn finish(mut self, mut ledgers: Vec<Ledger>, hooks: &HookCounts, problems: Problems) -> Ended {
        let Self { decoder, join, tail, .. } = &mut self;
        tail.end.outlet.begin_end();
        decoder.finish(|observation| {
            tail.observe(observation, join);
        });
        let end = tail.until.max(tail.time);
        join.finish(|transaction| tail.add(transaction, end));
        tail.finish(end);
        let (decoded, joined) = (self.decoder.counts(), self.join.counts());
        ledgers.extend([
            Ledger::packets(decoded),
            Ledger::messages(decoded),
            Ledger::observations(joined),
            Ledger::transactions(joined),
        ]);
        ledgers.extend(self.tail.output_ledger(decoded.messages));
        let observed = self.tail.observed();
        let owned = self.tail.owner.counts();
        let End { outlet, recorder, totals, .. } = self.tail.end;
        ledgers.extend(recorder.as_ref().map(|recorder| recording_ledger(decoded.packets, recorder.counts())));
        let summary = Arc::new(Summary {
            ledgers,
            quality: quality(hooks, decoded, joined, &owned),
            packets: decoded.packets,
            messages: decoded.messages,
            totals,
            warnings: problems.warnings,
            error: (!problems.errors.is_empty()).then(|| problems.errors.join("; ")),
        });
        Ended { summary, outlet, observed, recorder }
    }
}

impl Tail {
    fn observe(&mut self, observation: &Observation<'_>, join: &mut Join) -> TransactionId {
        self.owner.observe(observation);
        let now = self.time;
        let id = join.add(observation, |transaction| self.add(transaction, now));
        let Self { owner, end: End { outlet, .. }, time, .. } = self;
        if outlet.show() == Show::Observations {
            outlet.observation(observation, id, || Names {
                who: owner.who_at(observation),
                interfaces: owner.interfaces([observation.point].into_iter(), *time),
            });
        }
        id
    }

    fn add(&mut self, transaction: Transaction, now: BootTime) {
        let Self { owner, end, time, .. } = self;
        owner.take(transaction, now, |owner, transaction, who| end.add(owner, transaction, who, *time));
    }

    fn record(&mut self, packet: &Packet<'_>, concerns_dns: bool, messages: &[SeenMessage]) {
        let Self { owner, end: End { recorder: Some(recorder), .. }, time, .. } = self else { return };
        if concerns_dns {
            let interfaces = owner.interfaces([packet.point].into_iter(), *time);
            recorder.packet(packet, messages, &Known { interfaces: &interfaces, owner });
        } else {
            recorder.not_dns();
        }
    }

    /// What waited for a name does without.
    fn finish(&mut self, at: BootTime) {
        let Self { owner, end, time, .. } = self;
        owner.finish(at, |owner, transaction, who| end.add(owner, transaction, who, *time));
        if let Some(recorder) = &mut end.recorder {
            let interfaces = owner.interfaces(std::iter::empty(), *time);
            recorder.finish(at, &Known { interfaces: &interfaces, owner });
        }
        end.outlet.finish();
    }

    fn observed(&mut self) -> Option<Observed> {
        let report = self.end.report.take()?;
        Some(Observed { report, interfaces: self.owner.interfaces(std::iter::empty(), self.time) })
    }

    fn output_ledger(&self, observations: u64) -> Option<Ledger> {
        let End { totals, outlet, report, .. } = &self.end;
        if let Some(report) = report {
            let (total, counted) = (totals.transactions, report.total.transactions());
            return Some(Ledger::new("report", total, [("counted", counted), ("filtered", total - counted)]));
        }
        let counts = outlet.counts();
        let total = match outlet.show() {
            Show::Transactions => totals.transactions,
            Show::Observations => observations,
            Show::Nothing => return None,
        };
        let parts = [
            ("shown", counts.shown),
            ("filtered", counts.filtered),
            ("dropped", counts.dropped),
            ("after_end", counts.after_end),
        ];
        Some(Ledger::new("output", total, parts))
    }
}

impl End {
    fn add(&mut self, owner: &mut Owner, transaction: Transaction, who: Who, time: BootTime) {
        self.totals.add(&transaction);
        let Self { outlet, recorder, report, .. } = self;
        if let Some(recorder) = recorder {
            recorder.transaction(&transaction, &who, owner);
        }
        if let Some(report) = report
            && outlet.filter().shows(&transaction, &who)
        {
            // An interface may be gone by the end.
            owner.interfaces(transaction.path.last().map(|hop| hop.point).into_iter(), time);
            report.add(&transaction, &who);
        }
        if outlet.show() == Show::Transactions {
            outlet.transaction(transaction, who, |transaction| {
                owner.interfaces(transaction.path.iter().map(|hop| hop.point), time)
            });
        }
    }
}

fn recording_ledger(packets: u64, counts: RecordCounts) -> Ledger {
    let parts = [
        ("recorded", counts.recorded),
        ("filtered", counts.filtered),
        ("not_dns", counts.not_dns),
        ("dropped", counts.dropped),
        ("after_end", counts.after_end),
    ];
    Ledger::new("recording", packets, parts)
}
