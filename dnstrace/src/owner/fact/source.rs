//! Who says something.

use serde::{Deserialize, Serialize};

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
