//! What is known of the node's pods, containers, cgroups and addresses: facts in, names out.
//!
//! Facts are applied as they come; lookups are for the time of a packet, which may be a while ago.

mod claims;
mod lookup;
mod notes;
mod pods;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub(super) use self::lookup::{Found, Lack, Nearest, Seen};
pub(super) use self::notes::Telling;
pub use self::notes::Told;

use self::claims::Claims;
use self::pods::{ContainerEntry, PodEntry};
use super::fact::{
    CgroupOf, Conntrack, ContainerFact, Fact, NodeFact, PodFact, RemotePod, ResolvConf, ServiceFact, Source, Text,
};
use super::named::{Container, Pod, Service};
use crate::capture::BootTime;

/// The largest nodes have some 500 pods; those that are gone stay known for two minutes.
const PODS_MAX: usize = 8_192;
/// Some five a pod, with sandboxes and what has been restarted.
const CONTAINERS_MAX: usize = 32_768;
/// Cgroups that are looked up: those of containers, and of whatever else on the node asks.
const CGROUPS_MAX: usize = 65_536;
/// Clusters have up to 10,000 Services, of one or two addresses.
const SERVICES_MAX: usize = 40_000;
/// Pods of other nodes: the largest clusters have 150,000, of two addresses in dual stack.
const REMOTE_MAX: usize = 300_000;
/// What is gone stays known for so long: see [`claims`].
const TOMBSTONE: Duration = Duration::from_mins(2);

type Table<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// What does not fit, or together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexCounts {
    /// Lookups whose keys belong to two pods at once: the more trusted one was taken.
    pub conflicts: u64,
    /// Facts that were left out as a table was full.
    pub left_out: u64,
}

/// What a cgroup is.
#[derive(Debug)]
struct CgroupEntry {
    of: CgroupOf,
    /// When that became known.
    since: BootTime,
    gone: Option<BootTime>,
}

/// What is known.
#[derive(Debug, Default)]
pub struct Index {
    pods: Table<Text, PodEntry>,
    /// UID of the pod of a sandbox.
    sandboxes: Table<Text, Text>,
    containers: Table<Text, ContainerEntry>,
    cgroups: Table<u64, CgroupEntry>,
    claims: Claims,
    services: Table<IpAddr, Arc<Service>>,
    by_service: Table<(Text, Text), (Vec<IpAddr>, BootTime)>,
    /// Kubernetes namespaces that have a Service of a name.
    by_service_name: Table<Text, BTreeSet<Text>>,
    remote: Table<IpAddr, Arc<RemotePod>>,
    node: Vec<(Source, NodeFact)>,
    /// When that changed.
    node_changed: BootTime,
    /// By the pod's UID.
    resolv_confs: Table<Text, (ResolvConf, BootTime)>,
    conntrack: Option<(Conntrack, BootTime)>,
    /// When something was said last of anything.
    changed: BootTime,
    counts: IndexCounts,
}

impl Index {
    /// What a source says at `now`. Cluster DNS is none of the index's business.
    pub(super) fn apply(&mut self, source: Source, fact: Fact, now: BootTime) {
        self.changed = now;
        match fact {
            Fact::Pod(fact) => self.add_pod(source, fact, now),
            Fact::PodGone { uid, sandbox } => self.remove_pod(source, &uid, sandbox.as_deref(), now),
            Fact::Container(fact) => self.add_container(source, fact, now),
            Fact::ContainerGone { id } => {
                if let Some(entry) = self.containers.get_mut(&id) {
                    entry.remove(source, now);
                }
            }
            Fact::Cgroup { id, of } => self.add_cgroup(id, of, now),
            Fact::CgroupGone { id } => {
                if let Some(entry) = self.cgroups.get_mut(&id) {
                    entry.gone.get_or_insert(now);
                }
            }
            Fact::Service(fact) => self.add_service(fact, now),
            Fact::ServiceGone { namespace, name } => self.remove_service(&(namespace, name)),
            Fact::Remote { address, pod } => self.add_remote(address, pod),
            Fact::Node(fact) => self.add_node(source, fact, now),
            Fact::ResolvConf(fact) => self.add_resolv_conf(fact, now),
            Fact::Conntrack(fact) => self.conntrack = Some((fact, now)),
            Fact::NetnsUnknown { .. } | Fact::ClusterDns(_) => {}
        }
    }

