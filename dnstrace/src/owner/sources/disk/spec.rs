//! An OCI bundle's `config.json` to what it says of pod and container.
//!
//! The file holds the container's whole environment, secrets among it. Only annotations by their names, namespaces, the
//! cgroup's path and where `/etc/resolv.conf` comes from are read of it.

use std::net::IpAddr;

use serde::Deserialize;

use super::annotations::Annotations;
use super::{cgroup_path, netns, uid};
use crate::owner::fact::{CgroupOf, Text};

/// What a bundle is of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spec {
    /// Whether it is the sandbox itself.
    pub(super) is_sandbox: bool,
    pub(super) pod: Option<Text>,
    pub(super) sandbox: Option<Text>,
    pub(super) namespace: Option<Text>,
    pub(super) name: Option<Text>,
    pub(super) container: Option<Text>,
    pub(super) image: Option<Text>,
    pub(super) host_network: bool,
    /// The file that its netns is mounted on.
    pub(super) netns: Option<Text>,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) labels: Vec<(Text, Text)>,
    /// The node's file that is its `/etc/resolv.conf`.
    pub(super) resolv_conf: Option<Text>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    #[serde(default)]
    annotations: Option<Annotations>,
    #[serde(default)]
    linux: Option<Linux>,
    #[serde(default)]
    mounts: Option<Vec<Mount>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Linux {
    namespaces: Option<Vec<Namespace>>,
    cgroups_path: Option<String>,
}

#[derive(Deserialize)]
struct Namespace {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    path: Option<String>,
}

#[derive(Deserialize)]
struct Mount {
    destination: String,
    #[serde(default)]
    source: Option<String>,
}

/// `None` is a bundle that is not Kubernetes'.
pub(super) fn parse(id: &str, bytes: &[u8]) -> Result<Option<Spec>, serde_json::Error> {
    let config: Config = serde_json::from_slice(bytes)?;
    let annotations = config.annotations.unwrap_or_default();
    let Some(is_sandbox) = annotations.is_sandbox() else { return Ok(None) };
    let linux = config.linux.unwrap_or_default();
    let network = linux.namespaces.iter().flatten().find(|namespace| namespace.kind == "network");
    let own = is_sandbox.then_some(id);
    let mounted = config.mounts.iter().flatten().find(|mount| mount.destination == "/etc/resolv.conf");
    Ok(Some(Spec {
        is_sandbox,
        pod: annotations.uid().or_else(|| pod_of(linux.cgroups_path.as_deref()?)),
        sandbox: own.map(Into::into).or_else(|| annotations.sandbox()),
        namespace: annotations.namespace(),
        name: annotations.name(),
        container: annotations.container().filter(|_| !is_sandbox),
        image: annotations.image(),
        host_network: annotations.host_network().unwrap_or(network.is_none()),
        netns: network
            .and_then(|network| netns::file(network.path.as_deref()?))
            .filter(|path| !path.starts_with("/proc/")),
        addresses: annotations.addresses(),
        labels: annotations.labels(),
        resolv_conf: mounted.and_then(|mount| uid::word(mount.source.as_deref()?)),
    }))
}

/// containerd before 1.6 does not say the UID; the cgroup's path has it where kubelet made it.
fn pod_of(cgroups_path: &str) -> Option<Text> {
    match cgroup_path::of(cgroups_path) {
        CgroupOf::Container { pod, .. } => pod,
        CgroupOf::Pod { uid } => Some(uid),
        CgroupOf::Host { .. } | CgroupOf::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "6a1f0f6e-1111-2222-3333-444455556666";

    #[track_caller]
    fn parsed(json: &str) -> Spec {
        parse("self", json.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn containerd_sandbox() {
        let spec = parsed(&format!(
            r#"{{"process":{{"env":["PASSWORD=x"]}},"annotations":{{"io.kubernetes.cri.container-type":"sandbox",
            "io.kubernetes.cri.sandbox-id":"self","io.kubernetes.cri.sandbox-uid":"{UID}",
            "io.kubernetes.cri.sandbox-namespace":"shop","io.kubernetes.cri.sandbox-name":"web-1"}},
            "mounts":[{{"destination":"/etc/resolv.conf","source":"/var/lib/x/resolv.conf"}}],
            "linux":{{"namespaces":[{{"type":"pid"}},{{"type":"network","path":"/var/run/netns/cni-1"}}]}}}}"#
        ));
        assert!(spec.is_sandbox && !spec.host_network);
        assert_eq!((spec.pod.as_deref(), spec.sandbox.as_deref()), (Some(UID), Some("self")));
        assert_eq!((spec.namespace.as_deref(), spec.name.as_deref()), (Some("shop"), Some("web-1")));
        assert_eq!(spec.netns.as_deref(), Some("/run/netns/cni-1"));
        assert_eq!(spec.resolv_conf.as_deref(), Some("/var/lib/x/resolv.conf"));
    }

    #[test]
    fn older_containerd_says_the_uid_in_the_path_of_the_cgroup_only() {
        let id = "a".repeat(64);
        for path in [format!("/kubepods/besteffort/pod{UID}/{id}"), {
            format!("kubepods-besteffort-pod{}.slice:cri-containerd:{id}", UID.replace('-', "_"))
        }] {
            let spec = parsed(&format!(
                r#"{{"annotations":{{"io.kubernetes.cri.container-type":"container","io.kubernetes.cri.sandbox-id":"s",
                "io.kubernetes.cri.container-name":"nginx"}},"linux":{{"cgroupsPath":"{path}"}}}}"#
            ));
            assert_eq!((spec.pod.as_deref(), spec.container.as_deref()), (Some(UID), Some("nginx")));
            assert_eq!((spec.is_sandbox, spec.sandbox.as_deref()), (false, Some("s")));
        }
    }

    #[test]
    fn crio_sandbox() {
        let spec = parsed(
            r#"{"annotations":{"io.kubernetes.cri-o.ContainerType":"sandbox","io.kubernetes.pod.uid":"u-1",
            "io.kubernetes.cri-o.HostNetwork":"false","io.kubernetes.container.name":"POD",
            "io.kubernetes.cri-o.IP.0":"10.1.2.3","io.kubernetes.cri-o.IP.1":"2001:db8::3",
            "io.kubernetes.cri-o.CNIResult":"{\"ips\":[{\"address\":\"10.1.2.3/24\"},{\"address\":\"10.9.9.9/24\"}]}",
            "io.kubernetes.cri-o.Labels":"{\"app\":\"web\",\"secret\":\"x\"}"}}"#,
        );
        assert_eq!(spec.addresses.len(), 3);
        assert_eq!(spec.labels, vec![("app".into(), "web".into())]);
        assert_eq!((spec.container, spec.host_network), (None, false));
    }

    #[test]
    fn no_network_namespace_is_the_nodes_network() {
        let sandbox = r#"{"annotations":{"io.kubernetes.cri.container-type":"sandbox"},"linux":{"namespaces":[]}}"#;
        assert!(parsed(sandbox).host_network);
        assert!(!parsed(&sandbox.replace("[]", r#"[{"type":"network"}]"#)).host_network);
    }

    #[test]
    fn other_bundles_and_malformed_ones() {
        assert_eq!(parse("self", b"{}").unwrap(), None);
        assert_eq!(parse("self", br#"{"annotations":{"x":"y"}}"#).unwrap(), None);
        assert!(parse("self", br#"{"annotations":{"io.kubernetes.cri.sandbox-id":7}}"#).is_err());
        assert!(parse("self", br#"{"annotations":["#).is_err());
    }
}
