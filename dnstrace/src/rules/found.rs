//! Where a rule says what it found.

use super::case::Case;
use super::finding::{About, Certainty, Explanation, Subject};
use super::findings::{Basis, Findings, Said};
use super::lookup::{Lookup, Step};
use super::occasion::Occasion;

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

/// Where a rule says what it found.
pub struct Found<'a> {
    rule: &'static Explanation,
    findings: &'a mut Findings,
    ask_no_more: bool,
}

impl<'a> Found<'a> {
    /// For one rule.
    pub(super) fn new(rule: &'static Explanation, findings: &'a mut Findings) -> Self {
        Self { rule, findings, ask_no_more: false }
    }
}

impl Found<'_> {
    /// Says that the rule never looks at this.
    pub(super) fn ask_no_more(&mut self) {
        self.ask_no_more = true;
    }

    /// Whether it said so.
    pub(super) fn is_asked_again(&self) -> bool {
        !self.ask_no_more
    }

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
        self.findings.add_fact(self.rule, about, fact);
    }

    /// Says that a further transaction failed because of what was found: a query of a client, where its cause is upstream.
    pub fn explains(&mut self, case: &Case) {
        self.findings.explain(self.rule, case);
    }

    /// Says that a further transaction failed because of what was found about `about`: whoever sent it suffers.
    pub fn suffers(&mut self, about: &About, case: &Case) {
        if self.findings.affect(self.rule, about, Subject::client(case)) {
            self.findings.mark(self.rule);
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
        self.findings.has(self.rule, about)
    }

    fn add(&mut self, claim: Claim<'_>, sentence: impl FnOnce() -> String, basis: Basis) {
        if self.rule.explains_failure {
            self.explains(claim.case);
        }
        self.findings.mark(self.rule);
        let Claim { case, subject, certainty } = claim;
        self.say(Said { occasion: Occasion::Transaction(case), subject, certainty, basis }, sentence);
    }

    fn say(&mut self, said: Said<'_>, sentence: impl FnOnce() -> String) {
        self.findings.say(self.rule, said, sentence);
    }
}

impl<'a> LookupClaim<'a> {
    fn said(self, basis: Basis) -> Said<'a> {
        let Self { lookup, step, subject, certainty } = self;
        Said { occasion: Occasion::Lookup(lookup, step), subject, certainty, basis }
    }
}
