//! What a pod's stub resolver is told.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Text;

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
