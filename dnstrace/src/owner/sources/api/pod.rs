//! A pod of the API → facts on it and its containers.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::Deserialize;

use super::loose::{self, Fields, Present};
use super::object::{Metadata, Read};
use super::workload;
use crate::capture::WallTime;
use crate::capture::live::boot_time_of;
use crate::owner::fact::{ContainerFact, LABELS, PodFact, Text};

/// What we read of a pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Pod {
    #[serde(deserialize_with = "loose::loose")]
    pub(super) metadata: Metadata,
    #[serde(deserialize_with = "loose::loose")]
    spec: Spec,
    #[serde(deserialize_with = "loose::loose")]
    status: Status,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    #[serde(deserialize_with = "loose::loose")]
    host_network: bool,
    #[serde(deserialize_with = "loose::loose")]
    node_name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    #[serde(deserialize_with = "loose::loose")]
    phase: String,
    // Neither form of the name is what `camelCase` makes of it.
    #[serde(rename = "podIP", deserialize_with = "loose::loose")]
    pod_ip: String,
    #[serde(rename = "podIPs", deserialize_with = "loose::loose")]
    pod_ips: Vec<PodIp>,
    #[serde(deserialize_with = "loose::loose")]
    start_time: String,
    #[serde(deserialize_with = "loose::loose")]
    container_statuses: Vec<Container>,
    #[serde(deserialize_with = "loose::loose")]
    init_container_statuses: Vec<Container>,
    #[serde(deserialize_with = "loose::loose")]
    ephemeral_container_statuses: Vec<Container>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct PodIp {
    #[serde(deserialize_with = "loose::loose")]
    ip: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Container {
    #[serde(deserialize_with = "loose::loose")]
    name: String,
    #[serde(rename = "containerID", deserialize_with = "loose::loose")]
    id: String,
    #[serde(deserialize_with = "loose::loose")]
    image: String,
    #[serde(deserialize_with = "loose::loose")]
    state: ContainerState,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ContainerState {
    #[serde(deserialize_with = "loose::maybe")]
    running: Option<Present>,
}

impl Fields for Pod {}
impl Fields for Spec {}
impl Fields for Status {}
impl Fields for PodIp {}
impl Fields for Container {}
impl Fields for ContainerState {}

impl Read for Pod {
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

impl Pod {
    /// As on the node. The API has static pods as mirrors, whose UID is another than that of the pod itself.
    pub(super) fn uid(&self) -> Option<Text> {
        let annotation = |name: &str| self.metadata.annotations.get(name).filter(|uid| !uid.is_empty());
        let own = || Some(&*self.metadata.uid).filter(|uid| !uid.is_empty());
        let uid = annotation("kubernetes.io/config.mirror").or_else(|| annotation("kubernetes.io/config.hash"));
        uid.or_else(own).map(Text::from)
    }

    pub(super) fn node(&self) -> Option<&str> {
        Some(&*self.spec.node_name).filter(|node| !node.is_empty())
    }

    pub(super) fn is_on_host_network(&self) -> bool {
        self.spec.host_network
    }

    /// None where it has none of its own, or has given them back.
    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        if self.spec.host_network || self.is_over() {
            return Vec::new();
        }
        let Status { pod_ip, pod_ips, .. } = &self.status;
        addresses(pod_ips.iter().map(|ip| &ip.ip).chain([pod_ip]))
    }

    /// Its addresses may be another pod's already, while the API still has them here.
    fn is_over(&self) -> bool {
        let told_to_end = self.metadata.deletion_timestamp.is_some();
        let phase_is_over = !["Pending", "Running"].contains(&&*self.status.phase);
        phase_is_over || told_to_end && !self.containers().any(|container| container.state.running.is_some())
    }

    fn containers(&self) -> impl Iterator<Item = &Container> {
        let Status { container_statuses, init_container_statuses, ephemeral_container_statuses, .. } = &self.status;
        container_statuses.iter().chain(init_container_statuses).chain(ephemeral_container_statuses)
    }

    /// Nothing for what has no UID or name.
    pub(super) fn fact(&self) -> Option<PodFact> {
        let Metadata { name, namespace, labels, .. } = &self.metadata;
        if name.is_empty() || namespace.is_empty() {
            return None;
        }
        let label = |name: &'static str| labels.get(name).map(|value| (name.into(), value.into()));
        Some(PodFact {
            uid: self.uid()?,
            namespace: Some((&**namespace).into()),
            name: Some((&**name).into()),
            host_network: Some(self.spec.host_network),
            addresses: self.addresses(),
            workload: workload::of(&self.metadata),
            labels: LABELS.into_iter().filter_map(label).collect(),
            since: self.started().map(boot_time_of),
            ..PodFact::default()
        })
    }

    fn started(&self) -> Option<WallTime> {
        let time: Timestamp = self.status.start_time.parse().ok()?;
        u64::try_from(time.as_nanosecond()).ok().map(WallTime)
    }

    /// Those that the runtime has made already.
    pub(super) fn container_facts(&self, pod: &Text) -> Vec<ContainerFact> {
        self.containers().filter_map(|container| container.fact(pod)).collect()
    }
}

impl Container {
    fn fact(&self, pod: &Text) -> Option<ContainerFact> {
        let id = self.id.split_once("://").map_or(&*self.id, |(_runtime, id)| id);
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let text = |text: &str| Some(text).filter(|text| !text.is_empty()).map(Text::from);
        is_id.then(|| ContainerFact {
            id: id.into(),
            name: text(&self.name),
            image: text(&self.image),
            pod: Some(Text::clone(pod)),
            sandbox: None,
        })
    }
}

/// What is no address is left out: a headless Service's is `None`. An IPv4-mapped one is that of IPv4.
pub(super) fn addresses<'a>(texts: impl Iterator<Item = &'a String>) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for address in texts.filter_map(|text| text.parse::<IpAddr>().ok()) {
        let address = address.to_canonical();
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}
