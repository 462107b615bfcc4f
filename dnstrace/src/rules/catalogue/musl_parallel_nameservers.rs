//! `musl-parallel-nameservers`: a query goes to all nameservers at once, and they say different things.

use std::time::Duration;

use super::Rule;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Found, LookupClaim};
use crate::rules::lookup::{Lookup, Step};
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "musl-parallel-nameservers",
    title: "a client asks all its nameservers at once, and they contradict each other",
    severity: Severity::Error,
    meaning: "musl sends a query to every nameserver of resolv.conf at the same time, and takes the first usable answer. \
              Where cluster DNS and another server are named, the other one's `no such name` may come first: names of \
              Services are found one time and not the next.",
    signature: "The same message ID from the same port to two servers within a millisecond; one answers with records, the \
                other with NXDOMAIN. This is certain.",
    remedy: "Leave one nameserver in the pod's resolv.conf, cluster DNS: remove others from `dnsConfig.nameservers`, and let \
             CoreDNS forward what is outside.",
    link: "https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-dns-config",
    surer: "nothing: it is what was seen",
    explains_failure: false,
};

/// musl sends them in one loop.
const AT_ONCE: Duration = Duration::from_millis(1);
const NXDOMAIN: u16 = 3;

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct MuslParallelNameservers;

impl Rule for MuslParallelNameservers {
    fn lookup(&mut self, lookup: &Lookup, _world: &World<'_>, found: &mut Found<'_>) {
        let contradiction = |step| contradiction(step).map(|asks| (step, asks));
        let Some((step, (yes, no))) = lookup.steps.iter().find_map(contradiction) else { return };
        let claim = LookupClaim { lookup, step, subject: Subject::asker(lookup), certainty: Certainty::Certain };
        found.seen_in(claim, || {
            let name = step.name();
            format!(
                "asks {} and {} at once: for {name} the first has records, the second NXDOMAIN",
                yes.server, no.server
            )
        });
    }

    fn lookup_found(&mut self, lookup: &Lookup, world: &World<'_>, found: &mut Found<'_>) {
        self.lookup(lookup, world, found);
    }
}

/// The same query with records from one server, and NXDOMAIN from another.
fn contradiction(step: &Step) -> Option<(&Case, &Case)> {
    if !step.is_denied() || !step.is_found() {
        return None;
    }
    let cases = || step.cases().iter().map(|case| &**case);
    let denied = cases().filter(|case| case.rcode() == Some(NXDOMAIN));
    denied.flat_map(|no| cases().map(move |yes| (yes, no))).find(|(yes, no)| yes.is_found() && is_copy(yes, no))
}

fn is_copy(one: &Case, other: &Case) -> bool {
    let key = |case: &Case| (case.query.map(|query| query.id), case.client.port(), case.qtype());
    let apart = one.time.since(other.time).max(other.time.since(one.time));
    one.query.is_some() && key(one) == key(other) && one.server != other.server && apart <= AT_ONCE
}