    /// Forgets what is gone for long.
    pub(super) fn prune(&mut self, now: BootTime) {
        let is_known = |gone: Option<BootTime>| gone.is_none_or(|gone| now.since(gone) < TOMBSTONE);
        self.claims.prune(now);
        self.pods.retain(|_, pod| is_known(pod.gone));
        self.containers.retain(|_, container| is_known(container.gone));
        self.cgroups.retain(|_, cgroup| is_known(cgroup.gone));
        self.sandboxes.retain(|_, uid| self.pods.contains_key(uid));
        self.resolv_confs.retain(|uid, _| self.pods.contains_key(uid));
    }

    /// What does not fit, or together.
    pub(super) fn counts(&self) -> IndexCounts {
        self.counts
    }

    /// Pods, those that are gone left out, in order of Kubernetes namespace and name.
    #[must_use]
    pub fn pods(&self) -> Vec<&Arc<Pod>> {
        let mut pods: Vec<_> = self.pods.values().filter(|pod| pod.gone.is_none()).map(|pod| &pod.given).collect();
        pods.sort_by(|a, b| (&a.namespace, &a.name, &a.uid).cmp(&(&b.namespace, &b.name, &b.uid)));
        pods
    }

    /// Containers of a pod that have a name, in its order.
    #[must_use]
    pub fn containers(&self, uid: &str) -> Vec<&Arc<Container>> {
        let running = self.containers.values().filter(|container| container.gone.is_none());
        let of_pod = running.map(|entry| &entry.given).filter(|of| of.pod.as_deref() == Some(uid) && of.name.is_some());
        let mut containers: Vec<_> = of_pod.collect();
        containers.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        containers
    }

    /// The sources that know a pod.
    #[must_use]
    pub fn sources(&self, uid: &str) -> Vec<Source> {
        let mut sources: Vec<_> = self.pods.get(uid).iter().flat_map(|pod| pod.said()).map(|said| said.0).collect();
        sources.dedup();
        sources
    }

    /// Services by address, in order of address.
    #[must_use]
    pub fn services(&self) -> Vec<(IpAddr, &Arc<Service>)> {
        let mut services: Vec<_> = self.services.iter().map(|(address, service)| (*address, service)).collect();
        services.sort_by_key(|service| service.0);
        services
    }

    /// The Service with an address.
    #[must_use]
    pub fn service(&self, address: IpAddr) -> Option<&Arc<Service>> {
        self.services.get(&address.to_canonical())
    }

    /// Kubernetes namespaces that have a Service of this name, in their order; `None` where no Service is known.
    #[must_use]
    pub fn namespaces_of_service(&self, name: &str) -> Option<Vec<&Text>> {
        let found = self.by_service_name.get(name).into_iter().flatten();
        (!self.by_service.is_empty()).then(|| found.collect())
    }

    /// Whether a Service is known in a Kubernetes namespace.
    #[must_use]
    pub fn has_services_in(&self, namespace: &str) -> bool {
        self.by_service.keys().any(|service| *service.0 == *namespace)
    }

    /// The node's name.
    #[must_use]
    pub fn node_name(&self) -> Option<&Text> {
        self.node.iter().find_map(|said| said.1.name.as_ref())
    }

    /// Inode of the node's netns.
    #[must_use]
    pub fn node_netns(&self) -> Option<u32> {
        self.node.iter().find_map(|said| said.1.netns)
    }

    /// What a pod's `/etc/resolv.conf` says.
    #[must_use]
    pub fn resolv_conf(&self, uid: &str) -> Option<&ResolvConf> {
        self.resolv_confs.get(uid).map(|known| &known.0)
    }

    /// The node's connection tracking, as last read.
    #[must_use]
    pub fn conntrack(&self) -> Option<&Conntrack> {
        self.conntrack.as_ref().map(|known| &known.0)
    }

    fn add_resolv_conf(&mut self, fact: ResolvConf, now: BootTime) {
        if self.resolv_confs.len() >= PODS_MAX && !self.resolv_confs.contains_key(&fact.pod) {
            self.counts.left_out += 1;
            return;
        }
        self.resolv_confs.insert(fact.pod.clone(), (fact, now));
    }

