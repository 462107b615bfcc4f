//! Where facts come from: each source is a task that tells what it knows, and what changes.
//!
//! They run on a thread of their own, so that a file system or a server that hangs holds up nobody. Facts cross to the
//! pipeline's thread in a bounded channel; asks go the other way, and are never waited for.

#[cfg_attr(not(test), expect(dead_code, reason = "the sources are started together, which is yet to come"))]
mod api;
mod teller;

use std::path::PathBuf;

pub use self::teller::{Report, State, Teller, Update};

/// Which sources there are to be.
#[derive(Clone, Debug)]
pub struct SourceOptions {
    /// The node's root directory: `/`, `/host` in a debug pod, `/proc/1/root`.
    pub host_root: PathBuf,
    /// The container runtime's socket.
    pub cri: CriOption,
    /// The API server.
    pub kube: KubeOption,
    /// Whether to ask the API server for pods of other nodes.
    pub remote: RemoteOption,
}

/// `--cri`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CriOption {
    /// The socket that is found at one of the usual places, below the host's root.
    Auto,
    /// None.
    Off,
    /// This one, as it is: not below the host's root.
    Socket(PathBuf),
}

/// `--kube`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KubeOption {
    /// With the credentials at hand: of the pod we are in, or the user's own; none is no error.
    Auto,
    /// Not at all.
    Off,
    /// With this kubeconfig.
    Config(PathBuf),
}

/// `--resolve-remote`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteOption {
    /// Addresses only.
    Off,
    /// Each address that is asked for, at most so many a second.
    Ask,
    /// A watch of all pods of the cluster.
    Watch,
}

/// What the pipeline could not resolve: the source that may know looks at once instead of at its next turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// A cgroup id that no fact has named, with a process that was seen there. The disk source answers each with a
    /// [`Fact::Cgroup`](super::fact::Fact::Cgroup), `Unknown` if need be, after the facts on its container and pod.
    Cgroup {
        /// Inode of its directory.
        id: u64,
        /// Process ID, on the host.
        tgid: Option<u32>,
    },
    /// A netns that no fact has named. The disk source answers each: with the pod, or
    /// [`Fact::NetnsUnknown`](super::fact::Fact::NetnsUnknown).
    Netns(u32),
    /// An address that no fact has named; for the API source, when it is to resolve other nodes' pods.
    Address(std::net::IpAddr),
}
