//! `node-path-broken`: an endpoint on another node cannot be reached, while others can.

use std::net::SocketAddr;

use super::Rule;
use crate::decode::Transport;
use crate::owner::Party;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::path::{self, Leg};
use crate::rules::stage::Ended;
use crate::rules::stuck::{Stuck, StuckFlows};
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "node-path-broken",
    title: "an endpoint of the DNS Service on another node cannot be reached from here",
    severity: Severity::Error,
    meaning: "Queries that the Service hands to an endpoint of another node are lost, those for other endpoints work: a \
              fixed share of lookups times out, for all pods of this node. Usual reasons are a security group or firewall \
              between nodes, a missing route, or an overlay whose checksums a network card spoils.",
    signature: "Five or more queries in a row of several clients leave this node for one endpoint without response, while \
                other endpoints of the Service answer. That none came is certain; where they are lost only a look at the \
                other node tells. Likely when the API says that the endpoint is on another node; suspected when it is only \
                known to be none of this node's pods.",
    remedy: "Open UDP and TCP port 53 and the overlay's port (VXLAN: UDP 8472 or 4789) between nodes, and try the endpoint from \
             here: dig @ADDRESS kubernetes.default.svc.cluster.local. With VXLAN, try ethtool -K flannel.1 \
             tx-checksum-ip-generic off.",
    link: "https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/",
    surer: "a recording of the endpoint's node at the same time",
    explains_failure: true,
};

/// One lookup that is lost with its retransmissions makes two to four queries.
const QUERIES_MIN: u32 = 5;

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct NodePathBroken {
    endpoints: StuckFlows<SocketAddr>,
}

impl Rule for NodePathBroken {
    fn ended(&mut self, ended: &Ended<'_>, _world: &World<'_>, _found: &mut Found<'_>) {
        let case = ended.case;
        let Some(endpoint) = case.server_after_nat.filter(|_| case.transport == Transport::Udp) else { return };
        if case.answer.is_some() {
            self.endpoints.forget(&endpoint);
        } else if case.is_unanswered() && case.signs.is_empty() && elsewhere(case).is_some() {
            self.endpoints.add(endpoint, case, None);
        }
    }

    fn ended_well(&mut self, ended: &Ended<'_>, _world: &World<'_>, _found: &mut Found<'_>) {
        let case = ended.case;
        if let Some(endpoint) = case.server_after_nat.filter(|_| case.transport == Transport::Udp) {
            self.endpoints.forget(&endpoint);
        }
    }

    // Only now it is known whether the endpoint asked on because of it.
    fn settled(&mut self, case: &Case, world: &World<'_>, found: &mut Found<'_>) {
        let is_lost = case.is_unanswered() && case.signs.is_empty() && path::leg(case, world) == Some(Leg::Node);
        let Some(certainty) = elsewhere(case).filter(|_| is_lost && !world.is_looping(case)) else { return };
        let Some(stuck) = self.endpoints.get(&case.responder()) else { return };
        if !is_broken(case, &stuck, world) || found.explained(case).is_some() {
            return;
        }
        let claim = Claim { case, subject: Subject::responder(case), certainty };
        found.missed(claim, || {
            format!("answers nothing that this node sends to it for {}, while other endpoints answer", case.server)
        });
    }
}

/// How surely the endpoint is on another node.
fn elsewhere(case: &Case) -> Option<Certainty> {
    match &case.who.server {
        Some(Party::Remote(_)) => Some(Certainty::Likely),
        // Where this node's pods are known, it is none of them.
        None if case.client_pod().is_some() => Some(Certainty::Suspected),
        _ => None,
    }
}

fn is_broken(case: &Case, stuck: &Stuck, world: &World<'_>) -> bool {
    let endpoint = case.responder();
    let is_gone = world.ready_endpoints().is_some_and(|ready| !ready.contains(&endpoint));
    let mut others = world.learned.watched().beside(endpoint, case.server);
    stuck.count >= QUERIES_MIN && stuck.is_of_several() && !is_gone && others.any(|other| other.answered >= stuck.first)
}
