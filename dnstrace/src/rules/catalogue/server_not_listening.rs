//! `server-not-listening`: the server's host is there, and nobody listens on its port.

use std::net::SocketAddr;
use std::time::Duration;

use super::Rule;
use crate::capture::BootTime;
use crate::join::MessageKind;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::key::Key;
use crate::rules::recent::Recent;
use crate::rules::signs::{Rejected, Rejection, drops, rejections};
use crate::rules::stage::Ended;
use crate::rules::upstream::is_node_cache;
use crate::rules::upstream::is_own_probe;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "server-not-listening",
    title: "a DNS server's address answers that nobody listens on its port",
    severity: Severity::Error,
    meaning: "The query reached the server's address, and there the kernel found no socket for it. The process crashed, is \
              starting, or listens elsewhere, while it still counts as an endpoint. A share of lookups fails, or all.",
    signature: "An ICMP port unreachable from the very address that was asked, or the drop reason NO_SOCKET for a query. \
                Either is certain. Likely when the address is a Service's and the query was not seen to be translated: the \
                node may have answered for it. Queries in between that show neither are lost for the same reason: ICMP \
                errors are limited in rate.",
    remedy: "Look at that server's pod: kubectl -n kube-system get pods -l k8s-app=kube-dns -o wide, its restarts, and \
             kubectl logs --previous; a crash at start is often CoreDNS's loop plugin. And at the port that the Service \
             sends queries to: kubectl -n kube-system get endpointslices -l kubernetes.io/service-name=kube-dns.",
    link: "https://kubernetes.io/docs/tasks/administer-cluster/dns-debugging-resolution/#check-if-the-dns-pod-is-running",
    surer: "a recording that also sees the server's own interface",
    explains_failure: true,
};

/// Linux limits the rate of ICMP errors: what comes no further apart from those that are rejected is rejected, too. Stub
/// resolvers ask again after five seconds.
const NEAR: Duration = Duration::from_secs(10);
/// Servers that reject: a node's pods ask a few.
const CLOSED_MAX: usize = 256;

/// See [`EXPLANATION`].
pub(super) struct ServerNotListening {
    /// When the first and the last query were sent that were rejected there.
    closed: Recent<Key<SocketAddr>, (BootTime, BootTime)>,
}

impl Default for ServerNotListening {
    fn default() -> Self {
        Self { closed: Recent::new(CLOSED_MAX) }
    }
}

impl Rule for ServerNotListening {
    fn ended(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        let case = ended.case;
        // Most hosts of a link do not listen to multicast DNS.
        if found.explained(case).is_some() || case.server.ip().is_multicast() || is_own_probe(case) {
            return;
        }
        let is_rejected = rejections(&case.signs).any(|rejected| is_by_server(&rejected, case));
        // Of a cache on the node, another rule says what that means.
        if (!is_rejected && !has_no_socket(case)) || is_node_cache(case, world) {
            return;
        }
        let closed = self.closed.get(&Key(case.responder())).filter(|(_, last)| case.time.since(*last) <= NEAR);
        let (first, last) = closed.copied().unwrap_or((case.time, case.time));
        self.closed.insert(Key(case.responder()), (first.min(case.time), last.max(case.time)));
        let is_behind_service = case.server_after_nat.is_none() && world.stands_for_others(case);
        let certainty = if is_behind_service { Certainty::Likely } else { Certainty::Certain };
        let claim = Claim { case, subject: Subject::responder(case), certainty };
        let about = claim.subject.about.clone();
        found.seen(claim, || {
            let how = if is_rejected { "answers with ICMP port unreachable" } else { "has no socket for queries" };
            format!("does not listen on port {}: its address {how}", case.responder().port())
        });
        if let Some(fact) = world.unseen_port_fact(case) {
            found.fact(&about, fact);
        }
        if let Some(cause) = world.cause(case).filter(|cause| cause.failed()) {
            found.explains(cause);
        }
    }

    // Only now it is known whether a later one is rejected.
    fn settled(&mut self, case: &Case, _world: &World<'_>, found: &mut Found<'_>) {
        let is_lost = case.is_unanswered() && case.signs.is_empty() && found.explained(case).is_none();
        let closed = self.closed.get(&Key(case.responder())).filter(|_| is_lost);
        if closed.is_some_and(|(first, last)| first.since(case.time).max(case.time.since(*last)) <= NEAR) {
            found.suffers(&Subject::responder(case).about, case);
        }
    }

    fn evicted(&self) -> u64 {
        self.closed.evicted()
    }
}

fn is_by_server(rejected: &Rejected<'_>, case: &Case) -> bool {
    let is_asked = [case.server, case.responder()].contains(&rejected.sign.dst);
    rejected.says == Rejection::Port && is_asked && rejected.is_by_destination()
}

fn has_no_socket(case: &Case) -> bool {
    drops(&case.signs).any(|dropped| dropped.message == MessageKind::Query && dropped.reason == "NO_SOCKET")
}
