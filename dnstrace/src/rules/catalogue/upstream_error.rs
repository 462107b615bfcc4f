//! `upstream-error`: an upstream server answers cluster DNS with an error.

use super::Rule;
use crate::rules::cached::Cached;
use crate::rules::case::Case;
use crate::rules::finding::{About, Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::upstream::{Blame, blame, initiator, is_health_check, is_loop_probe, is_to_cluster, rcode_for_name};
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "upstream-error",
    title: "an upstream server answers cluster DNS with an error",
    severity: Severity::Warning,
    meaning: "A name outside the cluster is asked of an upstream server, which answers SERVFAIL, REFUSED, NOTIMP or FORMERR: \
              it does not resolve for this client, cannot reach who knows the name, or rejects the answer it got (DNSSEC). \
              CoreDNS passes the error on, and does not ask its other upstream servers. Applications fail at once, or, with \
              musl and REFUSED, after 5 s.",
    signature: "The error was seen in the response of the upstream server, so it is certain. Errors for one name only point \
                at that name's zone; errors for all names at the server. REFUSED without RA comes from a server that does \
                not resolve for others; FORMERR to a query with EDNS from one that does not know EDNS.",
    remedy: "Ask the upstream server itself: `dig @UPSTREAM NAME`. Allow recursion for the addresses of the nodes there, or \
             name a server in the Corefile that resolves; `failover SERVFAIL REFUSED` in CoreDNS's `forward` block makes \
             recent versions ask the next one.",
    link: "https://coredns.io/plugins/forward/",
    surer: "the upstream server's own log",
    explains_failure: true,
};

const FORMERR: u16 = 1;
const NOTIMP: u16 = 4;
const REFUSED: u16 = 5;
const ANY: u16 = 255;

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct UpstreamError {
    cached: Cached,
}

impl Rule for UpstreamError {
    fn settled(&mut self, case: &Case, world: &World<'_>, found: &mut Found<'_>) {
        if !case.failed() || found.explained(case).is_some() || world.is_looping(case) {
            return;
        }
        if let Some(about) = self.cached.reason(case) {
            return found.suffers(&about, case);
        }
        let Blame { culprits, between } = blame(case, world);
        let errors: Vec<_> = culprits.into_iter().filter(|asked| is_error(asked, world)).collect();
        for asked in &errors {
            say(asked, found);
        }
        if let Some(last) = errors.last() {
            let about = Subject::responder(last).about;
            for failed in between.into_iter().chain([case]) {
                found.suffers(&about, failed);
                self.cached.remember(failed, &about);
            }
        } else if case.is_upstream() && case.caused() == 0 && is_error(case, world) {
            say(case, found);
        }
    }

    fn evicted(&self) -> u64 {
        self.cached.evicted()
    }
}

/// An error of somebody outside. To health checks every response is right, and ANY need not be answered (RFC 8482).
fn is_error(asked: &Case, world: &World<'_>) -> bool {
    let is_unwanted_any = asked.qtype() == Some(ANY) && asked.rcode() == Some(NOTIMP);
    let is_odd = is_health_check(asked) || is_loop_probe(asked) || is_unwanted_any;
    asked.is_error() && !is_odd && !is_to_cluster(asked, world)
}

fn say(asked: &Case, found: &mut Found<'_>) {
    if found.explained(asked).is_some() {
        return;
    }
    let subject = Subject::responder(asked);
    let about = subject.about.clone();
    let claim = Claim { case: asked, subject, certainty: Certainty::Certain };
    found.seen(claim, || format!("answers {} with errors: {}", initiator(asked), rcode_for_name(asked)));
    found.fact(&about, rcode_for_name(asked));
    say_why(asked, &about, found);
}

fn say_why(asked: &Case, about: &About, found: &mut Found<'_>) {
    let recursion = asked.answer.as_ref().is_none_or(|answer| answer.recursion_available);
    let has_edns = asked.query.is_some_and(|query| query.edns_size.is_some());
    match asked.rcode() {
        Some(REFUSED) if !recursion => found.fact(about, "it does not offer recursion (RA is not set)".to_owned()),
        Some(FORMERR) if has_edns => found.fact(about, "the query had EDNS, which it may not know".to_owned()),
        _ => {}
    }
}
