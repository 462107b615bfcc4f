//! Pods of this node, their containers, and the cgroups that they live in.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Text;
use crate::capture::BootTime;

/// A pod of this node, as one source knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PodFact {
    /// As on this node: canonical hyphenated UUID, or for static pods kubelet's hash of 32 hexadecimal digits.
    pub uid: Text,
    /// Container ID of its sandbox, where the source knows sandboxes: a pod may get another one, with other addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<Text>,
    /// Kubernetes namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Text>,
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// Whether it has the node's network; `None` where the source does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_network: Option<bool>,
    /// Its addresses, both families, IPv4-mapped ones as IPv4. None for a pod with the node's network.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
    /// Inode of its netns. None for a pod with the node's network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub netns: Option<u32>,
    /// Indices of the node's interfaces that lead to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<u32>,
    /// What made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<Workload>,
    /// Those of [`LABELS`] that it has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<(Text, Text)>,
    /// When it got this sandbox, or began; addresses and netns are its own from then on. `None` is before anything seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<BootTime>,
}

/// Labels that are kept: they say what a pod is. Any other may be long or nobody's business.
pub const LABELS: [&str; 8] = [
    "app",
    "app.kubernetes.io/component",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/name",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/version",
    "dns.operator.openshift.io/daemonset-dns",
    "k8s-app",
];

/// What made a pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Workload {
    /// Deployment, StatefulSet, DaemonSet, Job, CronJob, Node (of static pods), or whatever the API says.
    pub kind: Text,
    /// Name.
    pub name: Text,
    /// How that is known.
    pub by: WorkloadBy,
}

/// How a workload is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkloadBy {
    /// The API's owner references.
    Owner,
    /// Labels that controllers set.
    Labels,
    /// The form of the pod's name.
    Name,
}

impl WorkloadBy {
    /// As in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Labels => "labels",
            Self::Name => "name",
        }
    }
}

/// A container of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerFact {
    /// 64 hexadecimal digits, without the runtime's prefix.
    pub id: Text,
    /// Name in the pod; `None` is the sandbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// Image, as the runtime names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Text>,
    /// UID of its pod, where the source says it,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<Text>,
    /// or its sandbox, whose pod it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<Text>,
}

/// What lives in a cgroup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CgroupOf {
    /// A container.
    Container {
        /// Container ID.
        id: Text,
        /// UID of its pod, as the path has it.
        pod: Option<Text>,
    },
    /// A pod, beside its containers.
    Pod {
        /// UID.
        uid: Text,
    },
    /// Something of the node's own.
    Host {
        /// The systemd unit, or the last part of the path.
        unit: Text,
    },
    /// There is none with this id: it is gone, or out of sight.
    Unknown,
}
