//! The stage: transactions with names in, findings out.
//!
//! A rule looks at a transaction when it has ended, again when it is settled (what it caused has ended, too), and at the
//! lookups that transactions are folded to. What one rule explains, the last ones in the table need not tell.

use std::sync::Arc;
use std::time::Duration;

use super::case::{Case, connection_id};
use super::catalogue::{RULES, Rule};
use super::findings::Findings;
use super::found::Found;
use super::learned::Learned;
use super::lookup::{Lookup, LookupOutcome};
use super::lookups::Lookups;
use super::loops::Loops;
use super::name::{Domain, Name};
use super::path::{Leg, told_leg};
use super::search::SearchLists;
use super::spent::Spent;
use super::table::{Ask, Table};
use super::told::{RuleOptions, Settled, Told, Verdict};
use super::upstream::asks_for_itself;
use super::window::Window;
use super::world::World;
use crate::capture::BootTime;
use crate::join::{Connection, Outcome, Transaction, TransactionId};
use crate::owner::{Owner, Who};

/// Time is known by the transactions themselves, so that a replay finds the same at the same places. When none come for
/// so long, it goes on without them.
const LULL: Duration = Duration::from_secs(8);
/// Rules that look at rates do so this often.
const TICK: Duration = Duration::from_secs(1);

/// The stage.
pub struct Rules {
    options: RuleOptions,
    table: Table,
    window: Window,
    learned: Learned,
    lookups: Lookups,
    search_lists: SearchLists,
    loops: Loops,
    findings: Findings,
    /// The cluster domain, as sources said it when their facts changed last.
    domain: Option<Domain>,
    version: Option<u64>,
    /// The latest end of a transaction.
    now: BootTime,
    ticked: Option<BootTime>,
}

/// A transaction that just ended, as rules get it.
pub struct Ended<'a> {
    /// What is kept of it.
    pub case: &'a Case,
    /// All of it.
    pub transaction: &'a Transaction,
}

impl Rules {
    /// Every rule, nothing seen.
    #[must_use]
    pub fn new() -> Self {
        Self::with(RuleOptions::default())
    }

    /// The same, where people say what is a problem.
    #[must_use]
    pub fn with(options: RuleOptions) -> Self {
        let table = Table::new(RULES);
        let (window, learned, lookups, search_lists, loops, findings) = Default::default();
        let (domain, version, now, ticked) = Default::default();
        Self { options, table, window, learned, lookups, search_lists, loops, findings, domain, version, now, ticked }
    }

    /// What was found so far.
    #[must_use]
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// The same, to say that packets were lost, or to take what is new.
    pub fn findings_mut(&mut self) -> &mut Findings {
        &mut self.findings
    }

