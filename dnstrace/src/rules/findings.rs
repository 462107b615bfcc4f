//! Findings, one for each rule and subject: never a thousand lines for one thing that is wrong.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use foldhash::{HashMap, HashSet};

use super::case::Case;
use super::finding::{About, Certainty, Evidence, Explanation, Finding, Severity, Subject};
use super::lookup::{Ask, Lookup, Step};
use super::name::Name;
use crate::capture::{BootTime, WallTime};
use crate::decode::{iana, icmp_name};
use crate::join::{Event, Outcome, TransactionId};
use crate::owner::Party;

/// Subjects of one rule that are told apart: a node has 250 pods or so; what is wrong with more is wrong with all.
const SUBJECTS_MAX: usize = 512;
/// Transactions that are kept as evidence of a finding, the last one besides.
const EVIDENCE_MAX: usize = 4;
/// Of a storm, the last one need not be the very last.
const EVIDENCE_INTERVAL: Duration = Duration::from_secs(1);
/// Facts of a finding.
const FACTS_MAX: usize = 8;
/// Who is told by name of those that suffer.
const AFFECTED_MAX: usize = 8;
/// Who is counted of them.
const AFFECTED_COUNTED_MAX: usize = 4_096;
/// Transactions whose failure is explained, of those that are not settled.
const EXPLAINED_MAX: usize = 65_536;

/// All findings.
#[derive(Debug, Default)]
pub struct Findings {
    by_subject: BTreeMap<(&'static str, About), Kept>,
    /// Findings that were not made as their rule had too many.
    crowded: u64,
    explained: HashMap<TransactionId, &'static str>,
    /// Said by rules of the transaction that just ended.
    marks: Vec<&'static str>,
    /// Made since they were last asked for.
    new: Vec<(&'static str, About)>,
    /// Whether packets were lost when this was captured.
    lossy: bool,
}

#[derive(Debug)]
struct Kept {
    finding: Finding,
    /// Its count when it was last given.
    told: u64,
    /// When its last evidence began.
    evidenced: BootTime,
    /// How sure it is by what was seen, and by what was missed.
    seen: Option<Certainty>,
    missed: Option<Certainty>,
    affected: HashSet<About>,
}

/// What a rule says of a transaction.
pub struct Claim<'a> {
    /// The transaction it is seen at; it counts once.
    pub case: &'a Case,
    /// About whom.
    pub subject: Subject,
    /// How surely.
    pub certainty: Certainty,
}

/// What a rule says of a lookup, whose transactions may be settled by now: it marks and explains none of them.
pub struct LookupClaim<'a> {
    /// The lookup it is seen at; it counts once.
    pub lookup: &'a Lookup,
    /// The name whose queries show it.
    pub step: &'a Step,
    /// About whom.
    pub subject: Subject,
    /// How surely.
    pub certainty: Certainty,
}

/// At what something is seen.
#[derive(Clone, Copy)]
enum Occasion<'a> {
    Transaction(&'a Case),
    Lookup(&'a Lookup, &'a Step),
}

/// On what a claim rests: where packets were lost, what was missed may have been there.
#[derive(Clone, Copy)]
enum Basis {
    Seen,
    Missed,
}

struct Said<'a> {
    occasion: Occasion<'a>,
    subject: Subject,
    certainty: Certainty,
    basis: Basis,
}

/// Where a rule says what it found.
pub struct Found<'a> {
    rule: &'static Explanation,
    findings: &'a mut Findings,
}

impl Findings {
    /// For one rule to say what it found.
    pub fn of(&mut self, rule: &'static Explanation) -> Found<'_> {
        Found { rule, findings: self }
    }

    /// Packets were lost: what rests on something not seen is less certain, also what was found before.
    pub fn lose(&mut self) {
        self.lossy = true;
    }

    /// Every finding, the worst and surest first, then by how often.
    #[must_use]
    pub fn sorted(&self) -> Vec<Finding> {
        let mut all: Vec<_> = self.by_subject.values().map(|kept| kept.given(self.lossy)).collect();
        all.sort_by_key(rank);
        all
    }

    /// The surest of those that are more than advice.
    #[must_use]
    pub fn surest(&self) -> Option<Certainty> {
        let problems = self.by_subject.values().filter(|kept| kept.finding.severity > Severity::Advice);
        problems.map(|kept| kept.certainty(self.lossy)).max()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_subject.is_empty()
    }

    /// Findings that were not made as their rule had too many.
    #[must_use]
    pub fn crowded(&self) -> u64 {
        self.crowded
    }

    /// The rule that says why a transaction failed.
    #[must_use]
    pub fn explained(&self, id: TransactionId) -> Option<&'static str> {
        self.explained.get(&id).copied()
    }

