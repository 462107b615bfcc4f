//! What things are called on a large node. Pods are numbers below [`PODS`]; so are their sandboxes, and a pod's containers
//! are its number with multiples of [`PODS`] added.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The largest that clouds allow on a node, each with two containers beside its sandbox.
pub(super) const PODS: u32 = 250;
pub(super) const CONTAINERS: u32 = 2 * PODS;
/// Every tenth pod has the node's network.
pub(super) const HOST_NETWORK: u32 = 10;
pub(super) const NODE: &str = "node-17";
/// Each with the pod's Deployment for its value.
pub(super) const LABELS: [&str; 3] = ["app", "app.kubernetes.io/name", "k8s-app"];
/// Of every ReplicaSet.
pub(super) const TEMPLATE_HASH: &str = "6b5c7d8f9";

pub(super) fn has_host_network(pod: u32) -> bool {
    pod.is_multiple_of(HOST_NETWORK)
}

pub(super) fn namespace(pod: u32) -> String {
    format!("team-{:02}", pod % 20)
}

pub(super) fn deployment(pod: u32) -> String {
    format!("service-{:03}", pod / 3)
}

pub(super) fn pod(pod: u32) -> String {
    format!("{}-{TEMPLATE_HASH}-{pod:05x}", deployment(pod))
}

pub(super) fn image(pod: u32) -> String {
    format!("registry.example/team-{:02}/service-{:03}:v1.{}.0", pod % 20, pod / 3, pod % 7)
}

/// Numbers of a pod's containers.
pub(super) fn containers(pod: u32) -> [u32; 2] {
    [PODS + pod, 2 * PODS + pod]
}

pub(super) fn container(number: u32) -> String {
    format!("container-{}", number / PODS)
}

pub(super) fn netns(pod: u32) -> u32 {
    4_026_532_000 + pod
}

pub(super) fn addresses(pod: u32) -> [IpAddr; 2] {
    let six = Ipv6Addr::from_bits(0xfd00_0010_0244_0000_0000_0000_0000_0000 + u128::from(pod) + 2);
    [Ipv4Addr::from_bits(0x0af4_0002 + pod).into(), six.into()]
}

pub(super) fn uid(pod: u32) -> String {
    format!("{pod:08x}-43b0-4e19-9b5e-2ff650ffb5f0")
}

pub(super) fn container_id(number: u32) -> String {
    format!("{number:016x}{number:048x}")
}