    /// What did not fit: transactions and lookups that were settled early, findings that were not made, what rules
    /// themselves had no room for.
    #[must_use]
    pub fn crowded(&self) -> [(&'static str, u64); 4] {
        [
            ("transactions_settled_early", self.window.early()),
            ("lookups_closed_early", self.lookups.early()),
            ("findings_left_out", self.findings.crowded()),
            ("forgotten_by_rules", self.table.evicted()),
        ]
    }

    /// Takes a transaction that was given out; gives what is known of it at once. Lookups that are over, and transactions
    /// that are settled, go to `told`.
    pub fn add(&mut self, transaction: &Transaction, given: Given<'_>, told: &mut dyn Told) -> Verdict {
        let Given { who, owner } = given;
        self.learn_domain(owner);
        let case = Arc::new(Case::of(transaction, who.clone(), self.options.slow));
        self.now = self.now.max(case.end);
        let now = self.now;
        self.learned.add(&case, transaction);
        self.window.add(Arc::clone(&case));
        let moment = Moment { owner, now };
        let ended = Ended { case: &case, transaction };
        if case.went_well() {
            self.ask(Ask::EndedWell, moment, |rule, world, found| rule.ended_well(&ended, world, found));
        } else {
            self.ask(Ask::Ended, moment, |rule, world, found| rule.ended(&ended, world, found));
        }
        self.follow(&ended, moment);
        let findings = self.findings.take_marks();
        let leg = self.leg_by_now(transaction, &case, moment);
        let lookup = self.fold(&case, moment, told);
        self.advance(owner, now, told);
        Verdict { findings, leg, lookup }
    }

    /// Where it is lost, by what has ended so far; what its server asked on ends later.
    fn leg_by_now(&self, transaction: &Transaction, case: &Case, moment: Moment<'_>) -> Option<Leg> {
        let leg = case.is_lost().then(|| told_leg(case, &self.world(moment)))??;
        Some(if leg < Leg::Upstream && transaction.caused > case.caused() { Leg::Upstream } else { leg })
    }

    /// Reads the cluster domain again when facts have changed.
    fn learn_domain(&mut self, owner: &Owner) {
        if self.version.replace(owner.version()) != Some(owner.version()) {
            let said = owner.cluster_dns().domains().into_iter().max_by_key(|known| known.sources.len());
            self.domain = said.map(|known| Domain::new(Name::from_text(&known.what)));
        }
    }

    /// Takes a TCP connection.
    pub fn add_connection(&mut self, connection: &Connection, given: Given<'_>) {
        let Given { who, owner } = given;
        let moment = Moment { owner, now: self.now };
        self.ask(Ask::Connection, moment, |rule, world, found| rule.connection(connection, who, world, found));
        // A connection is no transaction: nobody marks it, nobody asks again what explains it.
        self.findings.take_marks();
        self.findings.forget(connection_id(connection));
    }

    /// Settles what is over by `now`, where no transactions come by which that is known.
    pub fn expire(&mut self, owner: &Owner, now: BootTime, told: &mut dyn Told) {
        let known = BootTime(now.0.saturating_sub(u64::try_from(LULL.as_nanos()).unwrap_or(u64::MAX)));
        if known > self.now {
            self.now = known;
            self.advance(owner, known, told);
        }
    }

    fn advance(&mut self, owner: &Owner, now: BootTime, told: &mut dyn Told) {
        let moment = Moment { owner, now };
        while let Some(lookup) = self.lookups.expire(now) {
            self.give_lookup(&lookup, moment, told);
        }
        while let Some(gone) = self.window.settle(now) {
            if gone.is_to_be_settled {
                self.settle_one(&gone.case, moment, told);
            }
        }
        if self.ticked.is_none_or(|ticked| now.since(ticked) >= TICK) {
            self.ticked = Some(now);
            self.ask(Ask::Tick, moment, |rule, world, found| rule.tick(world, found));
        }
    }

    /// Settles everything: nothing more is to come.
    pub fn finish(&mut self, owner: &Owner, now: BootTime, told: &mut dyn Told) {
        let moment = Moment { owner, now };
        while let Some(lookup) = self.lookups.finish() {
            self.give_lookup(&lookup, moment, told);
        }
        while let Some(gone) = self.window.finish() {
            if gone.is_to_be_settled {
                self.settle_one(&gone.case, moment, told);
            }
        }
        self.ask(Ask::Tick, moment, |rule, world, found| rule.tick(world, found));
        self.ask(Ask::Finish, moment, |rule, world, found| rule.finish(world, found));
    }

    /// Looks whether a transaction goes in a circle.
    fn follow(&mut self, ended: &Ended<'_>, moment: Moment<'_>) {
        let case = ended.case;
        let edge = Loops::edge(ended, &self.world(moment));
        let cycle = edge.and_then(|edge| self.loops.add(case, edge));
        if let Some(cycle) = cycle {
            self.ask(Ask::Cycle, moment, |rule, world, found| rule.cycle(&cycle, case, world, found));
        }
    }

    /// What a stub resolver asks is part of a lookup; what a forwarder asks on, or for itself, is not. Gives the first
    /// transaction of the lookup.
    fn fold(&mut self, case: &Arc<Case>, moment: Moment<'_>, told: &mut dyn Told) -> Option<TransactionId> {
        if case.is_upstream() || asks_for_itself(case) || case.outcome == Outcome::Unsolicited {
            return None;
        }
        let Self { options, window, learned, lookups, search_lists, loops, domain, .. } = self;
        let Moment { owner, now } = moment;
        let world = World { window, learned, loops, domain: domain.as_ref(), owner, now, slow: options.slow };
        let domains = search_lists.of(case, &world);
        let (first, closed) = lookups.add(case, domains)?;
        if let Some(lookup) = closed {
            self.give_lookup(&lookup, moment, told);
        }
        Some(first)
    }

    fn give_lookup(&mut self, lookup: &Lookup, moment: Moment<'_>, told: &mut dyn Told) {
        if lookup.outcome == LookupOutcome::Found {
            self.ask(Ask::LookupFound, moment, |rule, world, found| rule.lookup_found(lookup, world, found));
        } else {
            self.ask(Ask::Lookup, moment, |rule, world, found| rule.lookup(lookup, world, found));
        }
        // It is of no transaction.
        self.findings.take_marks();
        told.lookup(lookup);
    }

    fn settle_one(&mut self, case: &Case, moment: Moment<'_>, told: &mut dyn Told) {
        self.ask(Ask::Settled, moment, |rule, world, found| rule.settled(case, world, found));
        // It was shown long ago: nobody marks it.
        self.findings.take_marks();
        let world = self.world(moment);
        let leg = if case.is_lost() { told_leg(case, &world) } else { None };
        let spent = Spent::of_slow(case, &world);
        let is_good = case.is_found() || case.is_negative();
        let is_looping = !is_good && world.is_looping(case);
        told.settled(&Settled { case, is_looping, leg, spent });
        self.findings.forget(case.id);
    }

    fn world<'w>(&'w self, moment: Moment<'w>) -> World<'w> {
        let Self { options, window, learned, loops, domain, .. } = self;
        let Moment { owner, now } = moment;
        World { window, learned, loops, domain: domain.as_ref(), owner, now, slow: options.slow }
    }

    fn ask(&mut self, what: Ask, moment: Moment<'_>, ask: impl FnMut(&mut dyn Rule, &World<'_>, &mut Found<'_>)) {
        let Self { options, table, window, learned, loops, domain, findings, .. } = self;
        let Moment { owner, now } = moment;
        let world = World { window, learned, loops, domain: domain.as_ref(), owner, now, slow: options.slow };
        table.ask(what, &world, findings, ask);
    }
}

/// With what a transaction or connection is given.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// Who it is between.
    pub who: &'a Who,
    /// What else is known.
    pub owner: &'a Owner,
}

#[derive(Clone, Copy)]
struct Moment<'a> {
    owner: &'a Owner,
    now: BootTime,
}

impl Default for Rules {
    fn default() -> Self {
        Self::new()
    }
}
