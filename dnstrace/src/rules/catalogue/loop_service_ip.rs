//! `loop-service-ip`: cluster DNS forwards to its own Service.

use super::Rule;
use crate::owner::Role;
use crate::rules::Cycle;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "loop-service-ip",
    title: "cluster DNS forwards to its own Service address",
    severity: Severity::Error,
    meaning: "CoreDNS' forward plugin names the ClusterIP of the Service that CoreDNS itself stands behind, often because \
              the node's resolv.conf does. Every query for a name outside the cluster comes back to one of its pods, \
              or is lost where the node does not let a pod reach itself.",
    signature: "A CoreDNS pod sends a query that it was asked to the address of the cluster DNS Service. Certain where the \
                query comes back to a CoreDNS pod again, or was caused by one; whatever becomes of it, it is a mistake.",
    remedy: "Name real upstream servers in the Corefile (forward . 192.0.2.53), and keep the ClusterIP of kube-dns out of \
             the resolv.conf that CoreDNS reads.",
    link: "https://coredns.io/plugins/loop/#troubleshooting",
    surer: "the queries that CoreDNS was asked: the socket hook, or a capture of the CoreDNS pods' interfaces",
    explains_failure: true,
};

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct LoopServiceIp;

impl Rule for LoopServiceIp {
    fn settled(&mut self, case: &Case, world: &World<'_>, found: &mut Found<'_>) {
        // The address of a cache on the node is one of cluster DNS' too: what it asks on is no loop.
        let asks_service = case.who.role == Role::Upstream
            && world.has_endpoint(case.client.ip())
            && world.is_cluster_server(case.server);
        if !asks_service || case.server.ip() == case.client.ip() || found.explained(case).is_some() {
            return;
        }
        // A pod that has the cluster's resolv.conf may ask for something of its own, and may name an upstream server in it.
        let is_sure = case.cause.is_some() && world.is_sure_cluster_server(case.server);
        let certainty = if is_sure { Certainty::Certain } else { Certainty::Likely };
        let claim = Claim { case, subject: Subject::client(case), certainty };
        found.seen(claim, || format!("forwards to its own Service address {}", case.server.ip()));
    }

    fn cycle(&mut self, cycle: &Cycle, case: &Case, _world: &World<'_>, found: &mut Found<'_>) {
        if !cycle.hops.iter().all(|hop| hop.is_service) {
            return;
        }
        let claim = Claim { case, subject: Subject::client(case), certainty: cycle.certainty };
        found.seen(claim, || format!("forwards to its own Service address, and is asked the same again: {cycle}"));
    }
}