    fn add_pod(&mut self, source: Source, fact: PodFact, now: BootTime) {
        if fact.uid.is_empty() || (self.pods.len() >= PODS_MAX && !self.pods.contains_key(&fact.uid)) {
            self.counts.left_out += 1;
            return;
        }
        let entry = self.pods.entry(fact.uid.clone()).or_insert_with(|| PodEntry::new(&fact.uid));
        if entry.knows(source, &fact) {
            return;
        }
        self.claims.replace(source, entry.before(source, fact.sandbox.as_deref()), &fact, now);
        if let Some(sandbox) = &fact.sandbox {
            self.sandboxes.insert(sandbox.clone(), fact.uid.clone());
        }
        entry.add(source, fact, now);
    }

    fn remove_pod(&mut self, source: Source, uid: &str, sandbox: Option<&str>, now: BootTime) {
        let removed = self.pods.get_mut(uid).and_then(|entry| entry.remove(source, sandbox, now));
        if let Some(fact) = removed {
            self.claims.end_all(source, &fact, now);
        }
    }

    fn add_container(&mut self, source: Source, fact: ContainerFact, now: BootTime) {
        if self.containers.len() >= CONTAINERS_MAX && !self.containers.contains_key(&fact.id) {
            self.counts.left_out += 1;
            return;
        }
        let entry = self.containers.entry(fact.id.clone()).or_insert_with(|| ContainerEntry::new(&fact.id));
        if !entry.knows(source, &fact) {
            entry.add((source, fact), now, |sandbox| self.sandboxes.get(sandbox).cloned());
        }
    }

    fn add_cgroup(&mut self, id: u64, of: CgroupOf, now: BootTime) {
        if self.cgroups.len() >= CGROUPS_MAX && !self.cgroups.contains_key(&id) {
            self.counts.left_out += 1;
            return;
        }
        let known = self.cgroups.get(&id).filter(|known| known.of == of).map_or(now, |known| known.since);
        self.cgroups.insert(id, CgroupEntry { of, since: known, gone: None });
    }

    fn add_node(&mut self, source: Source, fact: NodeFact, now: BootTime) {
        if self.node.iter().any(|said| said.0 == source && said.1 == fact) {
            return;
        }
        self.node.retain(|said| said.0 != source);
        self.node.push((source, fact));
        self.node.sort_by_key(|said| said.0);
        self.node_changed = now;
    }

    fn add_service(&mut self, fact: ServiceFact, now: BootTime) {
        let ServiceFact { namespace, name, addresses } = fact;
        let key = (namespace, name);
        let known = self.by_service.get(&key).filter(|known| known.0 == addresses).map_or(now, |known| known.1);
        self.remove_service(&key);
        if self.services.len() + addresses.len() > SERVICES_MAX {
            self.counts.left_out += 1;
            return;
        }
        let service = Arc::new(Service { namespace: key.0.clone(), name: key.1.clone() });
        for address in &addresses {
            self.services.insert(address.to_canonical(), Arc::clone(&service));
        }
        self.by_service_name.entry(key.1.clone()).or_default().insert(key.0.clone());
        self.by_service.insert(key, (addresses, known));
    }

    fn remove_service(&mut self, key: &(Text, Text)) {
        let addresses = self.by_service.remove(key);
        if let Some(namespaces) = self.by_service_name.get_mut(&key.1) {
            namespaces.remove(&key.0);
            if namespaces.is_empty() {
                self.by_service_name.remove(&key.1);
            }
        }
        for address in addresses.unwrap_or_default().0 {
            // Another Service may have got it in the meantime.
            let is_its = |service: &Arc<Service>| service.namespace == key.0 && service.name == key.1;
            if self.services.get(&address.to_canonical()).is_some_and(is_its) {
                self.services.remove(&address.to_canonical());
            }
        }
    }

    fn add_remote(&mut self, address: IpAddr, pod: Option<RemotePod>) {
        let address = address.to_canonical();
        match pod {
            None => drop(self.remote.remove(&address)),
            Some(_) if self.remote.len() >= REMOTE_MAX && !self.remote.contains_key(&address) => {
                self.counts.left_out += 1;
            }
            Some(pod) => drop(self.remote.insert(address, Arc::new(pod))),
        }
    }
}
