//! Names as given out: who a socket or an address belongs to, and how that is known.

use std::net::IpAddr;
use std::sync::Arc;

use super::fact::{RemotePod, Source, Text, Workload};

/// A pod of this node, put together from what all sources say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// As on this node: canonical hyphenated UUID, or for static pods kubelet's hash.
    pub uid: Text,
    /// Kubernetes namespace; `None` where only the UID is known.
    pub namespace: Option<Text>,
    /// Name; `None` where only the UID is known.
    pub name: Option<Text>,
    /// Whether it has the node's network.
    pub host_network: Option<bool>,
    /// What made it.
    pub workload: Option<Workload>,
    /// Well-known labels.
    pub labels: Vec<(Text, Text)>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Who says its name, or the UID where there is none.
    pub source: Source,
}

impl Pod {
    /// A pod of which nothing but the UID is known: its cgroup has it.
    pub(super) fn unnamed(uid: Text) -> Self {
        Self {
            uid,
            namespace: None,
            name: None,
            host_network: None,
            workload: None,
            labels: Vec::new(),
            addresses: Vec::new(),
            source: Source::Kernel,
        }
    }
}

/// A container of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Container ID.
    pub id: Text,
    /// Name in its pod; `None` is a sandbox, or not known.
    pub name: Option<Text>,
    /// Image.
    pub image: Option<Text>,
    /// UID of its pod.
    pub pod: Option<Text>,
}

/// A Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Kubernetes namespace.
    pub namespace: Text,
    /// Name.
    pub name: Text,
}

/// By what somebody is known; each is trusted more than those after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KnownBy {
    /// The socket is in the pod's netns.
    Netns,
    /// The socket is the cgroup's.
    Cgroup,
    /// The packet came from, or went to, the interface that leads to the pod.
    Interface,
    /// The pod had the address at the time.
    Address,
}

impl KnownBy {
    /// As in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Netns => "netns",
            Self::Cgroup => "cgroup",
            Self::Interface => "interface",
            Self::Address => "address",
        }
    }

    /// The kernel itself says whose a socket is; who sends from an interface, or with an address, is an inference.
    #[must_use]
    pub fn confidence(self) -> &'static str {
        match self {
            Self::Netns | Self::Cgroup => "certain",
            Self::Interface | Self::Address => "likely",
        }
    }
}

/// One end of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party {
    /// A pod of this node.
    Pod {
        /// The pod.
        pod: Arc<Pod>,
        /// Its container, where the cgroup is known.
        container: Option<Arc<Container>>,
        /// How it is known.
        by: KnownBy,
    },
    /// The node itself: a process of no pod, or one of its addresses.
    Node {
        /// systemd unit of the process, where the cgroup is known.
        unit: Option<Text>,
        /// How it is known.
        by: KnownBy,
    },
    /// A pod of another node.
    Remote(Arc<RemotePod>),
    /// Whom the node's own resolver asks.
    Resolver,
}

impl Party {
    /// The pod of this node that it is.
    #[must_use]
    pub fn pod(&self) -> Option<&Arc<Pod>> {
        match self {
            Self::Pod { pod, .. } => Some(pod),
            _ => None,
        }
    }
}

/// What a transaction is in the DNS of a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// Somebody asks cluster DNS.
    Client,
    /// Cluster DNS asks its upstream.
    Upstream,
    /// The node itself asks somebody else.
    Node,
    /// Anything else: a pod that asks another server, or nobody is known.
    #[default]
    Other,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Client, Self::Upstream, Self::Node, Self::Other];

    /// As in JSON and `--role`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Upstream => "upstream",
            Self::Node => "node",
            Self::Other => "other",
        }
    }
}

/// Who a transaction is between. What is not known is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// Who asked.
    pub client: Option<Party>,
    /// The Service that was asked.
    pub service: Option<Arc<Service>>,
    /// Who answered, or would have: behind the Service, after NAT.
    pub server: Option<Party>,
    /// What it is in the cluster's DNS.
    pub role: Role,
}