    /// Gives each finding that is new since this was last asked.
    pub fn take_new(&mut self, mut each: impl FnMut(Finding)) {
        for key in std::mem::take(&mut self.new) {
            if let Some(kept) = self.by_subject.get_mut(&key) {
                kept.told = kept.finding.count;
                each(kept.given(self.lossy));
            }
        }
    }

    /// Gives each finding that is not as it was when it was given last, the worst first.
    pub fn take_changed(&mut self, each: impl FnMut(Finding)) {
        let changed = self.by_subject.values().filter(|kept| kept.told != kept.finding.count);
        let mut changed: Vec<_> = changed.map(|kept| kept.given(self.lossy)).collect();
        changed.sort_by_key(rank);
        changed.into_iter().for_each(each);
        self.new.clear();
    }

    /// What rules said of the transaction that just ended.
    pub(super) fn take_marks(&mut self) -> Vec<&'static str> {
        std::mem::take(&mut self.marks)
    }

    fn mark(&mut self, id: &'static str) {
        if !self.marks.contains(&id) {
            self.marks.push(id);
        }
    }

    /// A transaction is settled: nobody will ask again.
    pub(super) fn forget(&mut self, id: TransactionId) {
        self.explained.remove(&id);
    }
}

fn rank(finding: &Finding) -> impl Ord + use<> {
    std::cmp::Reverse((finding.severity, finding.certainty, finding.count))
}

impl Found<'_> {
    /// Says something that was seen.
    pub fn seen(&mut self, claim: Claim<'_>, sentence: impl FnOnce() -> String) {
        self.add(claim, sentence, Basis::Seen);
    }

    /// The same of a lookup.
    pub fn seen_in(&mut self, claim: LookupClaim<'_>, sentence: impl FnOnce() -> String) {
        self.say(claim.said(Basis::Seen), sentence);
    }

    /// Says something that rests on what was not seen: less certain where packets were lost.
    pub fn missed(&mut self, claim: Claim<'_>, sentence: impl FnOnce() -> String) {
        self.add(claim, sentence, Basis::Missed);
    }

    /// The same of a lookup.
    pub fn missed_in(&mut self, claim: LookupClaim<'_>, sentence: impl FnOnce() -> String) {
        self.say(claim.said(Basis::Missed), sentence);
    }

    /// Adds a fact to the finding about `about`, if there is one.
    pub fn fact(&mut self, about: &About, fact: String) {
        if let Some(kept) = self.findings.by_subject.get_mut(&(self.rule.id, about.clone()))
            && kept.finding.facts.len() < FACTS_MAX
            && !kept.finding.facts.contains(&fact)
        {
            kept.finding.facts.push(fact);
        }
    }

    /// Says that a further transaction failed because of what was found: a query of a client, where its cause is upstream.
    pub fn explains(&mut self, case: &Case) {
        if self.findings.explained.len() < EXPLAINED_MAX {
            self.findings.explained.entry(case.id).or_insert(self.rule.id);
        }
    }

    /// Says that a further transaction failed because of what was found about `about`: whoever sent it suffers.
    pub fn suffers(&mut self, about: &About, case: &Case) {
        if let Some(kept) = self.findings.by_subject.get_mut(&(self.rule.id, about.clone())) {
            kept.affect(Subject::client(case));
            self.findings.mark(self.rule.id);
            self.explains(case);
        }
    }

    /// The rule that explains a transaction's failure, so far.
    #[must_use]
    pub fn explained(&self, case: &Case) -> Option<&'static str> {
        self.findings.explained(case.id)
    }

    /// Whether there is a finding of this rule about `about`.
    #[must_use]
    pub fn has(&self, about: &About) -> bool {
        self.findings.by_subject.contains_key(&(self.rule.id, about.clone()))
    }

    fn add(&mut self, claim: Claim<'_>, sentence: impl FnOnce() -> String, basis: Basis) {
        if self.rule.explains_failure {
            self.explains(claim.case);
        }
        self.findings.mark(self.rule.id);
        let Claim { case, subject, certainty } = claim;
        self.say(Said { occasion: Occasion::Transaction(case), subject, certainty, basis }, sentence);
    }

    fn say(&mut self, said: Said<'_>, sentence: impl FnOnce() -> String) {
        let Said { occasion, subject, certainty, basis } = said;
        let key = (self.rule.id, subject.about.clone());
        if !self.findings.by_subject.contains_key(&key) {
            if self.subjects() >= SUBJECTS_MAX {
                self.findings.crowded += 1;
                return;
            }
            self.findings.new.push(key.clone());
        }
        let new = || Kept::new(self.rule, occasion.time(), subject);
        let kept = self.findings.by_subject.entry(key).or_insert_with(new);
        if kept.seen.max(kept.missed) < Some(certainty) {
            kept.finding.sentence = sentence();
        }
        let known = match basis {
            Basis::Seen => &mut kept.seen,
            Basis::Missed => &mut kept.missed,
        };
        *known = (*known).max(Some(certainty));
        kept.add(occasion);
    }

    fn subjects(&self) -> usize {
        let first = (self.rule.id, About::Pod("".into()));
        self.findings.by_subject.range(first..).take_while(|(key, _)| key.0 == self.rule.id).count()
    }
}

