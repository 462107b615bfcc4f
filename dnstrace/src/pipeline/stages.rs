//! The stages in their order: a packet goes in at the front, what is to be written leaves behind the last.

use std::collections::VecDeque;
use std::sync::Arc;

use super::end::End;
use super::{Ended, Outputs, PipelineOptions, Problems};
use crate::capture::live::HookCounts;
use crate::capture::{BootTime, Counter, Hook, Packet, WallTime};
use crate::decode::{Decoded, Decoder, Observation, Signal};
use crate::join::{Connection, Join, Transaction, TransactionId};
use crate::owner::fact::{Fact, Source};
use crate::owner::sources::{Sources, Update};
use crate::owner::{Note, Owner};
use crate::rules::finding::Certainty;
use crate::rules::{Ledger, Rules, quality};
use crate::sink::pcapng::{Known, RecordCounts, Recorder, SeenMessage};
use crate::sink::{Losses, Names, Observed, Show, Summary};

/// Notes of a recording that wait for their time: ours stand a fraction of a second before it.
const NOTES_MAX: usize = 65_536;

/// The stages, from decoding on.
pub(super) struct Stages {
    pub(super) decoder: Decoder,
    join: Join,
    /// Found in one packet.
    messages: Vec<SeenMessage>,
    until_finding: Option<Certainty>,
    /// What a recording says of times to come, in their order.
    notes: VecDeque<Note>,
    pub(super) tail: Tail,
}

/// The stages that take transactions.
pub(super) struct Tail {
    pub(super) owner: Owner,
    pub(super) end: End,
    /// Of the last packet.
    pub(super) time: BootTime,
    wall: WallTime,
    /// Nothing more was seen until then.
    until: BootTime,
    /// Connections given out.
    connections: u64,
}

impl Stages {
    pub(super) fn new(options: &PipelineOptions, owner: Owner, outputs: Outputs) -> Self {
        let Outputs { outlet, recorder, rules, report } = outputs;
        let (totals, time, wall, until, connections) = Default::default();
        let end = End { totals, outlet, recorder, rules, report };
        let tail = Tail { owner, end, time, wall, until, connections };
        let (decoder, join) = (Decoder::new(&options.decode), Join::new(&options.join));
        Self { decoder, join, messages: Vec::new(), until_finding: options.until_finding, notes: VecDeque::new(), tail }
    }

    pub(super) fn add(&mut self, packet: &Packet<'_>) {
        let Self { decoder, join, messages, tail, .. } = self;
        (tail.time, tail.wall) = (packet.time, packet.wall);
        if let Some(report) = &mut tail.end.report {
            report.span.packet(packet.time, packet.wall);
        }
        // What waited for fragments is of earlier packets: it is not to be taken for this one's.
        decoder.settle(packet.time, |observation| {
            tail.observe(observation, join);
        });
        messages.clear();
        let Decoded { concerns_dns, signal } = decoder.add(packet, |observation| {
            let transaction = tail.observe(observation, join);
            if tail.end.recorder.is_some() {
                let (src, dst) = (observation.src.ip(), observation.dst.ip());
                messages.push(SeenMessage { transaction, src, dst });
            }
        });
        if let Some(signal) = &signal {
            messages.extend(tail.sign(signal, join));
        }
        join.take_connections().into_iter().for_each(|connection| tail.connection(&connection));
        if tail.end.recorder.is_some() {
            tail.record(packet, concerns_dns, messages);
        }
    }

    /// Packets were lost before they came here.
    pub(super) fn lose(&mut self) {
        self.tail.end.rules.iter_mut().for_each(|rules| rules.findings_mut().lose());
    }

