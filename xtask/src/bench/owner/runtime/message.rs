//! The messages of CRI that a runtime writes (<https://github.com/kubernetes/cri-api>, `pkg/apis/runtime/v1/api.proto`),
//! with what makes them large, also where nobody here reads it.

use std::collections::HashMap;

use crate::bench::owner::names::{self, LABELS, PODS, TEMPLATE_HASH, container_id, has_host_network, namespace, uid};

/// `NamespaceMode.NODE`.
const NODE: i32 = 2;
/// `ContainerState.CONTAINER_RUNNING`.
const RUNNING: i32 = 1;
const CREATED_AT: i64 = 1_767_225_600_000_000_000;

/// Any request in which nothing is looked for.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Anything {}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SandboxId {
    #[prost(string, tag = "1")]
    pub(super) id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct VersionResponse {
    #[prost(string, tag = "2")]
    runtime_name: String,
    #[prost(string, tag = "3")]
    runtime_version: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SandboxList {
    #[prost(message, repeated, tag = "1")]
    pub(super) items: Vec<Sandbox>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Sandbox {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(message, optional, tag = "2")]
    metadata: Option<SandboxMetadata>,
    #[prost(int64, tag = "4")]
    created_at: i64,
    #[prost(map = "string, string", tag = "5")]
    labels: HashMap<String, String>,
    #[prost(map = "string, string", tag = "6")]
    annotations: HashMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct SandboxMetadata {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    uid: String,
    #[prost(string, tag = "3")]
    namespace: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SandboxStatusResponse {
    #[prost(message, optional, tag = "1")]
    status: Option<SandboxStatus>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct SandboxStatus {
    #[prost(message, optional, tag = "5")]
    network: Option<Network>,
    #[prost(message, optional, tag = "6")]
    linux: Option<Linux>,
    #[prost(map = "string, string", tag = "7")]
    labels: HashMap<String, String>,
    #[prost(map = "string, string", tag = "8")]
    annotations: HashMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Network {
    #[prost(string, tag = "1")]
    ip: String,
    #[prost(message, repeated, tag = "2")]
    additional_ips: Vec<Address>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Address {
    #[prost(string, tag = "1")]
    ip: String,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Linux {
    #[prost(message, optional, tag = "1")]
    namespaces: Option<Namespaces>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Namespaces {
    #[prost(message, optional, tag = "2")]
    options: Option<NamespaceOption>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct NamespaceOption {
    #[prost(int32, tag = "1")]
    network: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ContainerList {
    #[prost(message, repeated, tag = "1")]
    pub(super) containers: Vec<Container>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Container {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    pod_sandbox_id: String,
    #[prost(message, optional, tag = "3")]
    metadata: Option<ContainerMetadata>,
    #[prost(message, optional, tag = "4")]
    image: Option<Image>,
    #[prost(int32, tag = "6")]
    state: i32,
    #[prost(int64, tag = "7")]
    created_at: i64,
    #[prost(map = "string, string", tag = "8")]
    labels: HashMap<String, String>,
    #[prost(map = "string, string", tag = "9")]
    annotations: HashMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ContainerMetadata {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Image {
    #[prost(string, tag = "1")]
    image: String,
    #[prost(string, tag = "18")]
    user_specified_image: String,
}

impl VersionResponse {
    pub(super) fn new() -> Self {
        Self { runtime_name: "containerd".to_owned(), runtime_version: "2.1.4".to_owned() }
    }
}

pub(super) fn sandbox(pod: u32) -> Sandbox {
    let metadata = SandboxMetadata { name: names::pod(pod), uid: uid(pod), namespace: namespace(pod) };
    let (labels, annotations) = (labels(pod), annotations());
    Sandbox { id: container_id(pod), metadata: Some(metadata), created_at: CREATED_AT, labels, annotations }
}

pub(super) fn container(number: u32) -> Container {
    let pod = number % PODS;
    let mut labels = labels(pod);
    labels.insert("io.kubernetes.container.name".to_owned(), names::container(number));
    Container {
        id: container_id(number),
        pod_sandbox_id: container_id(pod),
        metadata: Some(ContainerMetadata { name: names::container(number) }),
        image: Some(Image { image: format!("sha256:{number:064x}"), user_specified_image: names::image(pod) }),
        state: RUNNING,
        created_at: CREATED_AT,
        labels,
        annotations: annotations(),
    }
}

pub(super) fn status(pod: u32) -> SandboxStatusResponse {
    let [four, six] = names::addresses(pod).map(|address| address.to_string());
    let network = Network { ip: four, additional_ips: vec![Address { ip: six }] };
    let options = NamespaceOption { network: if has_host_network(pod) { NODE } else { 0 } };
    let linux = Linux { namespaces: Some(Namespaces { options: Some(options) }) };
    let network = (!has_host_network(pod)).then_some(network);
    let status = SandboxStatus { network, linux: Some(linux), labels: labels(pod), annotations: annotations() };
    SandboxStatusResponse { status: Some(status) }
}

fn labels(pod: u32) -> HashMap<String, String> {
    let kubelets = [("name", names::pod(pod)), ("namespace", namespace(pod)), ("uid", uid(pod))];
    let kubelets = kubelets.into_iter().map(|(name, value)| (format!("io.kubernetes.pod.{name}"), value));
    let own = LABELS.into_iter().map(|name| (name.to_owned(), names::deployment(pod)));
    kubelets.chain(own).chain([("pod-template-hash".to_owned(), TEMPLATE_HASH.to_owned())]).collect()
}

/// A checksum of the configuration is usual, and what somebody applied.
fn annotations() -> HashMap<String, String> {
    let hash = ("io.kubernetes.container.hash".to_owned(), "6f2b1c3d".to_owned());
    let configuration = ("checksum/config".to_owned(), "0f".repeat(32));
    [hash, configuration, ("example.com/applied".to_owned(), "x".repeat(600))].into()
}