impl Kept {
    fn new(rule: &'static Explanation, time: (BootTime, WallTime), subject: Subject) -> Self {
        let finding = Finding {
            rule,
            subject,
            severity: rule.severity,
            certainty: Certainty::Suspected,
            sentence: String::new(),
            evidence: Vec::new(),
            facts: Vec::new(),
            count: 0,
            first: time,
            last: time,
            affected: Vec::new(),
            affected_count: 0,
            is_lowered: false,
        };
        Self { finding, told: 0, evidenced: time.0, seen: None, missed: None, affected: HashSet::default() }
    }

    fn certainty(&self, lossy: bool) -> Certainty {
        let most = if lossy { Certainty::Likely } else { Certainty::Certain };
        self.seen.max(self.missed.map(|missed| missed.min(most))).unwrap_or(Certainty::Suspected)
    }

    /// As it is told.
    fn given(&self, lossy: bool) -> Finding {
        let certainty = self.certainty(lossy);
        Finding { certainty, is_lowered: certainty != self.certainty(false), ..self.finding.clone() }
    }

    fn add(&mut self, occasion: Occasion<'_>) {
        let finding = &mut self.finding;
        finding.count += 1;
        let time = occasion.time();
        finding.first = finding.first.min(time);
        finding.last = finding.last.max(time);
        if finding.evidence.len() > EVIDENCE_MAX && time.0.since(self.evidenced) >= EVIDENCE_INTERVAL {
            finding.evidence.pop();
        }
        if finding.evidence.len() <= EVIDENCE_MAX {
            self.evidenced = time.0;
            finding.evidence.extend(occasion.evidence());
        }
        self.affect(occasion.client());
    }

    /// Counts who sent it among those who suffer.
    fn affect(&mut self, client: Subject) {
        let finding = &mut self.finding;
        if client.about != finding.subject.about
            && self.affected.len() < AFFECTED_COUNTED_MAX
            && self.affected.insert(client.about.clone())
        {
            finding.affected_count += 1;
            if finding.affected.len() < AFFECTED_MAX {
                finding.affected.push(client);
            }
        }
    }
}

impl<'a> LookupClaim<'a> {
    fn said(self, basis: Basis) -> Said<'a> {
        let Self { lookup, step, subject, certainty } = self;
        Said { occasion: Occasion::Lookup(lookup, step), subject, certainty, basis }
    }
}

