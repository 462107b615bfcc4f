//! Services that are cluster DNS and their EndpointSlices → what the API knows of cluster DNS.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::discovery::v1;
use kube::Api;
use kube::api::ListParams;
use kube::core::ApiResource;
use serde::Deserialize;

use super::loose::{self, Fields};
use super::object::{Metadata, Object, Read};
use super::server::Line;
use super::services::{Port, Service};
use crate::owner::fact::{ClusterDnsFact, Endpoint, Text};

/// Some distributions have a DNS pod on each of 5,000 nodes; a slice has a hundred endpoints, a family has its own.
const SLICES_MAX: usize = 200;

/// A Service that is cluster DNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DnsService {
    namespace: String,
    name: String,
    servers: Vec<SocketAddr>,
    /// Names of its ports for DNS: behind port 53, pods may have another, such as 5353.
    ports: BTreeSet<String>,
}

/// What we read of an EndpointSlice.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Slice {
    #[serde(deserialize_with = "loose::loose")]
    metadata: Metadata,
    #[serde(deserialize_with = "loose::loose")]
    ports: Vec<Port>,
    #[serde(deserialize_with = "loose::loose")]
    endpoints: Vec<SliceEndpoint>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SliceEndpoint {
    #[serde(deserialize_with = "loose::loose")]
    addresses: Vec<String>,
    #[serde(deserialize_with = "loose::loose")]
    conditions: Conditions,
    #[serde(deserialize_with = "loose::loose")]
    target_ref: Target,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Conditions {
    #[serde(deserialize_with = "loose::maybe")]
    ready: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Target {
    #[serde(deserialize_with = "loose::loose")]
    kind: String,
    #[serde(deserialize_with = "loose::loose")]
    namespace: String,
    #[serde(deserialize_with = "loose::loose")]
    name: String,
}

impl Fields for Slice {}
impl Fields for SliceEndpoint {}
impl Fields for Conditions {}
impl Fields for Target {}

impl Read for Slice {
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

/// The Service as cluster DNS, if it is. No label is on all of them, and neither is a name.
pub(super) fn service(service: &Service) -> Option<DnsService> {
    let Metadata { namespace, name, labels, .. } = &service.metadata;
    let named = ["coredns", "kube-dns", "rke2-coredns-rke2-coredns"].contains(&&**name);
    let is_dns = match &**namespace {
        "kube-system" => named || labels.get("k8s-app") == Some("kube-dns"),
        "openshift-dns" => name == "dns-default",
        _ => false,
    };
    let ports = service.spec.ports.iter().filter(|port| port.port == 53 || port.name.starts_with("dns"));
    let numbers: BTreeSet<u16> = ports.clone().map(|port| port.port).collect();
    let at = |address: IpAddr| numbers.iter().map(move |port| SocketAddr::new(address, *port));
    is_dns.then(|| DnsService {
        namespace: namespace.clone(),
        name: name.clone(),
        servers: service.cluster_ips().into_iter().flat_map(at).collect(),
        ports: ports.map(|port| port.name.clone()).collect(),
    })
}

/// The slices of all of them, from the server's cache: one list for each Kubernetes namespace, of which there is one.
pub(super) async fn slices(line: &Line, services: &[DnsService]) -> Result<Vec<Slice>, kube::Error> {
    let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for service in services {
        names.entry(&service.namespace).or_default().push(&service.name);
    }
    let kind = ApiResource::erase::<v1::EndpointSlice>(&());
    let mut slices = Vec::new();
    for (namespace, names) in names {
        let api: Api<Object<Slice>> = Api::namespaced_with(line.client.clone(), namespace, &kind);
        let selector = format!("kubernetes.io/service-name in ({})", names.join(","));
        let listed = api.list(&ListParams::default().labels(&selector).match_any()).await?;
        slices.extend(listed.items.into_iter().take(SLICES_MAX).map(|object| object.read));
    }
    Ok(slices)
}

/// All that is known, in an order that does not depend on the server's.
pub(super) fn fact(services: &[DnsService], slices: &[Slice]) -> ClusterDnsFact {
    let servers: BTreeSet<SocketAddr> = services.iter().flat_map(|service| service.servers.iter().copied()).collect();
    let mut endpoints: BTreeMap<SocketAddr, Endpoint> = BTreeMap::new();
    for slice in slices {
        let Some(service) = services.iter().find(|service| service.has(slice)) else { continue };
        for endpoint in service.endpoints(slice) {
            endpoints.entry(endpoint.address).and_modify(|known| known.ready |= endpoint.ready).or_insert(endpoint);
        }
    }
    ClusterDnsFact {
        servers: servers.into_iter().collect(),
        endpoints: endpoints.into_values().collect(),
        domain: None,
    }
}

impl DnsService {
    fn has(&self, slice: &Slice) -> bool {
        let Metadata { namespace, labels, .. } = &slice.metadata;
        *namespace == self.namespace && labels.get("kubernetes.io/service-name") == Some(&self.name)
    }

    fn endpoints<'a>(&'a self, slice: &'a Slice) -> impl Iterator<Item = Endpoint> + 'a {
        let ports = slice.ports.iter().filter(|port| port.port != 0 && self.ports.contains(&port.name));
        let ports: BTreeSet<u16> = ports.map(|port| port.port).collect();
        let places = slice.endpoints.iter().flat_map(SliceEndpoint::places);
        places.flat_map(move |(address, endpoint)| {
            let at = |port: &u16| endpoint.at(SocketAddr::new(address, *port));
            ports.iter().map(at).collect::<Vec<_>>()
        })
    }
}

impl SliceEndpoint {
    fn places(&self) -> impl Iterator<Item = (IpAddr, &Self)> {
        self.addresses.iter().filter_map(|text| text.parse::<IpAddr>().ok()).map(move |ip| (ip.to_canonical(), self))
    }

    fn at(&self, address: SocketAddr) -> Endpoint {
        let Target { kind, namespace, name } = &self.target_ref;
        let is_pod = kind == "Pod" && !namespace.is_empty() && !name.is_empty();
        let pod = is_pod.then(|| (Text::from(&**namespace), Text::from(&**name)));
        // EndpointSlice's documentation: consumers should take the lack of this condition for readiness.
        Endpoint { address, pod, ready: self.conditions.ready.unwrap_or(true) }
    }
}
