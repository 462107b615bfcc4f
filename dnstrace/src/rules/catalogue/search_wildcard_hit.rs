//! `search-wildcard-hit`: a wildcard in a search domain answers for names outside.

use std::net::IpAddr;

use super::Rule;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Found, LookupClaim};
use crate::rules::lookup::{Lookup, Step};
use crate::rules::name::Name;
use crate::rules::recent::Recent;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "search-wildcard-hit",
    title: "a wildcard in a search domain answers for names outside of it",
    severity: Severity::Error,
    meaning: "A name with few dots is tried with the search list first, and one of its domains has a wildcard record: \
              `api.example.com.corp.test` gets an answer, and the true `api.example.com` is never asked for. Applications \
              connect to a wrong host, and see certificates of it.",
    signature: "Names of three different domains, as they are in the Internet, are found below one search domain, with the \
                same address. Three are certain; fewer are not told, as they may be names of the site.",
    remedy: "Remove the wildcard record or the search domain (`dnsConfig.searches`, the node's resolv.conf); until then end \
             such names with a dot, or set `ndots: 1`.",
    link: "https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-dns-config",
    surer: "a name that nobody made: `dig x1y2z3.example.com.SEARCHDOMAIN`",
    explains_failure: false,
};

/// Domains that share one answer: two may be a coincidence.
const DOMAINS_MIN: usize = 3;
/// Answers below search domains: sites have a few of the former, and some hundred of the latter.
const ANSWERS_MAX: usize = 1_024;
/// Names that end so are of the Internet, and hardly of a site.
const TOP_LEVEL: [&[u8]; 8] = [b"com", b"net", b"org", b"edu", b"gov", b"info", b"io", b"dev"];

/// See [`EXPLANATION`].
pub(super) struct SearchWildcardHit {
    /// Domains that were found below a search domain with an address.
    answers: Recent<(Name, IpAddr), Vec<Name>>,
}

impl Default for SearchWildcardHit {
    fn default() -> Self {
        Self { answers: Recent::new(ANSWERS_MAX) }
    }
}

impl Rule for SearchWildcardHit {
    fn lookup(&mut self, lookup: &Lookup, world: &World<'_>, found: &mut Found<'_>) {
        let Some((step, suffix)) = hit(lookup, world) else { return };
        // A wildcard has an address of either family, and either response may come first: each is counted.
        let mut shared = Vec::new();
        let base = lookup.base();
        shared.extend(addresses(step).filter(|address| self.is_shared(&suffix, *address, &base)));
        let Some(address) = shared.into_iter().min() else { return };
        let claim = LookupClaim { lookup, step, subject: Subject::name(&suffix), certainty: Certainty::Certain };
        found.seen_in(claim, || {
            format!("has a wildcard record, and is a search domain: {base} and others are found below it, all with {address}")
        });
    }

    fn lookup_found(&mut self, lookup: &Lookup, world: &World<'_>, found: &mut Found<'_>) {
        self.lookup(lookup, world, found);
    }

    fn evicted(&self) -> u64 {
        self.answers.evicted()
    }
}

impl SearchWildcardHit {
    fn is_shared(&mut self, suffix: &Name, address: IpAddr, base: &Name) -> bool {
        let domain = base.parent(base.count().saturating_sub(2));
        let domains = self.answers.entry(&(suffix.clone(), address));
        if domains.len() < DOMAINS_MIN && !domains.contains(&domain) {
            domains.push(domain);
        }
        domains.len() >= DOMAINS_MIN
    }
}

/// A name of the Internet that was found below a search domain outside of the cluster, and not asked for as it is.
fn hit<'a>(lookup: &'a Lookup, world: &World<'_>) -> Option<(&'a Step, Name)> {
    let step = lookup.steps.last().filter(|step| step.has_suffix() && step.is_found())?;
    let domain = world.domain();
    let is_outside = |suffix: &Name| domain.as_ref().is_none_or(|domain| !suffix.is_within(domain));
    let suffix = step.suffix().filter(is_outside)?;
    let base = lookup.base();
    let is_of_internet = base.count() >= 2 && base.labels().last().is_some_and(|label| TOP_LEVEL.contains(&label));
    is_of_internet.then_some((step, suffix))
}

/// The first of each response, which are sorted.
fn addresses(step: &Step) -> impl Iterator<Item = IpAddr> {
    step.cases()
        .iter()
        .filter(|case| case.is_found())
        .filter_map(|case| case.answer.as_ref()?.addresses.first().copied())
}
