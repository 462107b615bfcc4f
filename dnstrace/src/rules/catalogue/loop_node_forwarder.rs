//! `loop-node-forwarder`: cluster DNS forwards to the node's resolver, and that to cluster DNS.

use super::Rule;
use crate::rules::Cycle;
use crate::rules::case::Case;
use crate::rules::finding::{About, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "loop-node-forwarder",
    title: "cluster DNS and the node's resolver forward to each other",
    severity: Severity::Error,
    meaning: "CoreDNS forwards to a resolver on the node (dnsmasq, systemd-resolved, unbound), and that one was told to ask \
              the cluster DNS Service. A name outside the cluster goes in a circle until one of them has too many \
              queries open; clients get REFUSED or SERVFAIL after seconds.",
    signature: "The same question from a CoreDNS pod to the node, and from the node to cluster DNS, more than once and \
                without response. Forwarders that merge equal questions make a lap only every few seconds.",
    remedy: "Let the node's resolver ask its own upstream servers for everything but the cluster domain, or let CoreDNS \
             forward past it to real servers.",
    link: "https://coredns.io/plugins/loop/#troubleshooting",
    surer: "both hooks, and the node's own addresses (dnstrace doctor shows whether they are known)",
    explains_failure: true,
};

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct LoopNodeForwarder;

impl Rule for LoopNodeForwarder {
    fn cycle(&mut self, cycle: &Cycle, case: &Case, _world: &World<'_>, found: &mut Found<'_>) {
        let has_node = cycle.hops.iter().any(|hop| hop.from.about == About::Node);
        let service = cycle.hops.iter().filter(|hop| hop.is_service).count();
        if cycle.hops.len() < 2 || service == cycle.hops.len() || !(has_node || service > 0) {
            return;
        }
        // Who is told to ask cluster DNS is the one to be told otherwise. What the node itself sends is translated before
        // it is seen.
        let by_service = cycle.hops.iter().find(|hop| hop.is_service);
        let by_node = || cycle.hops.iter().find(|hop| hop.from.about == About::Node);
        let Some(subject) = by_service.or_else(by_node).map(|hop| hop.from.clone()) else { return };
        let claim = Claim { case, subject: Subject { service: None, ..subject }, certainty: cycle.certainty };
        found.seen(claim, || format!("is asked by cluster DNS, and asks it the same again: {cycle}"));
    }
}
