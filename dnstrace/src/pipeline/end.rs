//! The last stages: a transaction with names goes into sums, a report, rules, a recording, and to who writes it.

use crate::capture::BootTime;
use crate::join::{Connection, Outcome, Transaction};
use crate::owner::{Owner, Who};
use crate::rules::lookup::Lookup;
use crate::rules::report::Report;
use crate::rules::{Given, Rules, Settled, Told, Totals, Verdict};
use crate::sink::pcapng::Recorder;
use crate::sink::{Filter, Named, Outlet, Show};

/// The stages that take transactions with names.
pub(super) struct End {
    pub(super) totals: Totals,
    pub(super) outlet: Outlet,
    pub(super) recorder: Option<Recorder>,
    /// Where what they find is wanted.
    pub(super) rules: Option<Rules>,
    pub(super) report: Option<Box<Report>>,
}

impl End {
    pub(super) fn add(&mut self, owner: &mut Owner, transaction: Transaction, who: Who, time: BootTime) {
        self.totals.add(&transaction);
        // Before rules see it: what they say of it at once is counted with it.
        self.report(owner, &transaction, &who, time);
        let verdict = self.judge(owner, &transaction, &who);
        let Self { outlet, recorder, .. } = self;
        if let Some(recorder) = recorder {
            recorder.transaction(&transaction, &who, owner);
        }
        if outlet.show() == Show::Transactions {
            outlet.transaction(transaction, Named { who, verdict }, |transaction| {
                let signs = transaction.signs.iter().map(|sign| sign.point);
                owner.interfaces(transaction.path.iter().map(|hop| hop.point).chain(signs), time)
            });
        }
    }

    fn report(&mut self, owner: &mut Owner, transaction: &Transaction, who: &Who, time: BootTime) {
        if let Some(report) = &mut self.report
            && self.outlet.filter().shows(transaction, who)
        {
            // An interface may be gone by the end.
            owner.interfaces(transaction.path.last().map(|hop| hop.point).into_iter(), time);
            report.add(transaction, who);
        }
    }

    /// What rules say of a transaction at once. What they find is told before it.
    fn judge(&mut self, owner: &mut Owner, transaction: &Transaction, who: &Who) -> Verdict {
        let Self { outlet, rules: Some(rules), report, .. } = self else { return Verdict::default() };
        // What cannot be named by its interface now may not be later; of what went well nobody says where it was.
        if transaction.outcome != Outcome::Answered || !transaction.signs.is_empty() {
            let points = transaction.path.last().map(|hop| hop.point).into_iter();
            owner.interfaces(points, transaction.time);
        }
        let verdict = rules.add(transaction, Given { who, owner }, &mut Ears { report, filter: outlet.filter() });
        rules.findings_mut().take_new(|finding| outlet.finding(finding));
        verdict
    }

    pub(super) fn connect(&mut self, owner: &Owner, connection: &Connection) {
        if let Some(rules) = &mut self.rules {
            let who = owner.who_connects(connection);
            rules.add_connection(connection, Given { who: &who, owner });
        }
    }

    pub(super) fn expire(&mut self, owner: &Owner, now: BootTime) {
        let Self { outlet, rules: Some(rules), report, .. } = self else { return };
        rules.expire(owner, now, &mut Ears { report, filter: outlet.filter() });
        rules.findings_mut().take_new(|finding| outlet.finding(finding));
    }

    pub(super) fn finish(&mut self, owner: &Owner, now: BootTime) {
        let Self { outlet, rules: Some(rules), report, .. } = self else { return };
        rules.finish(owner, now, &mut Ears { report, filter: outlet.filter() });
        rules.findings_mut().take_changed(|finding| outlet.finding(finding));
    }
}

/// Who hears what becomes of transactions after they were given out.
struct Ears<'a> {
    filter: &'a Filter,
    report: &'a mut Option<Box<Report>>,
}

impl Told for Ears<'_> {
    fn lookup(&mut self, lookup: &Lookup) {
        if let Some(report) = self.report
            && self.filter.shows_lookup(lookup)
        {
            report.add_lookup(lookup);
        }
    }

    fn settled(&mut self, settled: &Settled<'_>) {
        if let Some(report) = self.report {
            report.settle(settled);
        }
    }
}
