//! Findings, one for each rule and subject: never a thousand lines for one thing that is wrong.

use std::collections::BTreeMap;

use foldhash::HashMap;

use super::case::Case;
use super::finding::{About, Certainty, Explanation, Finding, Subject};
use super::found::Found;
use super::kept::Kept;
use super::occasion::Occasion;
use crate::join::TransactionId;

/// Subjects of one rule that are told apart: a node has 250 pods or so; what is wrong with more is wrong with all.
const SUBJECTS_MAX: usize = 512;
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
    /// Made, or surer, since they were last asked for.
    new: Vec<(&'static str, About)>,
    /// Whether packets were lost when this was captured.
    lossy: bool,
}

/// On what a claim rests: where packets were lost, what was missed may have been there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Basis {
    /// Something that was seen.
    Seen,
    /// Something that was not.
    Missed,
}

/// What a rule says.
pub(super) struct Said<'a> {
    /// At what it is seen,
    pub(super) occasion: Occasion<'a>,
    /// about whom,
    pub(super) subject: Subject,
    /// how surely,
    pub(super) certainty: Certainty,
    /// and on what that rests.
    pub(super) basis: Basis,
}

impl Findings {
    /// For one rule to say what it found.
    pub fn of(&mut self, rule: &'static Explanation) -> Found<'_> {
        Found::new(rule, self)
    }

    /// Adds what a rule says to the finding about its subject.
    pub(super) fn say(&mut self, rule: &'static Explanation, said: Said<'_>, sentence: impl FnOnce() -> String) {
        let Said { occasion, subject, certainty, basis } = said;
        let key = (rule.id, subject.about.clone());
        if !self.by_subject.contains_key(&key) && self.subjects(rule) >= SUBJECTS_MAX {
            self.crowded += 1;
            return;
        }
        let new = || Kept::new(rule, occasion.time(), subject);
        let kept = self.by_subject.entry(key).or_insert_with(new);
        kept.say(occasion, (certainty, basis), sentence);
        if kept.begins_to_wait(self.lossy) {
            self.new.push((rule.id, kept.about().clone()));
        }
    }

    /// Adds a fact to a finding, if there is one.
    pub(super) fn add_fact(&mut self, rule: &'static Explanation, about: &About, fact: String) {
        if let Some(kept) = self.by_subject.get_mut(&(rule.id, about.clone())) {
            kept.add_fact(fact);
        }
    }

    /// Counts a client among those who suffer from a finding, if there is one.
    pub(super) fn affect(&mut self, rule: &'static Explanation, about: &About, client: Subject) -> bool {
        let kept = self.by_subject.get_mut(&(rule.id, about.clone()));
        kept.map(|kept| kept.affect(client)).is_some()
    }

    /// A rule says why a transaction failed; the first one counts. One that went well needs no explanation.
    pub(super) fn explain(&mut self, rule: &'static Explanation, case: &Case) {
        if !case.went_well() && self.explained.len() < EXPLAINED_MAX {
            self.explained.entry(case.id).or_insert(rule.id);
        }
    }

    /// Whether there is a finding.
    pub(super) fn has(&self, rule: &'static Explanation, about: &About) -> bool {
        self.by_subject.contains_key(&(rule.id, about.clone()))
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
        self.by_subject.values().filter_map(|kept| kept.problem(self.lossy)).max()
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

    /// Gives each finding that is new, or surer, since this was last asked.
    pub fn take_new(&mut self, mut each: impl FnMut(Finding)) {
        for key in std::mem::take(&mut self.new) {
            if let Some(kept) = self.by_subject.get_mut(&key) {
                each(kept.tell(self.lossy));
            }
        }
    }

    /// Gives each finding that is not as it was when it was given last, the worst first.
    pub fn take_changed(&mut self, each: impl FnMut(Finding)) {
        let changed = self.by_subject.values_mut().filter(|kept| kept.has_changed());
        let mut changed: Vec<_> = changed.map(|kept| kept.tell(self.lossy)).collect();
        changed.sort_by_key(rank);
        changed.into_iter().for_each(each);
        self.new.clear();
    }

    /// What rules said of the transaction that just ended.
    pub(super) fn take_marks(&mut self) -> Vec<&'static str> {
        std::mem::take(&mut self.marks)
    }

    /// A rule says something of the transaction that just ended.
    pub(super) fn mark(&mut self, rule: &'static Explanation) {
        if !self.marks.contains(&rule.id) {
            self.marks.push(rule.id);
        }
    }

    fn subjects(&self, rule: &'static Explanation) -> usize {
        let first = (rule.id, About::Pod("".into()));
        self.by_subject.range(first..).take_while(|(key, _)| key.0 == rule.id).count()
    }

    /// A transaction is settled: nobody will ask again.
    pub(super) fn forget(&mut self, id: TransactionId) {
        if !self.explained.is_empty() {
            self.explained.remove(&id);
        }
    }
}

fn rank(finding: &Finding) -> impl Ord + use<> {
    std::cmp::Reverse((finding.severity, finding.certainty, finding.count))
}
