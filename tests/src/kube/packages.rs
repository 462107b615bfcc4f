//! The Debian packages whose programs the node runs.

use anyhow::Result;

use crate::debian;

const PACKAGES: [&str; 14] = [
    "conntrack",
    "containerd",
    "containernetworking-plugins",
    "etcd-server",
    "ethtool",
    "iproute2",
    "iptables",
    "musl-tools",
    "nftables",
    "openssl",
    "runc",
    "tcpdump",
    "unbound",
    "util-linux",
];

pub(crate) fn install() -> Result<()> {
    debian::install(&PACKAGES)
}
