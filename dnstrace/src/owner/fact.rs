//! What sources say: each in its own words, as far as it knows.
//!
//! A source says everything it knows of one thing at once; what it says later of the same thing replaces that. The index
//! puts together what several sources say.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::capture::BootTime;

/// Text that many facts share.
pub type Text = Arc<str>;

/// Who says something. The order is that of trust, where two say different things: what the runtime keeps on this node
/// changes with the pods themselves, the API server follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The kernel: the cgroup v2 tree, `/proc`.
    Kernel,
    /// Results of CNI plugins, which libcni keeps.
    Cni,
    /// OCI bundles of the container runtime.
    Oci,
    /// The container runtime's CRI socket.
    Cri,
    /// Folders of kubelet: `/var/lib/kubelet/pods`.
    Kubelet,
    /// Folders of logs: `/var/log/pods`.
    Logs,
    /// The API server.
    Api,
    /// The user: `--owners`, `--cluster-dns`.
    User,
    /// What was seen on the wire.
    Traffic,
    /// A pod's own `/etc/resolv.conf`.
    ResolvConf,
    /// kubelet's configuration file.
    KubeletConfig,
}

impl Source {
    /// Every source, in the order of trust.
    pub const ALL: [Self; 11] = [
        Self::Kernel,
        Self::Cni,
        Self::Oci,
        Self::Cri,
        Self::Kubelet,
        Self::Logs,
        Self::Api,
        Self::User,
        Self::Traffic,
        Self::ResolvConf,
        Self::KubeletConfig,
    ];

    /// Those that look at a node, and say how they do.
    pub const OF_NODE: [Self; 9] = [
        Self::Kernel,
        Self::Cni,
        Self::Oci,
        Self::Cri,
        Self::Kubelet,
        Self::Logs,
        Self::Api,
        Self::ResolvConf,
        Self::KubeletConfig,
    ];

    /// As in JSON and on the screen.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Cni => "cni",
            Self::Oci => "oci",
            Self::Cri => "cri",
            Self::Kubelet => "kubelet",
            Self::Logs => "logs",
            Self::Api => "api",
            Self::User => "user",
            Self::Traffic => "traffic",
            Self::ResolvConf => "resolv-conf",
            Self::KubeletConfig => "kubelet-config",
        }
    }
}

/// What a source says of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// A pod of this node, or one of its sandboxes: replaces what the source said of the same UID and sandbox.
    Pod(PodFact),
    /// The source does not have it any more.
    PodGone {
        /// As in [`PodFact::uid`].
        uid: Text,
        /// As in [`PodFact::sandbox`].
        sandbox: Option<Text>,
    },
    /// A container of a pod.
    Container(ContainerFact),
    /// The source does not have it any more.
    ContainerGone {
        /// As in [`ContainerFact::id`].
        id: Text,
    },
    /// Which cgroup an id is.
    Cgroup {
        /// Inode of its directory.
        id: u64,
        /// What lives there.
        of: CgroupOf,
    },
    /// Its directory is gone.
    CgroupGone {
        /// Inode of its directory.
        id: u64,
    },
    /// It was asked for, and no pod's netns is known to have this inode.
    NetnsUnknown {
        /// Inode.
        netns: u32,
    },
    /// A Service with addresses of its own.
    Service(ServiceFact),
    /// It was deleted.
    ServiceGone {
        /// Kubernetes namespace.
        namespace: Text,
        /// Name.
        name: Text,
    },
    /// What a pod of another node is, or that there is none with this address.
    Remote {
        /// Its address.
        address: IpAddr,
        /// The pod.
        pod: Option<RemotePod>,
    },
    /// Cluster DNS: replaces what the source said of it.
    ClusterDns(ClusterDnsFact),
    /// This node: replaces what the source said of it.
    Node(NodeFact),
    /// A pod's `/etc/resolv.conf`: replaces what was said of the pod's.
    ResolvConf(ResolvConf),
    /// The node's connection tracking, as it stands.
    Conntrack(Conntrack),
}

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

/// A Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceFact {
    /// Kubernetes namespace.
    pub namespace: Text,
    /// Name.
    pub name: Text,
    /// ClusterIPs, external and load balancers' addresses.
    pub addresses: Vec<IpAddr>,
}

/// A pod of another node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemotePod {
    /// Kubernetes namespace.
    pub namespace: Text,
    /// Name.
    pub name: Text,
    /// Its node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<Text>,
}

/// What a source knows of cluster DNS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClusterDnsFact {
    /// Where pods send their queries: a Service's address, or that of a cache on the node.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<SocketAddr>,
    /// Pods or processes that answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<Endpoint>,
    /// The cluster domain, without its final dot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<Text>,
}

/// Where cluster DNS answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Address and port behind the Service's.
    pub address: SocketAddr,
    /// Kubernetes namespace and name of its pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<(Text, Text)>,
    /// Whether it takes queries.
    pub ready: bool,
}

/// This node, as one source knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeFact {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// Its own addresses: pods with its network have them, too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
    /// Whom its own resolver asks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resolvers: Vec<IpAddr>,
    /// Inode of its netns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub netns: Option<u32>,
}

/// What a pod's `/etc/resolv.conf` says (resolv.conf(5)): all of it, also what no stub resolver takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResolvConf {
    /// UID of the pod.
    pub pod: Text,
    /// `nameserver` lines, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nameservers: Vec<IpAddr>,
    /// The last `search` or `domain` line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<Text>,
    /// `options`, as they stand: `ndots:5`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<Text>,
}

impl ResolvConf {
    /// A name with fewer dots is tried with the search list first.
    #[must_use]
    pub fn ndots(&self) -> usize {
        let said = self.options.iter().rev().find_map(|option| option.strip_prefix("ndots:")?.parse().ok());
        // resolv.conf(5): 1 where nothing is said, 15 at most.
        said.unwrap_or(1).min(15)
    }
}

/// The node's connection tracking (`/proc/sys/net/netfilter`, `/proc/net/stat/nf_conntrack`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Conntrack {
    /// Entries.
    pub count: u64,
    /// How many there may be.
    pub max: u64,
    /// Packets dropped as there was no room, since boot, where the kernel tells.
    pub dropped: u64,
    /// Packets dropped as another had made the same entry meanwhile, since boot.
    pub insert_failed: u64,
}
