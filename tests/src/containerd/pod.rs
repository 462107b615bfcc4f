//! Pods: what is wanted of one, and what CRI is told for it.

use std::collections::HashMap;
use std::net::IpAddr;

use super::CGROUPS;
use super::message::{
    CONTAINER, ContainerConfig, ContainerMetadata, DnsConfig, ImageSpec, LinuxContainerConfig,
    LinuxContainerSecurityContext, LinuxPodSandboxConfig, LinuxSandboxSecurityContext, NODE, NamespaceOption, POD,
    PodSandboxConfig, PodSandboxMetadata, PodSandboxStatus,
};
use crate::kube::images;

/// A pod of one container, whose program waits; [`exec`](super::Containerd::exec) makes it look names up.
#[derive(Clone, Copy, Debug, Default)]
pub struct PodSpec<'a> {
    /// Kubernetes namespace.
    pub namespace: &'a str,
    /// Name.
    pub name: &'a str,
    /// Name of its container.
    pub container: &'a str,
    /// Labels.
    pub labels: &'a [(&'a str, &'a str)],
    /// Whether it has the node's network.
    pub host_network: bool,
    /// The nameservers in its `/etc/resolv.conf`; none are the node's.
    pub nameservers: &'a [&'a str],
}

/// A pod that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunningPod {
    /// UID.
    pub uid: String,
    /// Kubernetes namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Container ID of its sandbox.
    pub sandbox: String,
    /// ID of its container.
    pub container: String,
    /// Name of its container.
    pub container_name: String,
    /// Addresses of both families; none for a pod with the node's network.
    pub addresses: Vec<IpAddr>,
    /// Inode of its netns, or of the node's.
    pub netns: u64,
    /// Id of its container's cgroup.
    pub cgroup: u64,
    /// A process of its container, by its id on this machine.
    pub process: u32,
}

impl RunningPod {
    /// What is known of it before it runs.
    pub(super) fn of(spec: &PodSpec<'_>) -> Self {
        let [namespace, name, container_name] = [spec.namespace, spec.name, spec.container].map(str::to_owned);
        Self { namespace, name, container_name, ..Self::default() }
    }
}

/// Where kubelet puts the cgroup of a pod of the lowest class.
pub(super) fn cgroup(uid: &str) -> String {
    format!("kubepods/besteffort/pod{uid}")
}

/// Where kubelet puts the logs of a pod.
pub(super) fn log_directory(spec: &PodSpec<'_>, uid: &str) -> String {
    format!("/var/log/pods/{}_{}_{uid}", spec.namespace, spec.name)
}

pub(super) fn sandbox_config(spec: &PodSpec<'_>, uid: &str) -> PodSandboxConfig {
    let servers: Vec<String> = spec.nameservers.iter().map(|server| (*server).to_owned()).collect();
    PodSandboxConfig {
        metadata: Some(PodSandboxMetadata {
            name: spec.name.to_owned(),
            uid: uid.to_owned(),
            namespace: spec.namespace.to_owned(),
        }),
        hostname: if spec.host_network { String::new() } else { spec.name.to_owned() },
        log_directory: log_directory(spec, uid),
        dns_config: (!servers.is_empty()).then_some(DnsConfig { servers }),
        labels: labels(spec, uid).chain(own_labels(spec)).collect(),
        linux: Some(LinuxPodSandboxConfig {
            cgroup_parent: format!("/{}/{}", CGROUPS.0, cgroup(uid)),
            security_context: Some(LinuxSandboxSecurityContext { namespace_options: Some(namespaces(spec)) }),
        }),
    }
}

pub(super) fn container_config(spec: &PodSpec<'_>, uid: &str) -> ContainerConfig {
    let name = ("io.kubernetes.container.name".to_owned(), spec.container.to_owned());
    ContainerConfig {
        metadata: Some(ContainerMetadata { name: spec.container.to_owned() }),
        image: Some(ImageSpec { image: images::MUSL.reference() }),
        args: ["-every", "3600"].map(str::to_owned).to_vec(),
        labels: labels(spec, uid).chain([name]).collect::<HashMap<_, _>>(),
        log_path: format!("{}/0.log", spec.container),
        linux: Some(LinuxContainerConfig {
            security_context: Some(LinuxContainerSecurityContext { namespace_options: Some(namespaces(spec)) }),
        }),
    }
}

pub(super) fn addresses(status: Option<PodSandboxStatus>) -> Vec<IpAddr> {
    let network = status.and_then(|status| status.network).unwrap_or_default();
    let texts = std::iter::once(network.ip).chain(network.additional_ips.into_iter().map(|each| each.id));
    texts.filter_map(|text| text.parse().ok()).collect()
}

/// Those that kubelet adds.
fn labels(spec: &PodSpec<'_>, uid: &str) -> impl Iterator<Item = (String, String)> {
    let pairs = [("name", spec.name), ("namespace", spec.namespace), ("uid", uid)];
    pairs.map(|(key, value)| (format!("io.kubernetes.pod.{key}"), value.to_owned())).into_iter()
}

fn own_labels(spec: &PodSpec<'_>) -> impl Iterator<Item = (String, String)> {
    spec.labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
}

fn namespaces(spec: &PodSpec<'_>) -> NamespaceOption {
    NamespaceOption { network: if spec.host_network { NODE } else { POD }, pid: CONTAINER }
}