    /// Hands over what is to be shown and recorded so far.
    pub(super) fn hand_over(&mut self, now: BootTime) {
        let Tail { owner, end: End { outlet, recorder, .. }, .. } = &mut self.tail;
        outlet.flush();
        if let Some(recorder) = recorder {
            let interfaces = owner.interfaces(std::iter::empty(), now);
            recorder.tick(now, &Known { interfaces: &interfaces, owner });
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        let End { outlet, recorder, rules, .. } = &self.tail.end;
        let surest = || rules.as_ref().and_then(|rules| rules.findings().surest());
        let is_found = self.until_finding.is_some_and(|least| surest().is_some_and(|surest| surest >= least));
        outlet.has_ended() || recorder.as_ref().is_some_and(Recorder::has_ended) || is_found
    }

    pub(super) fn tell_losses(&mut self, losses: &mut Losses, counts: &HookCounts) {
        if Hook::ALL.iter().any(|&hook| counts.get(hook, Counter::RingFull) != 0) {
            self.lose();
        }
        let End { outlet, recorder, .. } = &mut self.tail.end;
        let unrecorded = recorder.as_ref().map_or(0, |recorder| recorder.counts().dropped);
        losses.tell(counts, unrecorded, self.tail.wall, outlet);
        if let Some(recorder) = recorder {
            recorder.hooks(counts);
        }
    }

    pub(super) fn expire(&mut self, now: BootTime) {
        let Self { decoder, join, tail, .. } = self;
        tail.until = tail.until.max(now);
        if let Some(report) = &mut tail.end.report {
            report.span.watch(now);
        }
        decoder.expire(now, |observation| {
            tail.observe(observation, join);
        });
        join.expire(now, |transaction| tail.add(transaction, now));
        join.take_connections().into_iter().for_each(|connection| tail.connection(&connection));
        let Tail { owner, end, time, .. } = tail;
        owner.expire(now, |owner, transaction, who| end.add(owner, transaction, who, *time));
        end.expire(owner, now);
    }

    /// Takes what sources have told, if there are any.
    pub(super) fn take_facts(&mut self, sources: Option<&mut Sources>, now: BootTime) {
        let Some(sources) = sources else { return };
        // Packets may be a little ahead.
        let now = now.max(self.tail.time);
        sources.drain(|update| {
            if let Update::Fact(source, fact) = update {
                self.add_fact(source, fact, now);
            }
        });
    }

    /// What ended before a fact became known is given out without it: so it is in a recording, too, whose reader may know
    /// of the fact earlier.
    fn add_fact(&mut self, source: Source, fact: Fact, now: BootTime) {
        if now > self.tail.until {
            self.expire(now);
        }
        self.tail.owner.apply(source, fact, now);
    }

    /// Takes what a recording says of who is who. It may stand before packets that came before it became known.
    pub(super) fn add_note(&mut self, note: &str) {
        let Some(note) = Note::read(note) else { return };
        let is_early = note.at.is_some_and(|at| BootTime(at) > self.tail.time);
        if is_early && self.notes.len() < NOTES_MAX {
            let later = self.notes.iter().rev().take_while(|known| known.at > note.at).count();
            self.notes.insert(self.notes.len() - later, note);
        } else {
            self.tell(note);
        }
    }

    /// Takes what a recording says of who is who, as far as it was known at `time`.
    pub(super) fn take_notes(&mut self, time: BootTime) {
        while let Some(note) = self.notes.pop_front_if(|note| note.at.is_none_or(|at| BootTime(at) <= time)) {
            self.tell(note);
        }
    }

    fn tell(&mut self, note: Note) {
        match note.at.map(BootTime) {
            // What was known before the first packet is no time of watching.
            Some(time) if self.tail.time != BootTime::default() => self.add_fact(note.source, note.fact, time),
            at => self.tail.owner.apply(note.source, note.fact, at.unwrap_or(self.tail.time)),
        }
    }

    pub(super) fn finish(mut self, mut ledgers: Vec<Ledger>, hooks: &HookCounts, problems: Problems) -> Ended {
        self.take_notes(BootTime(u64::MAX));
        let Self { decoder, join, tail, .. } = &mut self;
        tail.end.outlet.begin_end();
        decoder.finish(|observation| {
            tail.observe(observation, join);
        });
        let end = tail.until.max(tail.time);
        join.finish(|transaction| tail.add(transaction, end));
        join.take_connections().into_iter().for_each(|connection| tail.connection(&connection));
        tail.finish(end);
        let (decoded, joined) = (self.decoder.counts(), self.join.counts());
        ledgers.extend([
            Ledger::packets(decoded),
            Ledger::messages(decoded),
            Ledger::observations(joined),
            Ledger::transactions(joined),
        ]);
        ledgers.extend((joined.signs != 0).then(|| Ledger::signs(joined)));
        let connections = self.tail.connections;
        ledgers.extend((connections != 0).then(|| Ledger::connections(connections, self.join.connection_counts())));
        ledgers.extend(self.tail.output_ledger(decoded.messages));
        let observed = self.tail.observed();
        let owned = self.tail.owner.counts();
        let mut quality = quality(hooks, decoded, joined, self.join.connection_counts(), &owned);
        let crowded = self.tail.end.rules.iter().flat_map(Rules::crowded);
        quality.extend(crowded.filter(|&(_, count)| count != 0));
        let End { outlet, recorder, totals, .. } = self.tail.end;
        ledgers.extend(recorder.as_ref().map(|recorder| recording_ledger(decoded.packets, recorder.counts())));
        let summary = Arc::new(Summary {
            ledgers,
            quality,
            packets: decoded.packets,
            messages: decoded.messages,
            totals,
            surest: self.tail.end.rules.as_ref().and_then(|rules| rules.findings().surest()),
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
                ..Names::default()
            });
        }
        id
    }

    /// What is seen of a transaction beside its messages; says where it belongs.
    fn sign(&mut self, signal: &Signal, join: &mut Join) -> Option<SeenMessage> {
        let now = self.time;
        let transaction = join.sign(signal, |transaction| self.add(transaction, now))?;
        let (src, dst) = (signal.subject.src.ip(), signal.subject.dst.ip());
        Some(SeenMessage { transaction, src, dst })
    }

    fn connection(&mut self, connection: &Connection) {
        self.connections += 1;
        self.end.connect(&self.owner, connection);
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
        end.finish(owner, at);
        if let Some(recorder) = &mut end.recorder {
            let interfaces = owner.interfaces(std::iter::empty(), *time);
            recorder.finish(at, &Known { interfaces: &interfaces, owner });
        }
        end.outlet.finish();
    }

    fn observed(&mut self) -> Option<Observed> {
        let report = self.end.report.take()?;
        let rules = self.end.rules.as_ref();
        let findings = rules.map(|rules| rules.findings().sorted()).unwrap_or_default();
        Some(Observed { report, findings, interfaces: self.owner.interfaces(std::iter::empty(), self.time) })
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
