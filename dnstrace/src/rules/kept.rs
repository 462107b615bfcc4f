//! One finding, as what its rule says adds up.

use std::time::Duration;

use foldhash::HashSet;

use super::finding::{About, Certainty, Explanation, Finding, Severity, Subject};
use super::findings::Basis;
use super::occasion::Occasion;
use crate::capture::{BootTime, WallTime};

/// Transactions that are kept as evidence of a finding, the last one besides.
const EVIDENCE_MAX: usize = 4;
/// Of a storm, the last one need not be the very last.
const EVIDENCE_INTERVAL: Duration = Duration::from_secs(1);
/// Who is told by name of those that suffer.
const AFFECTED_MAX: usize = 8;
/// Who is counted of them.
const AFFECTED_COUNTED_MAX: usize = 4_096;
/// Facts of a finding.
const FACTS_MAX: usize = 8;

/// One finding.
#[derive(Debug)]
pub(super) struct Kept {
    finding: Finding,
    /// How often it was seen when it was given last, and how sure it was then.
    told: u64,
    told_as: Option<Certainty>,
    /// Whether it waits to be given, as it is new, or surer than it was.
    waits: bool,
    /// When its last evidence began.
    evidenced: BootTime,
    /// How sure it is by what was seen, and by what was missed.
    seen: Option<Certainty>,
    missed: Option<Certainty>,
    affected: HashSet<About>,
}

impl Kept {
    pub(super) fn new(rule: &'static Explanation, time: (BootTime, WallTime), subject: Subject) -> Self {
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
        Self {
            finding,
            told: 0,
            told_as: None,
            waits: false,
            evidenced: time.0,
            seen: None,
            missed: None,
            affected: HashSet::default(),
        }
    }

    /// About whom it is.
    pub(super) fn about(&self) -> &About {
        &self.finding.subject.about
    }

    /// Adds what its rule says.
    pub(super) fn say(&mut self, occasion: Occasion<'_>, how: (Certainty, Basis), sentence: impl FnOnce() -> String) {
        let (certainty, basis) = how;
        if self.seen.max(self.missed) < Some(certainty) {
            self.finding.sentence = sentence();
        }
        let known = match basis {
            Basis::Seen => &mut self.seen,
            Basis::Missed => &mut self.missed,
        };
        *known = (*known).max(Some(certainty));
        self.add(occasion);
    }

    /// Whether it is to be given from now on, as it is new, or surer than when it was given.
    pub(super) fn begins_to_wait(&mut self, lossy: bool) -> bool {
        let is_more = self.told_as < Some(self.certainty(lossy));
        is_more && !std::mem::replace(&mut self.waits, true)
    }

    /// Whether it is not as it was when it was given last.
    pub(super) fn has_changed(&self) -> bool {
        self.told != self.finding.count
    }

    /// Gives it to somebody who will know it as it is now.
    pub(super) fn tell(&mut self, lossy: bool) -> Finding {
        self.told = self.finding.count;
        self.told_as = Some(self.certainty(lossy));
        self.waits = false;
        self.given(lossy)
    }

    /// As it is told.
    pub(super) fn given(&self, lossy: bool) -> Finding {
        let certainty = self.certainty(lossy);
        let mut evidence = self.finding.evidence.clone();
        evidence.sort_by_key(|evidence| evidence.wall);
        Finding { certainty, is_lowered: certainty != self.certainty(false), evidence, ..self.finding.clone() }
    }

    /// How sure it is; `None` where it is no more than advice.
    pub(super) fn problem(&self, lossy: bool) -> Option<Certainty> {
        (self.finding.severity > Severity::Advice).then(|| self.certainty(lossy))
    }

    fn certainty(&self, lossy: bool) -> Certainty {
        let most = if lossy { Certainty::Likely } else { Certainty::Certain };
        self.seen.max(self.missed.map(|missed| missed.min(most))).unwrap_or(Certainty::Suspected)
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

    /// Adds a fact.
    pub(super) fn add_fact(&mut self, fact: String) {
        let facts = &mut self.finding.facts;
        if facts.len() < FACTS_MAX && !facts.contains(&fact) {
            facts.push(fact);
        }
    }

    /// Counts a client among those who suffer.
    pub(super) fn affect(&mut self, client: Subject) {
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
