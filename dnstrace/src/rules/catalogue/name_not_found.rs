//! `name-not-found`: a pod asks again and again for a name of the cluster that is not there.

use std::hash::BuildHasher;
use std::time::Duration;

use foldhash::fast::RandomState;

use super::Rule;
use super::wrong_namespace::{Wanted, is_denied};
use crate::capture::BootTime;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Found, LookupClaim};
use crate::rules::lookup::{Lookup, LookupOutcome, Step};
use crate::rules::recent::Recent;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "name-not-found",
    title: "a pod keeps asking for a name of the cluster that does not exist",
    severity: Severity::Warning,
    meaning: "Cluster DNS says that there is no such name, and the application asks again and again: a Service that was \
              not created, was removed, has no ready endpoints (headless), or whose name is written wrongly.",
    signature: "Every name that the stub resolver tried ended in NXDOMAIN, six times within minutes, half a minute apart \
                at least, and was never found in between; a name with its parts in the wrong order at once. The NXDOMAIN \
                is certain; that the application needs the name is an assumption: some only try.",
    remedy: "`kubectl get service,endpointslices -n NAMESPACE` shows what is there; a whole name is \
             SERVICE.NAMESPACE.svc.cluster.local.",
    link: "https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/#does-the-service-exist",
    surer: "the list of Services (--kube)",
    explains_failure: false,
};

/// Who only tries for a name does not come back so often.
const LOOKUPS_MIN: u32 = 6;
/// All at once may be a program that begins.
const SPAN_MIN: Duration = Duration::from_secs(30);
/// A name that is asked for more seldom is none that an application waits for.
const PAUSE_MAX: Duration = Duration::from_mins(2);
/// Names that are missed, with who misses them: a node has some hundred pods, and one that probes shall not hide them.
const MISSED_MAX: usize = 2_048;

/// See [`EXPLANATION`].
pub(super) struct NameNotFound {
    /// By hashes of who misses what: there can be a hundred thousand a second.
    missed: Recent<u64, Missed>,
    hash: RandomState,
}

impl Default for NameNotFound {
    fn default() -> Self {
        Self { missed: Recent::new(MISSED_MAX), hash: RandomState::default() }
    }
}

#[derive(Clone, Copy, Default)]
struct Missed {
    lookups: u32,
    first: BootTime,
    last: BootTime,
}

impl Rule for NameNotFound {
    fn lookup(&mut self, lookup: &Lookup, world: &World<'_>, found: &mut Found<'_>) {
        let key = self.key(lookup);
        if lookup.outcome != LookupOutcome::NotFound {
            return self.forget(key);
        }
        let missing = match wrong_order(lookup, world) {
            Some(step) => Missing::Order(step),
            None => match Wanted::of(lookup, world) {
                Some(wanted) if self.is_kept_up(key, lookup.begin) && is_plain(&wanted, world) => Missing::Name(wanted),
                _ => return,
            },
        };
        let subject = Subject::asker(lookup);
        let claim = LookupClaim { lookup, step: missing.step(), subject, certainty: Certainty::Likely };
        found.seen_in(claim, || missing.sentence(lookup));
    }

    fn lookup_found(&mut self, lookup: &Lookup, _world: &World<'_>, _found: &mut Found<'_>) {
        if !self.missed.is_empty() {
            self.forget(self.key(lookup));
        }
    }

    fn evicted(&self) -> u64 {
        self.missed.evicted()
    }
}

impl NameNotFound {
    fn key(&self, lookup: &Lookup) -> u64 {
        self.hash.hash_one((lookup.client, lookup.first().name_hash))
    }

    fn forget(&mut self, key: u64) {
        if let Some(missed) = self.missed.get_mut(&key) {
            *missed = Missed::default();
        }
    }

    /// Counts a lookup; whether there were enough by now.
    fn is_kept_up(&mut self, key: u64, time: BootTime) -> bool {
        let missed = self.missed.entry(&key);
        if missed.lookups == 0 || time.since(missed.last) > PAUSE_MAX {
            *missed = Missed { lookups: 0, first: time, last: time };
        }
        (missed.lookups, missed.last) = (missed.lookups.saturating_add(1), time);
        missed.lookups >= LOOKUPS_MIN && time.since(missed.first) >= SPAN_MIN
    }
}

/// What is missing, and why.
enum Missing<'a> {
    /// `web.svc.shop`.
    Order(&'a Step),
    /// The Service.
    Name(Wanted<'a>),
}

impl Missing<'_> {
    fn step(&self) -> &Step {
        match self {
            Self::Order(step) => step,
            Self::Name(wanted) => wanted.step,
        }
    }

    fn sentence(&self, lookup: &Lookup) -> String {
        match self {
            Self::Order(_) => format!("asks for {}: a Service's namespace stands before svc", lookup.base()),
            Self::Name(wanted) => {
                let (service, namespace) = wanted.names();
                format!("keeps asking for the Service {service} in {namespace}, which does not exist")
            }
        }
    }
}

/// Two labels may be a name outside of the cluster; one that is elsewhere is `wrong-namespace`.
fn is_plain(wanted: &Wanted<'_>, world: &World<'_>) -> bool {
    !wanted.is_ambiguous(world) && wanted.elsewhere(world).is_empty()
}

/// `web.svc.shop`, tried with the search list.
fn wrong_order<'a>(lookup: &'a Lookup, world: &World<'_>) -> Option<&'a Step> {
    let base = lookup.base();
    let mut labels = base.labels().skip(1);
    let is_swapped = labels.next() == Some(b"svc") && labels.next().is_some_and(|label| label != b"svc");
    let is_swapped = is_swapped && labels.next().is_none();
    let first = &lookup.steps[0];
    let is_walk = lookup.steps.len() > 1 && first.has_suffix() && is_denied(first, world);
    (is_swapped && is_walk).then_some(first)
}
