//! `loop-mutual`: resolvers forward to each other.

use super::Rule;
use crate::rules::Cycle;
use crate::rules::case::Case;
use crate::rules::finding::{About, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "loop-mutual",
    title: "resolvers forward the same question to each other",
    severity: Severity::Error,
    meaning: "Two resolvers each have the other as upstream server for the same zone. One query becomes a storm of more than \
              ten thousand a second, until their timeouts end it; clients get SERVFAIL after seconds.",
    signature: "The same question from one resolver to the other and back, more than once, each time with a new message ID \
                and port, and without response. Stub zones that differ make no such circle.",
    remedy: "Decide which of the two answers for the zone, and take the other one out of its forward list.",
    link: "https://coredns.io/plugins/loop/#troubleshooting",
    surer: "a recording of the nodes of both resolvers",
    explains_failure: true,
};

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct LoopMutual;

impl Rule for LoopMutual {
    fn cycle(&mut self, cycle: &Cycle, case: &Case, _world: &World<'_>, found: &mut Found<'_>) {
        let is_other = cycle.hops.iter().any(|hop| hop.is_service || hop.from.about == About::Node);
        // A circle of one is a resolver that asks itself: by a loopback address another rule says so.
        let is_stub = cycle.hops.len() == 1 && cycle.hops[0].server.ip().is_loopback();
        if is_other || is_stub {
            return;
        }
        // The same subject whichever of them is looked at.
        let subject = cycle.hops.iter().map(|hop| &hop.from).min_by_key(|subject| subject.about.clone());
        let Some(subject) = subject.cloned() else { return };
        let claim = Claim { case, subject: Subject { service: None, ..subject }, certainty: cycle.certainty };
        found.seen(claim, || format!("is asked again what it asked: {cycle}"));
    }
}
