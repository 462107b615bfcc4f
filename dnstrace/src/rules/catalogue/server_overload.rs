//! `server-overload`: a server's socket is full of queries that it does not read.

use super::Rule;
use crate::join::{Event, MessageKind};
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
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
                queries that reached the same socket and were not answered belong to it.",
    remedy: "Run more CoreDNS pods (`kubectl -n kube-system scale deployment coredns --replicas=N`, or the cluster \
             proportional autoscaler), raise or remove their CPU limit, and take load off them with NodeLocal DNSCache.",
    link: "https://kubernetes.io/docs/tasks/administer-cluster/dns-horizontal-autoscaling/",
    surer: "the server's cgroup: `nr_throttled` in its `cpu.stat`",
    explains_failure: true,
};

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct ServerOverload;

impl Rule for ServerOverload {
    fn settled(&mut self, case: &Case, _world: &World<'_>, found: &mut Found<'_>) {
        if found.explained(case).is_some() {
            return;
        }
        let subject = Subject::responder(case);
        let is_ignored = case.is_unanswered() && case.reached && case.signs.is_empty() && case.caused() == 0;
        if case.signs.iter().any(|sign| sign.message == MessageKind::Query && is_overflow(&sign.event)) {
            let claim = Claim { case, subject, certainty: Certainty::Certain };
            found.seen(claim, || "has more queries in its socket than fit: the kernel drops them".to_owned());
        } else if is_ignored && found.has(&subject.about) {
            found.missed(Claim { case, subject, certainty: Certainty::Likely }, String::new);
        }
    }
}

fn is_overflow(event: &Event) -> bool {
    matches!(event, Event::Dropped { reason, .. } if &**reason == "SOCKET_RCVBUFF")
}
