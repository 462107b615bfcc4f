//! Lists of all Services → facts on what changed between two of them, and those that are cluster DNS.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use k8s_openapi::api::core::v1;
use kube::Api;
use kube::api::ListParams;
use kube::core::ApiResource;
use serde::Deserialize;

use super::dns::{self, DnsService};
use super::list;
use super::loose::{self, Fields};
use super::object::{Metadata, Object, Read};
use super::pod::addresses;
use super::progress::count;
use super::server::Line;
use crate::owner::fact::{Fact, ServiceFact, Text};

/// Clusters of Kubernetes' tested size have 10,000.
const SERVICES_MAX: usize = 20_000;

/// What we read of a Service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Service {
    #[serde(deserialize_with = "loose::loose")]
    pub(super) metadata: Metadata,
    #[serde(deserialize_with = "loose::loose")]
    pub(super) spec: Spec,
    #[serde(deserialize_with = "loose::loose")]
    status: Status,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Spec {
    #[serde(rename = "clusterIP", deserialize_with = "loose::loose")]
    cluster_ip: String,
    #[serde(rename = "clusterIPs", deserialize_with = "loose::loose")]
    cluster_ips: Vec<String>,
    #[serde(rename = "externalIPs", deserialize_with = "loose::loose")]
    external_ips: Vec<String>,
    #[serde(deserialize_with = "loose::loose")]
    pub(super) ports: Vec<Port>,
}

/// A port of a Service or an EndpointSlice.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Port {
    #[serde(deserialize_with = "loose::loose")]
    pub(super) name: String,
    #[serde(deserialize_with = "loose::loose")]
    pub(super) port: u16,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    #[serde(deserialize_with = "loose::loose")]
    load_balancer: LoadBalancer,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct LoadBalancer {
    #[serde(deserialize_with = "loose::loose")]
    ingress: Vec<Ingress>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Ingress {
    #[serde(deserialize_with = "loose::loose")]
    ip: String,
}

impl Fields for Service {}
impl Fields for Spec {}
impl Fields for Port {}
impl Fields for Status {}
impl Fields for LoadBalancer {}
impl Fields for Ingress {}

impl Read for Service {
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

impl Service {
    pub(super) fn cluster_ips(&self) -> Vec<IpAddr> {
        addresses(self.spec.cluster_ips.iter().chain([&self.spec.cluster_ip]))
    }

    /// None for a headless one.
    fn addresses(&self) -> Vec<IpAddr> {
        let Spec { cluster_ip, cluster_ips, external_ips, .. } = &self.spec;
        let balancers = self.status.load_balancer.ingress.iter().map(|ingress| &ingress.ip);
        addresses(cluster_ips.iter().chain([cluster_ip]).chain(external_ips).chain(balancers))
    }

    fn is_named(&self) -> bool {
        !self.metadata.name.is_empty() && !self.metadata.namespace.is_empty()
    }
}

type Key = (Text, Text);

/// What was told.
#[derive(Default)]
pub(super) struct Services {
    told: HashMap<Key, Vec<IpAddr>>,
    /// Those that are cluster DNS.
    pub(super) dns: Vec<DnsService>,
    /// Those that made no sense in the last list.
    pub(super) skipped: u64,
    cut: bool,
}

/// All of them.
pub(super) async fn list(line: &Line) -> Result<list::Listed<Service>, kube::Error> {
    let kind = ApiResource::erase::<v1::Service>(&());
    let api: Api<Object<Service>> = Api::all_with(line.client.clone(), &kind);
    list::all(&api, ListParams::default(), SERVICES_MAX).await
}

impl Services {
    /// What changed.
    pub(super) fn replace(&mut self, listed: list::Listed<Service>) -> Vec<Fact> {
        let count = listed.items.len();
        let services: Vec<Service> = listed.items.into_iter().filter(Service::is_named).collect();
        self.skipped = u64::try_from(count - services.len()).unwrap_or(u64::MAX);
        self.cut = listed.cut;
        self.dns = services.iter().filter_map(dns::service).collect();
        let now = services.iter().map(|service| (key(service), service.addresses()));
        let now: HashMap<Key, Vec<IpAddr>> = now.filter(|(_key, addresses)| !addresses.is_empty()).collect();
        let before = std::mem::replace(&mut self.told, now);
        self.changes(&before)
    }

    fn changes(&self, before: &HashMap<Key, Vec<IpAddr>>) -> Vec<Fact> {
        let gone = before.keys().filter(|key| !self.told.contains_key(*key)).cloned();
        let gone = gone.map(|(namespace, name)| Fact::ServiceGone { namespace, name });
        let new = self.told.iter().filter(|(key, addresses)| before.get(*key) != Some(*addresses));
        let new = new.map(|((namespace, name), addresses)| {
            let (namespace, name) = (Text::clone(namespace), Text::clone(name));
            Fact::Service(ServiceFact { namespace, name, addresses: addresses.clone() })
        });
        // An address that went from one to another must not go with the first.
        gone.chain(new).collect()
    }

    pub(super) fn addresses(&self) -> Arc<HashSet<IpAddr>> {
        Arc::new(self.told.values().flatten().copied().collect())
    }

    /// For the report.
    pub(super) fn found(&self) -> String {
        let services = count(self.told.len(), "Service");
        if self.cut { format!("{services}, the rest are too many") } else { services }
    }
}

fn key(service: &Service) -> Key {
    let Metadata { namespace, name, .. } = &service.metadata;
    ((&**namespace).into(), (&**name).into())
}
