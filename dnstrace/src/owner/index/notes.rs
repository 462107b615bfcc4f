//! Facts again, of what was used: who reads them gets the same names.

use std::net::IpAddr;
use std::sync::Arc;

use super::{CgroupEntry, Index, Table};
use crate::capture::BootTime;
use crate::owner::fact::{CgroupOf, Conntrack, Fact, NodeFact, RemotePod, ResolvConf, ServiceFact, Source, Text};
use crate::owner::named::Party;

/// What was told already: of one file.
#[derive(Debug, Default)]
pub struct Told {
    /// That there are sources.
    pub(in crate::owner) begun: bool,
    /// Of everything.
    pub(in crate::owner) version: u64,
    /// Of cluster DNS.
    pub(in crate::owner) cluster_dns: u64,
    /// Netns of nobody, the first so many.
    pub(in crate::owner) nobodys: usize,
    /// Pods and containers with the version that was told.
    pods: Table<Text, u64>,
    containers: Table<Text, u64>,
    cgroups: Table<u64, CgroupOf>,
    services: Table<(Text, Text), Vec<IpAddr>>,
    remote: Table<IpAddr, Arc<RemotePod>>,
    node: Vec<(Source, NodeFact)>,
    resolv_confs: Table<Text, (ResolvConf, BootTime)>,
    conntrack: Option<(Conntrack, BootTime)>,
}

/// A fact with its source, and when it became known. Who reads it knows it from then on, too, and not before.
pub(in crate::owner) type Telling = (Source, Fact, BootTime);

impl Index {
    /// What is needed to know a party, as far as it was not told.
    pub(in crate::owner) fn tell_party(&self, party: &Party, told: &mut Told, out: &mut Vec<Telling>) {
        if let Party::Pod { pod, container, .. } = party {
            self.tell_pod(&pod.uid, told, out);
            if let Some(container) = container {
                self.tell_container(&container.id, told, out);
            }
        }
    }

    /// What a cgroup is.
    pub(in crate::owner) fn tell_cgroup(&self, id: u64, told: &mut Told, out: &mut Vec<Telling>) {
        let Some(CgroupEntry { of, since, .. }) = self.cgroups.get(&id) else { return };
        if told.cgroups.get(&id) != Some(of) {
            told.cgroups.insert(id, of.clone());
            out.push((Source::Kernel, Fact::Cgroup { id, of: of.clone() }, *since));
        }
    }

    /// What an address is that is no pod's of this node.
    pub(in crate::owner) fn tell_address(&self, address: IpAddr, told: &mut Told, out: &mut Vec<Telling>) {
        let address = address.to_canonical();
        if let Some(service) = self.services.get(&address) {
            self.tell_service(&(service.namespace.clone(), service.name.clone()), told, out);
        } else if let Some(pod) = self.remote.get(&address)
            && told.remote.get(&address) != Some(pod)
        {
            told.remote.insert(address, Arc::clone(pod));
            let pod = Some(RemotePod::clone(pod));
            out.push((Source::Api, Fact::Remote { address, pod }, self.changed));
        }
    }

    /// What changed of the node, and of those that were told.
    pub(in crate::owner) fn tell_changed(&self, told: &mut Told, out: &mut Vec<Telling>) {
        if told.node != self.node {
            told.node.clone_from(&self.node);
            out.extend(self.node.iter().map(|(source, fact)| (*source, Fact::Node(fact.clone()), self.node_changed)));
        }
        if told.conntrack != self.conntrack {
            told.conntrack = self.conntrack;
            out.extend(self.conntrack.map(|(fact, at)| (Source::Kernel, Fact::Conntrack(fact), at)));
        }
        // What is forgotten is not told again.
        told.pods.retain(|uid, _| self.pods.contains_key(uid));
        told.resolv_confs.retain(|uid, _| self.resolv_confs.contains_key(uid));
        told.containers.retain(|id, _| self.containers.contains_key(id));
        told.cgroups.retain(|id, _| self.cgroups.contains_key(id));
        for uid in keys(&told.pods) {
            self.tell_pod(&uid, told, out);
        }
        for service in keys(&told.services) {
            self.tell_service(&service, told, out);
        }
        for address in keys(&told.remote).into_iter().filter(|address| !self.remote.contains_key(address)) {
            told.remote.remove(&address);
            out.push((Source::Api, Fact::Remote { address, pod: None }, self.changed));
        }
    }

