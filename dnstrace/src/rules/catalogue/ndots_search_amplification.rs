//! `ndots-search-amplification`: most queries of a client are for names that only its search list makes.

use std::net::IpAddr;
use std::time::Duration;

use super::Rule;
use crate::capture::BootTime;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Found, LookupClaim};
use crate::rules::key::Key;
use crate::rules::lookup::{Lookup, LookupOutcome};
use crate::rules::recent::Recent;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "ndots-search-amplification",
    title: "most queries of a client are for names that only its search list makes",
    severity: Severity::Advice,
    meaning: "With `ndots:5`, as Kubernetes sets it, a name with fewer than five dots is tried with each search domain \
              before it is tried as it is. For names outside of the cluster all of these end in NXDOMAIN: a lookup \
              becomes eight queries, takes longer, and loads cluster DNS.",
    signature: "A client's names outside of the cluster are found only after two or more names of the search list were \
                denied, ten times in a minute, and at least half of its queries go that way. This is certain.",
    remedy: "End such names with a dot (`api.example.com.`), or set in the pod's spec \
             `dnsConfig: {options: [{name: ndots, value: \"2\"}]}`; NodeLocal DNSCache or CoreDNS's `autopath` make it \
             cheaper for all.",
    link: "https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-dns-config",
    surer: "nothing: it is what was seen",
    explains_failure: false,
};

/// What is counted together: long enough for who asks now and then, short enough to be about now.
const MINUTE: Duration = Duration::from_mins(1);
/// A pod that asks less often costs nobody anything.
const WALKS_MIN: u64 = 10;
/// A name outside of the cluster goes through this many search domains at least: short names of Services need one.
const MISSES_MIN: usize = 2;
/// Clients that are counted: a node has 250 pods or so.
const CLIENTS_MAX: usize = 1_024;

/// See [`EXPLANATION`].
pub(super) struct NdotsSearchAmplification {
    clients: Recent<Key<IpAddr>, Spent>,
}

impl Default for NdotsSearchAmplification {
    fn default() -> Self {
        Self { clients: Recent::new(CLIENTS_MAX) }
    }
}

/// A client's minute.
#[derive(Clone, Copy, Default)]
struct Spent {
    since: BootTime,
    walks: u64,
    wasted: u64,
    queries: u64,
}

impl Rule for NdotsSearchAmplification {
    fn lookup(&mut self, lookup: &Lookup, world: &World<'_>, found: &mut Found<'_>) {
        let is_walk = is_walk(lookup);
        let spent = self.spend(lookup, is_walk);
        if !is_walk || spent.walks < WALKS_MIN || spent.wasted * 2 < spent.queries {
            return;
        }
        let subject = Subject::asker(lookup);
        let about = subject.about.clone();
        let step = &lookup.steps[0];
        found.seen_in(LookupClaim { lookup, step, subject, certainty: Certainty::Certain }, || {
            let base = lookup.base();
            let (wasted, queries) = (lookup.wasted(), lookup.queries());
            format!("has its search list tried first for names outside of the cluster: {wasted} of {queries} queries for {base} were in vain")
        });
        if let Some(file) = world.resolv_conf_of(lookup.who()) {
            let (domains, ndots) = (file.search.len(), file.ndots());
            found.fact(&about, format!("its /etc/resolv.conf has {domains} search domains and ndots:{ndots}"));
        }
    }

    fn lookup_found(&mut self, lookup: &Lookup, world: &World<'_>, found: &mut Found<'_>) {
        self.lookup(lookup, world, found);
    }

    fn evicted(&self) -> u64 {
        self.clients.evicted()
    }
}

impl NdotsSearchAmplification {
    fn spend(&mut self, lookup: &Lookup, is_walk: bool) -> Spent {
        let now = lookup.begin;
        let spent = self.clients.entry(&Key(lookup.client));
        if now.since(spent.since) >= MINUTE {
            *spent = Spent { since: now, ..Spent::default() };
        }
        spent.walks += u64::from(is_walk);
        spent.wasted += if is_walk { lookup.wasted() } else { 0 };
        spent.queries += lookup.queries();
        *spent
    }
}

/// The name as it is was found, after its search list was not; one label may be a host of the site.
fn is_walk(lookup: &Lookup) -> bool {
    if lookup.steps.len() <= MISSES_MIN {
        return false;
    }
    let misses = lookup.steps.iter().filter(|step| step.has_suffix() && step.is_negative()).count();
    let is_found_whole = lookup.steps.iter().any(|step| !step.has_suffix() && step.is_found());
    lookup.base().count() >= 2 && is_found_whole && misses >= MISSES_MIN && lookup.outcome == LookupOutcome::Found
}
