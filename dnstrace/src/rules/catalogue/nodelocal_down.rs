//! `nodelocal-down`: queries still go to the cache on the node, which is gone.

use std::net::SocketAddr;

use super::Rule;
use crate::join::{Event, MessageKind};
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::silence::Silence;
use crate::rules::stage::Ended;
use crate::rules::upstream::{has_cache_address, is_node_cache};
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "nodelocal-down",
    title: "NodeLocal DNSCache does not run, but pods of the node still ask it",
    severity: Severity::Error,
    meaning: "The cache on the node was killed, mostly as it used more memory than its limit, or does not start. Its \
              addresses and its NOTRACK rules stay on the node, so that queries of all pods there go to nobody, and not to \
              the CoreDNS pods either. All names fail for all pods of this node only.",
    signature: "Queries to the cache's address on the node were thrown away or rejected as no socket is open there: certain. \
                Likely when three sendings or more in a row had no response and were not asked on.",
    remedy: "See why it stopped: `kubectl -n kube-system get pods -o wide -l k8s-app=node-local-dns`, then `kubectl \
             describe` (OOMKilled?). Raise its memory limit, or lower `max_concurrent` in its configuration.",
    link: "https://kubernetes.io/docs/tasks/administer-cluster/nodelocaldns/",
    surer: "the `drop` and `socket` hooks on this node",
    explains_failure: true,
};

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct NodelocalDown {
    silence: Silence,
}

impl Rule for NodelocalDown {
    fn ended(&mut self, ended: &Ended<'_>, world: &World<'_>, _found: &mut Found<'_>) {
        if is_node_cache(ended.case, world) {
            self.silence.count(ended.case);
        }
    }

    fn ended_well(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        self.ended(ended, world, found);
    }

    fn settled(&mut self, case: &Case, world: &World<'_>, found: &mut Found<'_>) {
        let is_candidate = case.is_unanswered() && is_node_cache(case, world) && case.server_after_nat.is_none();
        if !is_candidate || case.caused() != 0 || found.explained(case).is_some() {
            return;
        }
        let claim = |certainty| Claim { case, subject: Subject::asked(case), certainty };
        if case.signs.iter().any(|sign| sign.message == MessageKind::Query && is_closed(&sign.event, case.server)) {
            let is_sure = has_cache_address(case) || world.is_sure_cluster_server(case.server);
            let certainty = if is_sure { Certainty::Certain } else { Certainty::Likely };
            found.seen(claim(certainty), || "has no socket open on this node: the cache does not run".to_owned());
        } else if case.signs.is_empty() && !case.reached && self.silence.is_silent(case.server) {
            found.missed(claim(Certainty::Likely), || {
                "does not answer: the cache on the node seems not to run".to_owned()
            });
        }
    }

    fn evicted(&self) -> u64 {
        self.silence.evicted()
    }
}

/// Nobody listens there, as the host itself says.
fn is_closed(event: &Event, server: SocketAddr) -> bool {
    match event {
        Event::Dropped { reason, .. } => &**reason == "NO_SOCKET",
        Event::Rejected { by, kind, code } => *by == server.ip() && matches!((kind, code), (3, 3) | (1, 4)),
    }
}
