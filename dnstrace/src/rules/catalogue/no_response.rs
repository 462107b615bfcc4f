//! `no-response`: a query without response that no other rule explains.

use super::Rule;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::upstream::{asks_for_itself, is_explained_by_asked};
use crate::rules::world::World;
use crate::rules::{place, signs};

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "no-response",
    title: "a query has no response, and nothing seen says why",
    severity: Severity::Warning,
    meaning: "A query was seen, and no response to it within the query timeout. Where it was last seen is where to look: \
              behind that point it was lost, or nobody answered.",
    signature: "A query without response that no other rule explains. That there was none is certain as far as packets \
                were not lost in capture; why is not known.",
    remedy: "Look at what stands behind the point where the query was last seen: policies, routes, the server itself.",
    link: "https://kubernetes.io/docs/tasks/administer-cluster/dns-debugging-resolution/",
    surer: "all hooks attached (dnstrace doctor), or a recording of the node where the server runs",
    explains_failure: true,
};

/// The gateway of a pod has a new MAC address, and the pod does not know it yet: bridges without a fixed one take another
/// when a port goes.
const OTHER_HOSTS_FRAME: &str = "did not answer; the query was dropped as its frame had another host's MAC address (compare \
                                 ip neigh in the client's pod)";

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct NoResponse;

impl Rule for NoResponse {
    fn settled(&mut self, case: &Case, world: &World<'_>, found: &mut Found<'_>) {
        // What a forwarder asks on is its server's matter: the client's own query is told.
        let is_explained = world.is_looping(case) || found.explained(case).is_some() || asks_for_itself(case);
        if !case.is_unanswered() || is_explained || is_explained_by_asked(case, world, found) {
            return;
        }
        let claim = Claim { case, subject: Subject::responder(case), certainty: Certainty::Certain };
        if signs::went_to_others(&case.signs) && !case.reached {
            return found.missed(claim, || OTHER_HOSTS_FRAME.to_owned());
        }
        let subject = claim.subject.about.clone();
        found.missed(claim, || match case.query_last_seen().map(|hop| place::words(hop, world)) {
            Some(place) if !place.is_empty() => format!("did not answer; the query was last seen {place}"),
            _ => "did not answer".to_owned(),
        });
        if let Some(fact) = world.unseen_port_fact(case) {
            found.fact(&subject, fact);
        }
    }
}
