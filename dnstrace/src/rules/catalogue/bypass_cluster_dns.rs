//! `bypass-cluster-dns`: names of the cluster are asked of a server that does not know them.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::Rule;
use crate::capture::BootTime;
use crate::owner::Party;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Found, LookupClaim};
use crate::rules::lookup::{Lookup, LookupOutcome, Step};
use crate::rules::name::Name;
use crate::rules::recent::Recent;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "bypass-cluster-dns",
    title: "a client asks a server outside of cluster DNS for names of the cluster",
    severity: Severity::Error,
    meaning: "Names of Services are known to cluster DNS only. This client asks another server, which says that there are \
              no such names: a pod with the node's network and `dnsPolicy: ClusterFirst`, which is `Default` then, a pod \
              with a nameserver of its own, or a kubelet without `clusterDNS`.",
    signature: "Three queries or more in a minute for names below the cluster domain to a server that is not cluster DNS, answered with \
                NXDOMAIN of another zone, and none of the lookup's to cluster DNS. It is certain where cluster DNS is \
                known.",
    remedy: "Set `dnsPolicy: ClusterFirst`, with the node's network `ClusterFirstWithHostNet`; check the pod's \
             `dnsConfig.nameservers` and `clusterDNS` of the kubelet.",
    link: "https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-dns-policy",
    surer: "the address of cluster DNS (--cluster-dns)",
    explains_failure: false,
};

/// One or two are somebody who tries by hand, with `dig @server`.
const QUERIES_MIN: usize = 3;
/// What is counted together: an application asks as often as it needs the name.
const MINUTE: Duration = Duration::from_mins(1);
/// Clients that are counted: a node has 250 pods or so.
const CLIENTS_MAX: usize = 1_024;

/// See [`EXPLANATION`].
pub(super) struct BypassClusterDns {
    /// Queries that went elsewhere.
    clients: Recent<IpAddr, Elsewhere>,
}

/// A client's minute.
#[derive(Default)]
struct Elsewhere {
    since: BootTime,
    queries: usize,
}

impl Default for BypassClusterDns {
    fn default() -> Self {
        Self { clients: Recent::new(CLIENTS_MAX) }
    }
}

impl Rule for BypassClusterDns {
    fn lookup(&mut self, lookup: &Lookup, world: &World<'_>, found: &mut Found<'_>) {
        let Some((step, server)) = denied_elsewhere(lookup, world) else { return };
        if !self.is_often(lookup) || is_of_dns_itself(lookup, world) {
            return;
        }
        let is_known = !world.owner.cluster_dns().servers().is_empty() && lookup.who().client.is_some();
        let certainty = if is_known { Certainty::Certain } else { Certainty::Likely };
        let claim = LookupClaim { lookup, step, subject: Subject::asker(lookup), certainty };
        found.seen_in(claim, || {
            format!("asks {server} for names of the cluster, which is not cluster DNS and denies them")
        });
    }

    fn evicted(&self) -> u64 {
        self.clients.evicted()
    }
}

impl BypassClusterDns {
    fn is_often(&mut self, lookup: &Lookup) -> bool {
        let elsewhere = self.clients.entry(&lookup.client);
        if lookup.begin.since(elsewhere.since) >= MINUTE {
            *elsewhere = Elsewhere { since: lookup.begin, queries: 0 };
        }
        elsewhere.queries += lookup.cases().count();
        elsewhere.queries >= QUERIES_MIN
    }
}

/// The first name of the cluster that another server denied, in a lookup that asked such servers only.
fn denied_elsewhere<'a>(lookup: &'a Lookup, world: &World<'_>) -> Option<(&'a Step, SocketAddr)> {
    let domain = world.domain().filter(|_| lookup.outcome == LookupOutcome::NotFound)?;
    let is_cluster_dns = |case: &Case| world.is_cluster_server(case.server) || world.is_endpoint(case.server);
    if lookup.cases().any(|case| is_cluster_dns(case)) {
        return None;
    }
    let step = lookup.steps.iter().find(|step| step.name().is_within(domain) && is_denied_by_others(step, domain))?;
    Some((step, step.cases().first()?.server))
}

/// The zone that says no is not the cluster's: for names below `local` the root says it.
fn is_denied_by_others(step: &Step, domain: &Name) -> bool {
    step.cases().iter().all(|case| case.is_nxdomain() && case.zone().is_some_and(|zone| !zone.is_within(domain)))
}

/// Cluster DNS and what belongs to it ask outside on purpose.
fn is_of_dns_itself(lookup: &Lookup, world: &World<'_>) -> bool {
    let namespace = lookup.who().client.as_ref().and_then(Party::pod).and_then(|pod| pod.namespace.clone());
    world.is_resolver(lookup.client) || namespace.as_deref() == Some("kube-system")
}
