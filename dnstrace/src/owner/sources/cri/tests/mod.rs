mod fake;
mod listings;
mod reading;

use std::collections::HashMap;
use std::net::IpAddr;

use super::message::{
    Container, ContainerMetadata, ImageSpec, LinuxPodSandboxStatus, Namespace, NamespaceOption, PodIp, PodSandbox,
    PodSandboxMetadata, PodSandboxNetworkStatus, PodSandboxStatus,
};
use crate::owner::fact::Fact;

/// The id of the sandbox or container with this number.
fn id(number: u32) -> String {
    format!("{number:064x}")
}

fn uid(number: u32) -> String {
    format!("6a1f0f6e-0000-4000-8000-{number:012}")
}

fn labels(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// A ready sandbox of a pod in `shop`.
fn sandbox(number: u32, name: &str) -> PodSandbox {
    let metadata = PodSandboxMetadata { name: name.to_owned(), uid: uid(number), namespace: "shop".to_owned() };
    PodSandbox { id: id(number), metadata: Some(metadata), created_at: 1, ..PodSandbox::default() }
}

fn status(network: i32, addresses: &[&str]) -> PodSandboxStatus {
    let mut ips = addresses.iter().map(|address| (*address).to_owned());
    let ip = ips.next().unwrap_or_default();
    let additional_ips = ips.map(|ip| PodIp { ip }).collect();
    let namespaces = Some(Namespace { options: Some(NamespaceOption { network }) });
    PodSandboxStatus {
        network: Some(PodSandboxNetworkStatus { ip, additional_ips }),
        linux: Some(LinuxPodSandboxStatus { namespaces }),
    }
}

fn container(number: u32, sandbox: u32, name: &str) -> Container {
    Container {
        id: id(number),
        pod_sandbox_id: id(sandbox),
        metadata: Some(ContainerMetadata { name: name.to_owned() }),
        image: Some(ImageSpec { image: "sha256:1".to_owned(), user_specified_image: format!("{name}:1") }),
        labels: HashMap::new(),
    }
}

/// A fact in a line.
fn shown(fact: &Fact) -> String {
    match fact {
        Fact::Pod(pod) => {
            let addresses = pod.addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(" ");
            let (namespace, name) = (pod.namespace.as_deref().unwrap(), pod.name.as_deref().unwrap());
            let network = match pod.host_network {
                Some(true) => "node",
                Some(false) => "own",
                None => "?",
            };
            format!("{namespace}/{name} {network} [{addresses}]")
        }
        Fact::PodGone { uid, .. } => format!("gone {uid}"),
        Fact::Container(container) => {
            format!("{} of {}", container.name.as_deref().unwrap(), container.pod.as_deref().unwrap())
        }
        Fact::ContainerGone { id } => format!("gone container {}", id.trim_start_matches('0')),
        other => format!("{other:?}"),
    }
}
