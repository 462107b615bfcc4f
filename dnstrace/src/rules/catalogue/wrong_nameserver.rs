//! `wrong-nameserver`: a pod that looks for names of the cluster asks somebody else, who does not answer.

use std::net::{IpAddr, SocketAddr};

use super::Rule;
use crate::owner::fact::Source;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::signs::{drops, rejections};
use crate::rules::silence::Silence;
use crate::rules::stage::Ended;
use crate::rules::upstream::has_cache_address;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "wrong-nameserver",
    title: "a pod's resolv.conf names a server that is not cluster DNS and does not answer",
    severity: Severity::Error,
    meaning: "The pod has the search list of the cluster, but its `nameserver` line names an address that is not cluster \
              DNS, and nobody answers there. Each lookup waits for it for five seconds, then goes on to the next \
              nameserver, if there is one, or fails. An address of the Service range that no Service has is dropped or \
              rejected by kube-proxy's rules, which looks like a policy.",
    signature: "A pod asks an address that its /etc/resolv.conf names, and that neither the API, kubelet's configuration nor \
                most other pods call cluster DNS: it lies in the Service range, and the node drops or rejects the query, \
                or three sendings in a row had no response and none before. That it is another address, and silent, is \
                certain; it may be a DNS server of the pod's own that is down.",
    remedy: "Correct `dnsConfig.nameservers` of the pod, or leave it out with `dnsPolicy: ClusterFirst`. Where all new pods \
             have it, correct `clusterDNS` of the kubelet and restart it and the pods: kubectl -n kube-system get service \
             kube-dns says the address.",
    link: "https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-dns-config",
    surer: "every packet: losses of the capture make it less certain",
    explains_failure: true,
};

/// Bits of an address that the Service range has in common: a cluster's is a /12 to /24, or a /108 to /112.
const V4_PREFIX: u32 = 16;
const V6_PREFIX: u32 = 108;

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct WrongNameserver {
    silence: Silence,
}

impl Rule for WrongNameserver {
    fn ended(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        let case = ended.case;
        self.silence.count(case);
        let is_turned_away =
            || drops(&case.signs).any(|dropped| dropped.is_by_rule()) || rejections(&case.signs).next().is_some();
        if let Some(right) = right_servers(case, world).filter(|right| is_turned_away() && is_near(case, right)) {
            tell(case, &right, found);
        }
    }

    fn ended_well(&mut self, ended: &Ended<'_>, _world: &World<'_>, _found: &mut Found<'_>) {
        self.silence.count(ended.case);
    }

    // Only now it is known whether the next ones are answered.
    fn settled(&mut self, case: &Case, world: &World<'_>, found: &mut Found<'_>) {
        if !case.is_unanswered() || found.explained(case).is_some() || !self.silence.is_silent(case.responder()) {
            return;
        }
        if let Some(right) = right_servers(case, world) {
            tell(case, &right, found);
        }
    }

    fn evicted(&self) -> u64 {
        self.silence.evicted()
    }
}

/// Where cluster DNS is, for a pod that should ask it, and asked another address of its resolv.conf in vain.
fn right_servers(case: &Case, world: &World<'_>) -> Option<Vec<SocketAddr>> {
    let file = world.resolv_conf(case).filter(|_| case.answer.is_none())?;
    let is_named = file.nameservers.iter().any(|address| address.to_canonical() == case.server.ip().to_canonical());
    let is_of_cluster = file.search.iter().any(|domain| domain.starts_with("svc."));
    let is_right =
        world.is_cluster_server(case.server) || world.is_endpoint(case.responder()) || has_cache_address(case);
    if !is_named || !is_of_cluster || is_right || has_own_server(case) {
        return None;
    }
    let is_sure =
        |sources: &[Source]| sources.iter().any(|source| !matches!(source, Source::ResolvConf | Source::Traffic));
    let known = world.owner.cluster_dns().servers().into_iter().filter(|known| is_sure(&known.sources));
    Some(known.map(|known| known.what).collect()).filter(|right: &Vec<_>| !right.is_empty())
}

/// A Service may be a DNS server of the pod's own; that of the API server is none.
fn has_own_server(case: &Case) -> bool {
    let is_api_server =
        |service: &crate::owner::Service| &*service.namespace == "default" && &*service.name == "kubernetes";
    case.server_after_nat.is_some() || case.who.service.as_deref().is_some_and(|service| !is_api_server(service))
}

/// Whether the address seems to be of the Service range: outside of it, a rule that drops is a policy's.
fn is_near(case: &Case, right: &[SocketAddr]) -> bool {
    right.iter().any(|server| has_same_prefix(case.server.ip().to_canonical(), server.ip().to_canonical()))
}

fn has_same_prefix(one: IpAddr, other: IpAddr) -> bool {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros() >= V4_PREFIX,
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros() >= V6_PREFIX,
        _ => false,
    }
}

fn tell(case: &Case, right: &[SocketAddr], found: &mut Found<'_>) {
    let claim = Claim { case, subject: Subject::client(case), certainty: Certainty::Certain };
    let wrong = case.server.ip();
    found.missed(claim, || {
        let right: Vec<_> = right.iter().map(|server| server.ip().to_string()).collect();
        format!(
            "asks {wrong}, as its /etc/resolv.conf says, and gets no response: cluster DNS is at {}",
            right.join(", ")
        )
    });
}
