//! `nodelocal-upstream-timeout`: the cache on the node asks cluster DNS, and gets no response.

use std::net::SocketAddr;
use std::time::Duration;

use super::Rule;
use crate::capture::BootTime;
use crate::join::{Connection, ConnectionOutcome};
use crate::owner::{Party, Who};
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::recent::Recent;
use crate::rules::upstream::{blame, is_delivered, is_node_cache, is_to_cluster};
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "nodelocal-upstream-timeout",
    title: "NodeLocal DNSCache gets no response from cluster DNS",
    severity: Severity::Error,
    meaning: "The cache on the node answers what it has; for everything else it asks CoreDNS through the Service \
              `kube-dns-upstream`, over TCP unless `prefer_udp` is set. These queries, or the connections for them, stay \
              without response, and pods of this node get SERVFAIL for names of the cluster while other nodes may be fine.",
    signature: "A query that the cache asked on to cluster DNS has no response, and the client's own query failed: certain \
                where it was seen leaving the node or arriving at CoreDNS twice or more, else likely. A TCP connection to \
                cluster DNS that nobody answers while clients' queries fail makes it likely.",
    remedy: "Allow UDP and TCP port 53 from the nodes' own addresses to the CoreDNS pods, on every node where they run; see \
             that the Service has endpoints (`kubectl -n kube-system get endpointslices -l \
             k8s-app=kube-dns`); restart the cache: `kubectl -n kube-system rollout restart daemonset node-local-dns`.",
    link: "https://kubernetes.io/docs/tasks/administer-cluster/nodelocaldns/",
    surer: "a recording of the node where the CoreDNS pod runs",
    explains_failure: true,
};

/// Services of cluster DNS, to which connections failed.
const SERVERS_MAX: usize = 64;
/// A connection that nobody answers is given up after its last SYN and five seconds; queries fail meanwhile.
const WAITED: Duration = Duration::from_mins(1);

/// See [`EXPLANATION`].
pub(super) struct NodelocalUpstreamTimeout {
    /// The latest connection without answer.
    unanswered: Option<(SocketAddr, BootTime)>,
    accepted: Recent<SocketAddr, BootTime>,
}

impl Default for NodelocalUpstreamTimeout {
    fn default() -> Self {
        Self { unanswered: None, accepted: Recent::new(SERVERS_MAX) }
    }
}

impl Rule for NodelocalUpstreamTimeout {
    fn connection(&mut self, connection: &Connection, who: &Who, world: &World<'_>, _found: &mut Found<'_>) {
        let is_pod = who.client.as_ref().and_then(Party::pod).is_some_and(|pod| pod.host_network != Some(true));
        if is_pod || !world.is_cluster_server(connection.server) {
            return;
        }
        match connection.outcome {
            ConnectionOutcome::NoAnswer => self.unanswered = Some((connection.server, connection.time)),
            ConnectionOutcome::Accepted => self.accepted.insert(connection.server, connection.time),
            _ => {}
        }
    }

    fn settled(&mut self, case: &Case, world: &World<'_>, found: &mut Found<'_>) {
        if !case.failed() || found.explained(case).is_some() || !is_node_cache(case, world) {
            return;
        }
        let blame = blame(case, world);
        let silent: Vec<_> = blame.culprits.into_iter().filter(|asked| is_silence(asked, world)).collect();
        for asked in silent.iter().filter(|_| silent.iter().all(|asked| asked.cause == Some(case.id))) {
            say(asked, silent.iter().map(|asked| asked.attempts.len()).sum(), found);
            found.suffers(&Subject::asked(asked).about, case);
        }
        if let Some(server) = self.unreachable(case).filter(|_| case.caused() == 0) {
            let claim = Claim { case, subject: Subject::server(server), certainty: Certainty::Likely };
            found.missed(claim, || "does not accept the TCP connections of the cache on the node".to_owned());
        }
    }

    fn evicted(&self) -> u64 {
        self.accepted.evicted()
    }
}

impl NodelocalUpstreamTimeout {
    /// Whom the cache could not connect to when it had this query.
    fn unreachable(&self, case: &Case) -> Option<SocketAddr> {
        let (server, at) = self.unanswered?;
        let is_over = self.accepted.get(&server).is_some_and(|accepted| *accepted > at);
        let is_near = at.since(case.time).max(case.time.since(at)) < WAITED;
        (is_near && !is_over).then_some(server)
    }
}

fn say(asked: &Case, sendings: usize, found: &mut Found<'_>) {
    if found.explained(asked).is_some() {
        return;
    }
    let is_sure = is_delivered(asked) && sendings > 1;
    let certainty = if is_sure { Certainty::Certain } else { Certainty::Likely };
    let claim = Claim { case: asked, subject: Subject::asked(asked), certainty };
    found.missed(claim, || "does not answer the cache on the node".to_owned());
    if asked.responder() != asked.server {
        found.fact(&Subject::asked(asked).about, format!("queries without response went to {}", asked.responder()));
    }
}

fn is_silence(asked: &Case, world: &World<'_>) -> bool {
    let is_endpoint = world.is_endpoint(SocketAddr::new(asked.client.ip(), asked.server.port()));
    asked.is_unanswered() && asked.signs.is_empty() && is_to_cluster(asked, world) && !is_endpoint
}
