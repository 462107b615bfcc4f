//! What CRI says of a sandbox, to what we say of its pod.

use std::collections::HashMap;
use std::net::IpAddr;

use super::message::{NETWORK_OF_NODE, PodSandbox, PodSandboxStatus};
use crate::capture::live::boot_time_of;
use crate::capture::{BootTime, WallTime};
use crate::owner::fact::{LABELS, PodFact, Text};
use crate::owner::workload;

/// Kubernetes's own bounds, of names,
const NAME_LEN_MAX: usize = 253;
/// Kubernetes namespaces and the values of labels.
const LABEL_LEN_MAX: usize = 63;

/// Kubernetes gives a pod two; additional networks a few more.
const ADDRESSES_MAX: usize = 16;

/// What the list says. `None` for a sandbox that is no pod of kubelet's, or malformed.
pub(super) fn listed(sandbox: &PodSandbox) -> Option<PodFact> {
    let metadata = sandbox.metadata.clone().unwrap_or_default();
    // Where the runtime keeps none, kubelet's labels say the same.
    let or_label = |value: String, key| if value.is_empty() { label(&sandbox.labels, key).to_owned() } else { value };
    let uid = or_label(metadata.uid, "io.kubernetes.pod.uid");
    let name = text(&or_label(metadata.name, "io.kubernetes.pod.name"), NAME_LEN_MAX)?;
    let namespace = text(&or_label(metadata.namespace, "io.kubernetes.pod.namespace"), LABEL_LEN_MAX)?;
    if !is_uid(&uid) || !is_container_id(&sandbox.id) {
        return None;
    }
    let workload = workload::from_labels(&name, |key| sandbox.labels.get(key).map(String::as_str));
    Some(PodFact {
        uid: uid.into(),
        sandbox: Some(sandbox.id.as_str().into()),
        namespace: Some(namespace),
        name: Some(name),
        workload,
        labels: kept_labels(&sandbox.labels),
        since: since(sandbox.created_at),
        ..PodFact::default()
    })
}

/// Adds what the sandbox's status says. Whether that is all there is to say: a pod gets its addresses after its sandbox.
pub(super) fn complete(pod: &mut PodFact, status: &PodSandboxStatus) -> bool {
    let namespaces = status.linux.as_ref().and_then(|linux| linux.namespaces.as_ref());
    let network = namespaces.and_then(|namespaces| namespaces.options.as_ref()).map(|options| options.network);
    pod.host_network = network.map(|network| network == NETWORK_OF_NODE);
    // CRI-O gives a pod with the node's network the node's addresses.
    pod.addresses = if pod.host_network == Some(false) { addresses(status) } else { Vec::new() };
    pod.host_network == Some(true) || !pod.addresses.is_empty()
}

fn addresses(status: &PodSandboxStatus) -> Vec<IpAddr> {
    let Some(network) = &status.network else { return Vec::new() };
    let texts = std::iter::once(&network.ip).chain(network.additional_ips.iter().map(|additional| &additional.ip));
    let mut addresses = Vec::new();
    for address in texts.filter_map(|text| text.parse::<IpAddr>().ok()).map(|address| address.to_canonical()) {
        if !addresses.contains(&address) && !address.is_unspecified() && addresses.len() < ADDRESSES_MAX {
            addresses.push(address);
        }
    }
    addresses
}

fn since(created_at: i64) -> Option<BootTime> {
    let wall = u64::try_from(created_at).ok().filter(|wall| *wall != 0)?;
    Some(boot_time_of(WallTime(wall)))
}

fn kept_labels(labels: &HashMap<String, String>) -> Vec<(Text, Text)> {
    let pairs = LABELS.iter().filter_map(|key| Some(((*key).into(), text(labels.get(*key)?, LABEL_LEN_MAX)?)));
    pairs.collect()
}

/// The value of a label; empty where there is none.
pub(super) fn label<'a>(labels: &'a HashMap<String, String>, key: &str) -> &'a str {
    labels.get(key).map_or("", String::as_str)
}

/// A text that is there and not longer than it may be.
pub(super) fn text(value: &str, len_max: usize) -> Option<Text> {
    (!value.is_empty() && value.len() <= len_max).then(|| value.into())
}

/// 64 hexadecimal digits.
pub(super) fn is_container_id(id: &str) -> bool {
    id.len() == 64 && id.bytes().all(is_hex)
}

/// A canonical UUID, or kubelet's hash of a static pod. What is started by `crictl runp` may have any.
pub(super) fn is_uid(uid: &str) -> bool {
    let is_in_place = |(place, byte)| if matches!(place, 8 | 13 | 18 | 23) { byte == b'-' } else { is_hex(byte) };
    workload::static_pod(uid) || (uid.len() == 36 && uid.bytes().enumerate().all(is_in_place))
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}
