//! Annotations of an OCI bundle: what runtimes write there of pod and container.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;

use super::cni_result::{CniResult, address};
use super::uid;
use crate::owner::fact::{LABELS, Text};

/// containerd's (`pkg/cri/annotations`), CRI-O's (`pkg/annotations`), and kubelet's, which CRI-O hands on.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Annotations {
    #[serde(rename = "io.kubernetes.cri.container-type")]
    containerd_type: Option<String>,
    #[serde(rename = "io.kubernetes.cri.sandbox-id")]
    containerd_sandbox: Option<String>,
    #[serde(rename = "io.kubernetes.cri.sandbox-uid")]
    containerd_uid: Option<String>,
    #[serde(rename = "io.kubernetes.cri.sandbox-namespace")]
    containerd_namespace: Option<String>,
    #[serde(rename = "io.kubernetes.cri.sandbox-name")]
    containerd_name: Option<String>,
    #[serde(rename = "io.kubernetes.cri.container-name")]
    containerd_container: Option<String>,
    #[serde(rename = "io.kubernetes.cri.image-name")]
    containerd_image: Option<String>,
    #[serde(rename = "io.kubernetes.cri-o.ContainerType")]
    crio_type: Option<String>,
    #[serde(rename = "io.kubernetes.cri-o.SandboxID")]
    crio_sandbox: Option<String>,
    #[serde(rename = "io.kubernetes.cri-o.Namespace")]
    crio_namespace: Option<String>,
    #[serde(rename = "io.kubernetes.cri-o.KubeName")]
    crio_name: Option<String>,
    #[serde(rename = "io.kubernetes.cri-o.UserRequestedImage")]
    crio_requested_image: Option<String>,
    #[serde(rename = "io.kubernetes.cri-o.ImageName")]
    crio_image: Option<String>,
    #[serde(rename = "io.kubernetes.cri-o.HostNetwork")]
    crio_host_network: Option<String>,
    #[serde(rename = "io.kubernetes.cri-o.IP.0")]
    crio_first_ip: Option<String>,
    #[serde(rename = "io.kubernetes.cri-o.IP.1")]
    crio_second_ip: Option<String>,
    #[serde(rename = "io.kubernetes.cri-o.CNIResult")]
    crio_cni_result: Option<String>,
    #[serde(rename = "io.kubernetes.cri-o.Labels")]
    crio_labels: Option<String>,
    #[serde(rename = "io.kubernetes.pod.uid")]
    kubelet_uid: Option<String>,
    #[serde(rename = "io.kubernetes.pod.namespace")]
    kubelet_namespace: Option<String>,
    #[serde(rename = "io.kubernetes.pod.name")]
    kubelet_name: Option<String>,
    #[serde(rename = "io.kubernetes.container.name")]
    kubelet_container: Option<String>,
}

impl Annotations {
    pub(super) fn is_sandbox(&self) -> Option<bool> {
        first([&self.containerd_type, &self.crio_type]).map(|kind| kind.as_ref() == "sandbox")
    }

    pub(super) fn uid(&self) -> Option<Text> {
        first([&self.containerd_uid, &self.kubelet_uid]).and_then(|text| uid::given(&text))
    }

    pub(super) fn sandbox(&self) -> Option<Text> {
        first([&self.containerd_sandbox, &self.crio_sandbox])
    }

    pub(super) fn namespace(&self) -> Option<Text> {
        first([&self.containerd_namespace, &self.kubelet_namespace, &self.crio_namespace])
    }

    pub(super) fn name(&self) -> Option<Text> {
        first([&self.containerd_name, &self.kubelet_name, &self.crio_name])
    }

    pub(super) fn container(&self) -> Option<Text> {
        first([&self.containerd_container, &self.kubelet_container])
    }

    pub(super) fn image(&self) -> Option<Text> {
        first([&self.containerd_image, &self.crio_requested_image, &self.crio_image])
    }

    pub(super) fn host_network(&self) -> Option<bool> {
        self.crio_host_network.as_deref()?.parse().ok()
    }

    /// CRI-O keeps them in two places; a pod's own word is none of them.
    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        let given = [&self.crio_first_ip, &self.crio_second_ip].into_iter().flatten();
        let mut addresses: Vec<IpAddr> = given.filter_map(|text| address(text)).collect();
        let result = self.crio_cni_result.as_deref().and_then(|json| serde_json::from_str::<CniResult>(json).ok());
        for address in result.and_then(|result| result.addresses()).unwrap_or_default() {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        addresses
    }

    pub(super) fn labels(&self) -> Vec<(Text, Text)> {
        let json = self.crio_labels.as_deref().unwrap_or("{}");
        let labels: BTreeMap<String, String> = serde_json::from_str(json).unwrap_or_default();
        let kept = LABELS.iter().filter_map(|name| Some((Text::from(*name), uid::word(labels.get(*name)?)?)));
        kept.collect()
    }
}

fn first<const N: usize>(candidates: [&Option<String>; N]) -> Option<Text> {
    candidates.into_iter().flatten().find_map(|text| uid::word(text))
}
