//! This node: its name, its addresses, its netns, whom it asks.

use super::kubelet_process::Kubelet;
use super::netns::{self, OwnNetns};
use super::{resolv_conf, uid};
use crate::owner::fact::{NodeFact, Text};
use crate::owner::sources::host::HostRoot;

/// The node's name, as kubelet registers it.
#[must_use]
pub fn name(host: &HostRoot) -> Option<Text> {
    name_of(host, Kubelet::find(host).as_ref())
}

fn name_of(host: &HostRoot, kubelet: Option<&Kubelet>) -> Option<Text> {
    let given = ["hostname-override", "node-name"].into_iter().find_map(|flag| kubelet?.flag(flag));
    let own =
        || ["proc/sys/kernel/hostname", "etc/hostname"].into_iter().find_map(|path| host.read_text(path, 1024).ok());
    let name = given.map(str::to_owned).or_else(own)?;
    uid::word(&name.trim().to_lowercase())
}

/// What is known of it. kubelet may run in a netns of its own, which is the node's then.
pub(super) fn look(host: &HostRoot, kubelet: Option<&Kubelet>, own: &OwnNetns) -> NodeFact {
    let of_kubelet = kubelet.and_then(|kubelet| netns::of_process(host, kubelet.pid));
    let netns = of_kubelet.or_else(|| netns::of_process(host, 1));
    let here = netns.is_some() && netns == own.inode;
    let addresses = if here { (own.addresses)() } else { Vec::new() };
    NodeFact { name: name_of(host, kubelet), addresses, resolvers: resolv_conf::of_node(host), netns }
}
