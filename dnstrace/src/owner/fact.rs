//! What sources say: each in its own words, as far as it knows.
//!
//! A source says everything it knows of one thing at once; what it says later of the same thing replaces that. The index
//! puts together what several sources say.

mod cluster;
mod node;
mod pod;
mod resolv_conf;
mod source;

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use cluster::{ClusterDnsFact, Endpoint, RemotePod, ServiceFact};
pub use node::{Conntrack, NodeFact};
pub use pod::{CgroupOf, ContainerFact, LABELS, PodFact, Workload, WorkloadBy};
pub use resolv_conf::ResolvConf;
pub use source::Source;

/// Text that many facts share.
pub type Text = Arc<str>;

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
