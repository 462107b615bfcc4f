//! `server-overload`: a server's socket is full of queries that it does not read.

use std::net::SocketAddr;
use std::time::Duration;

use super::Rule;
use crate::capture::BootTime;
use crate::join::{Event, MessageKind};
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::recent::Recent;
use crate::rules::stage::Ended;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "server-overload",
    title: "a DNS server does not read its queries fast enough, and the kernel drops them",
    severity: Severity::Error,
    meaning: "Queries reach the server's socket faster than the server reads them; when its receive buffer is full, the \
              kernel throws away what comes. The server has too little CPU (a limit that throttles it), hangs, or gets too \
              many queries for one pod. Clients wait 2.5 s or 5 s and ask again.",
    signature: "The kernel dropped the query at the server's socket with the reason SOCKET_RCVBUFF: that is certain. Further \
                queries that reached the same socket within ten seconds and were not answered belong to it.",
    remedy: "Run more CoreDNS pods (`kubectl -n kube-system scale deployment coredns --replicas=N`, or the cluster \
             proportional autoscaler), raise or remove their CPU limit, and take load off them with NodeLocal DNSCache.",
    link: "https://kubernetes.io/docs/tasks/administer-cluster/dns-horizontal-autoscaling/",
    surer: "the server's cgroup: `nr_throttled` in its `cpu.stat`",
    explains_failure: true,
};

/// What waits in a full socket was sent within this time of what did not fit: clients give up sooner.
const NEAR: Duration = Duration::from_secs(10);
/// Servers whose sockets were full.
const SERVERS_MAX: usize = 256;

/// See [`EXPLANATION`].
pub(super) struct ServerOverload {
    /// When a server was last sent a query that did not fit.
    full: Recent<SocketAddr, BootTime>,
}

impl Default for ServerOverload {
    fn default() -> Self {
        Self { full: Recent::new(SERVERS_MAX) }
    }
}

impl Rule for ServerOverload {
    fn ended(&mut self, ended: &Ended<'_>, world: &World<'_>, _found: &mut Found<'_>) {
        if has_overflow(ended.case) && !world.is_looping(ended.case) {
            self.full.insert(ended.case.responder(), ended.case.time);
        }
    }

    // Those that fit were sent before the one that did not: only now that one is known, and whether a loop filled it.
    fn settled(&mut self, case: &Case, world: &World<'_>, found: &mut Found<'_>) {
        if found.explained(case).is_some() || world.is_looping(case) {
            return;
        }
        let is_ignored = case.is_unanswered() && case.reached && case.signs.is_empty() && case.caused() == 0;
        let certainty = match has_overflow(case) {
            true => Certainty::Certain,
            false if is_ignored && self.is_full_about(case) => Certainty::Likely,
            false => return,
        };
        let claim = Claim { case, subject: Subject::responder(case), certainty };
        found.seen(claim, || "has more queries in its socket than fit: the kernel drops them".to_owned());
    }

    fn evicted(&self) -> u64 {
        self.full.evicted()
    }
}

impl ServerOverload {
    fn is_full_about(&self, case: &Case) -> bool {
        let full = self.full.get(&case.responder());
        full.is_some_and(|full| full.since(case.time).max(case.time.since(*full)) <= NEAR)
    }
}

fn has_overflow(case: &Case) -> bool {
    case.signs.iter().any(|sign| sign.message == MessageKind::Query && is_overflow(&sign.event))
}

fn is_overflow(event: &Event) -> bool {
    matches!(event, Event::Dropped { reason, .. } if &**reason == "SOCKET_RCVBUFF")
}