impl Occasion<'_> {
    fn time(self) -> (BootTime, WallTime) {
        match self {
            Self::Transaction(case) => (case.time, case.wall),
            Self::Lookup(lookup, _) => (lookup.begin, lookup.wall),
        }
    }

    fn client(self) -> Subject {
        match self {
            Self::Transaction(case) => Subject::client(case),
            Self::Lookup(lookup, _) => Subject::asker(lookup),
        }
    }

    fn evidence(self) -> Option<Evidence> {
        match self {
            Self::Transaction(case) => Some(Evidence::of(case)),
            Self::Lookup(lookup, step) => step.asks.first().map(|ask| Evidence::of_ask(lookup, step, ask)),
        }
    }
}

impl Subject {
    /// Who made a lookup.
    #[must_use]
    pub fn asker(lookup: &Lookup) -> Self {
        Self::party(lookup.who.client.as_ref(), lookup.client)
    }

    /// Who asked.
    #[must_use]
    pub fn client(case: &Case) -> Self {
        Self::party(case.who.client.as_ref(), case.client.ip())
    }

    /// Who was asked, behind NAT: a pod where one is known, else an address with its port.
    #[must_use]
    pub fn responder(case: &Case) -> Self {
        match case.who.server.as_ref().and_then(Party::pod) {
            Some(_) => Self::party(case.who.server.as_ref(), case.responder().ip()),
            None => Self { party: case.who.server.clone(), ..Self::server(case.responder()) },
        }
    }

    /// Who was asked, before NAT.
    #[must_use]
    pub fn asked(case: &Case) -> Self {
        Self { service: case.who.service.clone(), ..Self::server(case.server) }
    }

    /// A server's address.
    #[must_use]
    pub fn server(address: SocketAddr) -> Self {
        Self { about: About::Server(address), party: None, service: None }
    }

    /// A name.
    #[must_use]
    pub fn name(name: &Name) -> Self {
        Self { about: About::Name(name.clone()), party: None, service: None }
    }

    /// The node.
    #[must_use]
    pub fn node() -> Self {
        Self { about: About::Node, party: None, service: None }
    }

    /// A pod where `party` is one, else an address.
    #[must_use]
    pub fn party(party: Option<&Party>, address: IpAddr) -> Self {
        let about = match party.and_then(Party::pod) {
            Some(pod) => About::Pod(pod.uid.clone()),
            None => About::Address(address),
        };
        Self { about, party: party.cloned(), service: None }
    }
}

impl Evidence {
    fn of(case: &Case) -> Self {
        let question = case.asked.as_ref().map(|asked| (asked.name.clone(), asked.qtype));
        Self { transaction: case.id, wall: case.wall, question, fate: fate(case) }
    }

    fn of_ask(lookup: &Lookup, step: &Step, ask: &Ask) -> Self {
        let fate = ask.rcode.map_or("no response".to_owned(), |rcode| iana::rcode(rcode).into_owned());
        // The difference of the two clocks is that of the lookup's begin.
        let wall = WallTime((lookup.wall.0 + ask.time.0).saturating_sub(lookup.begin.0));
        Self { transaction: ask.id, wall, question: Some((step.name.clone(), ask.qtype)), fate }
    }
}

/// What became of a transaction, in words.
fn fate(case: &Case) -> String {
    let sign = case.signs.first().map(|sign| match &sign.event {
        Event::Dropped { reason, location } if location.is_empty() => format!("dropped: {reason}"),
        Event::Dropped { reason, location } => format!("dropped: {reason} at {location}"),
        Event::Rejected { by, kind, code } => format!("{by} says {}", icmp_name::error(*by, *kind, *code)),
    });
    let end = match case.outcome {
        Outcome::Answered | Outcome::Unsolicited => {
            case.answer.as_ref().map(|answer| iana::rcode(answer.rcode).into_owned())
        }
        Outcome::NoResponse => Some("no response".to_owned()),
        Outcome::Outstanding => Some("no response yet".to_owned()),
    };
    end.into_iter().chain(sign).collect::<Vec<_>>().join(", ")
}
