//! Who a transaction is between, as far as it is known: `k8s` asked, `k8s_dest` was asked.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::owner::{Container, KnownBy, Party, Pod, Role, Service, Who};

/// Both ends.
#[derive(Debug, Serialize)]
pub(super) struct WhoRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    container_id: Option<&'a str>,
    /// systemd unit of a process of the node's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    k8s: Option<PartyRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    k8s_dest: Option<PartyRecord<'a>>,
}

impl<'a> WhoRecord<'a> {
    pub(super) fn new(who: &'a Who) -> Self {
        let (container_id, unit) = match &who.client {
            Some(Party::Pod { container, .. }) => (container.as_ref().map(|container| &*container.id), None),
            Some(Party::Node { unit, .. }) => (None, unit.as_deref()),
            _ => (None, None),
        };
        Self {
            container_id,
            unit,
            k8s: PartyRecord::new(who.client.as_ref(), None),
            k8s_dest: PartyRecord::new(who.server.as_ref(), who.service.as_deref()),
        }
    }
}

/// What a transaction is in the cluster's DNS; nothing where nobody is known.
pub(super) fn role(who: &Who) -> Option<&'static str> {
    let is_known = *who != Who { role: who.role, ..Who::default() } || who.role != Role::Other;
    is_known.then(|| who.role.name())
}

/// One end that is Kubernetes' own.
#[derive(Debug, Default, Serialize)]
pub(in crate::sink) struct PartyRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<ServiceRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workload: Option<WorkloadRecord<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_network: Option<bool>,
    /// Of a pod of another node.
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<&'a str>,
    /// Who says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
    /// By what this end was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'static str>,
    /// How sure that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct ServiceRecord<'a> {
    namespace: &'a str,
    name: &'a str,
}

#[derive(Debug, Serialize)]
struct WorkloadRecord<'a> {
    kind: &'a str,
    name: &'a str,
    source: &'static str,
}

impl<'a> PartyRecord<'a> {
    pub(in crate::sink) fn new(party: Option<&'a Party>, service: Option<&'a Service>) -> Option<Self> {
        let record = match party {
            Some(Party::Pod { pod, container, by }) => Some(Self::of_pod(pod, container.as_deref(), *by)),
            Some(Party::Remote(pod)) => Some(Self {
                namespace: Some(&pod.namespace),
                pod: Some(&pod.name),
                node: pod.node.as_deref(),
                source: Some("api"),
                by: Some(KnownBy::Address.name()),
                confidence: Some(KnownBy::Address.confidence()),
                ..Self::default()
            }),
            Some(Party::Node { .. } | Party::Resolver) | None => None,
        };
        if record.is_none() && service.is_none() {
            return None;
        }
        let service = service.map(|service| ServiceRecord { namespace: &service.namespace, name: &service.name });
        Some(Self { service, ..record.unwrap_or_default() })
    }

    fn of_pod(pod: &'a Pod, container: Option<&'a Container>, by: KnownBy) -> Self {
        let workload = pod.workload.as_ref().map(|workload| WorkloadRecord {
            kind: &workload.kind,
            name: &workload.name,
            source: workload.by.name(),
        });
        Self {
            namespace: pod.namespace.as_deref(),
            pod: pod.name.as_deref(),
            uid: Some(&pod.uid),
            container: container.and_then(|container| container.name.as_deref()),
            image: container.and_then(|container| container.image.as_deref()),
            workload,
            labels: pod.labels.iter().map(|(name, value)| (&**name, &**value)).collect(),
            host_network: pod.host_network.filter(|host_network| *host_network),
            source: Some(pod.source.name()),
            by: Some(by.name()),
            confidence: Some(by.confidence()),
            ..Self::default()
        }
    }
}
