//! This node, and its connection tracking.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Text;

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
