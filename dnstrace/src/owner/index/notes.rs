//! Facts again, of what was used: who reads them gets the same names.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::ptr;

use super::Index;
use crate::capture::BootTime;
use crate::owner::fact::{Fact, RemotePod, ServiceFact, Source, Text};
use crate::owner::named::Party;

/// What was told already: of one file.
#[derive(Debug, Default)]
pub struct Told {
    /// Of everything.
    pub(in crate::owner) version: u64,
    /// Of cluster DNS.
    pub(in crate::owner) cluster_dns: u64,
    /// Pods with the version that was told.
    pods: HashMap<Text, u64, foldhash::fast::RandomState>,
    containers: HashMap<Text, usize, foldhash::fast::RandomState>,
    cgroups: HashSet<u64, foldhash::fast::RandomState>,
    addresses: HashSet<IpAddr, foldhash::fast::RandomState>,
    node: bool,
}

/// A fact with its source, and when it became one.
pub(in crate::owner) type Telling = (Source, Fact, Option<BootTime>);

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
        if let Some((of, _)) = self.cgroups.get(&id)
            && told.cgroups.insert(id)
        {
            out.push((Source::Kernel, Fact::Cgroup { id, of: of.clone() }, None));
        }
    }

    /// What an address is that is no pod's of this node.
    pub(in crate::owner) fn tell_address(&self, address: IpAddr, told: &mut Told, out: &mut Vec<Telling>) {
        let address = address.to_canonical();
        let service = self.services.get(&address).map(|service| {
            let (namespace, name) = (service.namespace.clone(), service.name.clone());
            Fact::Service(ServiceFact { namespace, name, addresses: vec![address] })
        });
        let remote = || {
            let pod = RemotePod::clone(self.remote.get(&address)?);
            Some(Fact::Remote { address, pod: Some(pod) })
        };
        if let Some(fact) = service.or_else(remote)
            && told.addresses.insert(address)
        {
            out.push((Source::Api, fact, None));
        }
    }

    /// What the node is.
    pub(in crate::owner) fn tell_node(&self, told: &mut Told, out: &mut Vec<Telling>) {
        if !self.node.is_empty() && !std::mem::replace(&mut told.node, true) {
            out.extend(self.node.iter().map(|(source, fact)| (*source, Fact::Node(fact.clone()), None)));
        }
    }

    /// What changed of pods that were told.
    pub(in crate::owner) fn tell_changed(&self, told: &mut Told, out: &mut Vec<Telling>) {
        let uids: Vec<Text> = told.pods.keys().cloned().collect();
        for uid in uids {
            self.tell_pod(&uid, told, out);
        }
    }

    /// Everything that is known.
    pub(in crate::owner) fn tell_all(&self, told: &mut Told, out: &mut Vec<Telling>) {
        self.tell_node(told, out);
        for pod in self.pods() {
            self.tell_pod(&pod.uid, told, out);
        }
        let mut containers: Vec<_> = self.containers.iter().filter(|(_, entry)| entry.gone.is_none()).collect();
        containers.sort_by_key(|(id, _)| *id);
        for (id, _) in containers {
            self.tell_container(id, told, out);
        }
        let mut cgroups: Vec<_> = self.cgroups.iter().filter(|(_, entry)| entry.1.is_none()).collect();
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

    fn tell_pod(&self, uid: &Text, told: &mut Told, out: &mut Vec<Telling>) {
        let Some(entry) = self.pods.get(uid) else { return };
        if told.pods.insert(uid.clone(), entry.version) == Some(entry.version) {
            return;
        }
        for (source, fact, until) in entry.ended() {
            let (uid, sandbox) = (fact.uid.clone(), fact.sandbox.clone());
            out.push((*source, Fact::Pod(fact.clone()), None));
            out.push((*source, Fact::PodGone { uid, sandbox }, Some(*until)));
        }
        out.extend(entry.said().iter().map(|(source, fact)| (*source, Fact::Pod(fact.clone()), None)));
    }

    fn tell_container(&self, id: &Text, told: &mut Told, out: &mut Vec<Telling>) {
        let Some(entry) = self.containers.get(id) else { return };
        let version = ptr::from_ref(&*entry.given).addr();
        if told.containers.insert(id.clone(), version) != Some(version) {
            out.extend(entry.said().iter().map(|(source, fact)| (*source, Fact::Container(fact.clone()), None)));
        }
    }
}