    /// Everything that is known.
    pub(in crate::owner) fn tell_all(&self, told: &mut Told, out: &mut Vec<Telling>) {
        self.tell_changed(told, out);
        for pod in self.pods() {
            self.tell_pod(&pod.uid, told, out);
        }
        let mut containers: Vec<_> = self.containers.iter().filter(|(_, entry)| entry.gone.is_none()).collect();
        containers.sort_by_key(|(id, _)| *id);
        for (id, _) in containers {
            self.tell_container(id, told, out);
        }
        let mut cgroups: Vec<_> = self.cgroups.iter().filter(|(_, entry)| entry.gone.is_none()).collect();
        cgroups.sort_by_key(|(id, _)| **id);
        for (id, _) in cgroups {
            self.tell_cgroup(*id, told, out);
        }
        let mut addresses: Vec<_> = self.services.keys().chain(self.remote.keys()).collect();
        addresses.sort_unstable();
        for address in addresses {
            self.tell_address(*address, told, out);
        }
    }

    /// A Service with all its addresses: what is told of it replaces what was told.
    fn tell_service(&self, key: &(Text, Text), told: &mut Told, out: &mut Vec<Telling>) {
        let (namespace, name) = key.clone();
        match self.by_service.get(key) {
            None => {
                told.services.remove(key);
                out.push((Source::Api, Fact::ServiceGone { namespace, name }, self.changed));
            }
            Some((addresses, since)) if told.services.get(key) != Some(addresses) => {
                told.services.insert(key.clone(), addresses.clone());
                let fact = ServiceFact { namespace, name, addresses: addresses.clone() };
                out.push((Source::Api, Fact::Service(fact), *since));
            }
            Some(_) => {}
        }
    }

    fn tell_pod(&self, uid: &Text, told: &mut Told, out: &mut Vec<Telling>) {
        self.tell_resolv_conf(uid, told, out);
        let Some(entry) = self.pods.get(uid) else { return };
        if told.pods.insert(uid.clone(), entry.version) == Some(entry.version) {
            return;
        }
        for (source, fact, until) in entry.ended() {
            let (uid, sandbox) = (fact.uid.clone(), fact.sandbox.clone());
            // It was known before its end; what else was known of it then was told then.
            out.push((*source, Fact::Pod(fact.clone()), BootTime::default()));
            out.push((*source, Fact::PodGone { uid, sandbox }, *until));
        }
        out.extend(entry.said().iter().map(|(source, fact)| (*source, Fact::Pod(fact.clone()), entry.changed)));
    }

    fn tell_resolv_conf(&self, uid: &Text, told: &mut Told, out: &mut Vec<Telling>) {
        let Some(file) = self.resolv_confs.get(uid) else { return };
        if told.resolv_confs.get(uid) != Some(file) {
            told.resolv_confs.insert(uid.clone(), file.clone());
            out.push((Source::ResolvConf, Fact::ResolvConf(file.0.clone()), file.1));
        }
    }

    fn tell_container(&self, id: &Text, told: &mut Told, out: &mut Vec<Telling>) {
        let Some(entry) = self.containers.get(id) else { return };
        if told.containers.insert(id.clone(), entry.version) != Some(entry.version) {
            out.extend(
                entry.said().iter().map(|(source, fact)| (*source, Fact::Container(fact.clone()), entry.changed)),
            );
        }
    }
}

fn keys<K: Clone, V>(table: &Table<K, V>) -> Vec<K> {
    table.keys().cloned().collect()
}
