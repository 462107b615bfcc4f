//! Transactions with the ways of their packets, as `tcpdump -i any` and our device hook see them on a node.

use hickory_proto::rr::RecordType::A;

use super::*;
use crate::capture::Direction::{In, Out};
use crate::join::MessageKind::{Query, Response};

/// Interfaces: those of pods, and the uplink.
pub(super) const WEB_IF: u32 = 3;
pub(super) const DB_IF: u32 = 7;
pub(super) const DNS_IF: u32 = 4;
pub(super) const UPLINK: u32 = 6;

/// A query of the pod web that came in by its interface, and was seen nowhere else.
pub(super) fn stuck(at: u64, client: &str) -> Ask {
    Ask::new(at, client, SERVICE, "web.prod.svc.cluster.local", A).hop(at_device(0, In, WEB_IF, Query))
}

/// A query of the pod db that was sent on to CoreDNS, without response.
pub(super) fn sent_on(at: u64, client: &str) -> Ask {
    let ask = Ask::new(at, client, SERVICE, "web.prod.svc.cluster.local", A).behind(COREDNS);
    ask.hop(at_device(0, In, DB_IF, Query)).hop(at_device(0, Out, DNS_IF, Query))
}

/// One that was answered.
pub(super) fn answered(at: u64, client: &str) -> Ask {
    let ask = sent_on(at, client).found("10.96.7.7");
    ask.hop(at_device(1, In, DNS_IF, Response)).hop(at_device(1, Out, DB_IF, Response))
}

/// One that was answered, where only the interface of its pod is watched.
pub(super) fn answered_unseen(at: u64, client: &str) -> Ask {
    let ask = Ask::new(at, client, SERVICE, "web.prod.svc.cluster.local", A).found("10.96.7.7");
    ask.hop(at_device(0, In, DB_IF, Query)).hop(at_device(1, Out, DB_IF, Response))
}

/// Queries of the pod db that are answered, one a second.
pub(super) fn others(count: u64) -> impl Iterator<Item = Ask> {
    (0..count).map(|at| answered(at * 1_000, &format!("{DB}:{}", 50_000 + at)))
}

/// A Service whose endpoint takes queries on this port.
pub(super) fn endpoint_on(port: u16) -> Scene {
    let address = format!("10.244.0.53:{port}").parse().unwrap();
    let endpoints = vec![Endpoint { address, pod: None, ready: true }];
    let servers = vec![SERVICE.parse().unwrap()];
    Scene::unknown().fact(Fact::ClusterDns(ClusterDnsFact { servers, endpoints, domain: None }))
}
