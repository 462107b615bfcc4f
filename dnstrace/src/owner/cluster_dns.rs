//! Cluster DNS: where it is asked, where it answers, and what a transaction is to it.
//!
//! No single source is safe: labels differ between distributions, kubelet's configuration may be out of sight, the API
//! server down. So each says what it knows, and what traffic itself shows is learned.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use super::fact::{ClusterDnsFact, Endpoint, Fact, Source, Text};
use super::index::{Telling, Told};
use super::named::{Party, Pod, Role, Who};
use crate::capture::{BootTime, Socket};
use crate::decode::Question;
use crate::join::{Transaction, question};

/// What traffic shows is bounded: clusters have a few addresses of cluster DNS, and some hundred endpoints.
const LEARNED_SERVERS_MAX: usize = 16;
const LEARNED_ENDPOINTS_MAX: usize = 1_024;
/// Processes of the node that answer for cluster DNS: NodeLocal DNSCache, and CoreDNS where it is no pod.
const LEARNED_PROCESSES_MAX: usize = 64;

/// What is known of cluster DNS.
#[derive(Debug, Default)]
pub struct ClusterDns {
    said: BTreeMap<Source, ClusterDnsFact>,
    /// Changes with what is said,
    version: u64,
    /// and that was when.
    changed: BootTime,
    /// Where queries are sent, of all sources.
    servers: BTreeSet<SocketAddr>,
    /// Where they are answered, of all sources.
    endpoints: BTreeSet<SocketAddr>,
    /// Processes that answered for it: process ID and cgroup.
    processes: BTreeSet<(u32, u64)>,
}

/// One thing that is known of cluster DNS, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known<T> {
    /// What.
    pub what: T,
    /// Who says so, the most trusted first.
    pub sources: Vec<Source>,
}

/// Labels of the pods that are cluster DNS, or a cache of it.
const DNS_LABELS: [(&str, &[&str]); 2] = [
    ("k8s-app", &["kube-dns", "node-local-dns", "coredns"]),
    ("dns.operator.openshift.io/daemonset-dns", &["default"]),
];

impl ClusterDns {
    /// What a source says; it replaces what it said before.
    pub(super) fn apply(&mut self, source: Source, fact: ClusterDnsFact, now: BootTime) {
        if self.said.get(&source) == Some(&fact) {
            return;
        }
        // What traffic shows is not told.
        if source != Source::Traffic {
            (self.version, self.changed) = (self.version + 1, now);
        }
        self.said.insert(source, fact);
        let said = || self.said.values();
        self.servers = said().flat_map(|fact| &fact.servers).map(canonical).collect();
        self.endpoints = said().flat_map(|fact| &fact.endpoints).map(|endpoint| canonical(&endpoint.address)).collect();
    }

    /// What sources say, as far as it was not told. What traffic shows, it shows again.
    pub(super) fn tell(&self, told: &mut Told, out: &mut Vec<Telling>) {
        if std::mem::replace(&mut told.cluster_dns, self.version) != self.version {
            let said = self.said.iter().filter(|said| *said.0 != Source::Traffic);
            out.extend(said.map(|(source, fact)| (*source, Fact::ClusterDns(fact.clone()), self.changed)));
        }
    }

    /// Where pods send their queries.
    #[must_use]
    pub fn servers(&self) -> Vec<Known<SocketAddr>> {
        self.known(|fact| fact.servers.clone())
    }

    /// Where they are answered.
    #[must_use]
    pub fn endpoints(&self) -> Vec<Known<SocketAddr>> {
        self.known(|fact| fact.endpoints.iter().map(|endpoint| endpoint.address).collect())
    }

    /// The same without who says so, for what is asked of each query that is lost.
    pub fn endpoint_addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.endpoints.iter().copied()
    }

    /// The cluster domain.
    #[must_use]
    pub fn domains(&self) -> Vec<Known<Text>> {
        self.known(|fact| fact.domain.clone().into_iter().collect())
    }

    fn known<T: Ord + Clone>(&self, list: impl Fn(&ClusterDnsFact) -> Vec<T>) -> Vec<Known<T>> {
        let mut known: BTreeMap<T, Vec<Source>> = BTreeMap::new();
        for (source, fact) in &self.said {
            for what in list(fact) {
                known.entry(what).or_default().push(*source);
            }
        }
        known.into_iter().map(|(what, sources)| Known { what, sources }).collect()
    }

    /// What a transaction is to cluster DNS.
    #[must_use]
    pub(super) fn role(&self, transaction: &Transaction, who: &Who) -> Role {
        if self.is_asked_by_itself(transaction, who) {
            return Role::Upstream;
        }
        let server = transaction.server_after_nat.unwrap_or(transaction.server);
        if self.is_server(transaction.server) || self.is_endpoint(server) {
            return Role::Client;
        }
        match &who.client {
            Some(Party::Node { .. }) => Role::Node,
            Some(Party::Pod { pod, .. }) if pod.host_network == Some(true) => Role::Node,
            _ => Role::Other,
        }
    }

    /// Learns from a transaction that ended.
    pub(super) fn learn(&mut self, transaction: &Transaction, who: &Who) {
        let server = canonical(&transaction.server);
        if let Some(domain) = self.domain_of_unknown_server(transaction, who) {
            self.learned(|fact| {
                fact.domain.get_or_insert(domain);
                fact.servers.push(server);
            });
        }
        if transaction.response.is_none() || !self.servers.contains(&server) {
            return;
        }
        self.learn_process(transaction, who);
        if let Some(address) = self.unknown_endpoint(transaction) {
            let pod = who.server.as_ref().and_then(Party::pod).and_then(|pod| name_of(pod));
            self.learned(|fact| fact.endpoints.push(Endpoint { address, pod, ready: true }));
        }
    }

    fn learned(&mut self, add: impl FnOnce(&mut ClusterDnsFact)) {
        let mut fact = self.said.get(&Source::Traffic).cloned().unwrap_or_default();
        add(&mut fact);
        self.apply(Source::Traffic, fact, self.changed);
    }

    /// The domain for which a server answers with authority that a pod of this node asked.
    fn domain_of_unknown_server(&self, transaction: &Transaction, who: &Who) -> Option<Text> {
        who.client.as_ref().and_then(Party::pod)?;
        let is_known = self.is_server(transaction.server) || self.is_endpoint(transaction.server);
        let learned = self.said.get(&Source::Traffic).map_or(0, |fact| fact.servers.len());
        if is_known || learned >= LEARNED_SERVERS_MAX { None } else { domain_answered(transaction) }
    }

    fn unknown_endpoint(&self, transaction: &Transaction) -> Option<SocketAddr> {
        let behind =
            transaction.server_after_nat.filter(|behind| !self.is_endpoint(*behind) && !self.is_server(*behind))?;
        let learned = self.said.get(&Source::Traffic).map_or(0, |fact| fact.endpoints.len());
        (learned < LEARNED_ENDPOINTS_MAX).then(|| canonical(&behind))
    }

    fn learn_process(&mut self, transaction: &Transaction, who: &Who) {
        // Of a pod, the pod is known.
        if who.server.as_ref().and_then(Party::pod).is_none()
            && let Some(process) = process_of(&transaction.server_socket)
            && self.processes.len() < LEARNED_PROCESSES_MAX
        {
            self.processes.insert(process);
        }
    }

    fn is_asked_by_itself(&self, transaction: &Transaction, who: &Who) -> bool {
        match &who.client {
            Some(Party::Pod { pod, .. }) => self.is_pod(pod),
            Some(Party::Node { .. }) => {
                process_of(&transaction.client_socket).is_some_and(|process| self.processes.contains(&process))
            }
            Some(Party::Remote(_) | Party::Resolver) | None => self.has_endpoint(transaction.client.ip()),
        }
    }

    /// Whether a pod is cluster DNS: it is one of its endpoints, or labelled so.
    fn is_pod(&self, pod: &Pod) -> bool {
        let labelled = pod.labels.iter().any(|(name, value)| {
            DNS_LABELS.iter().any(|(known, values)| *known == &**name && values.contains(&&**value))
        });
        let has = |address: &IpAddr| self.has_endpoint(*address);
        labelled || (pod.host_network != Some(true) && pod.addresses.iter().any(has))
    }

    /// Whether pods send their queries there, as any source says.
    #[must_use]
    pub fn is_server(&self, address: SocketAddr) -> bool {
        self.servers.contains(&canonical(&address))
    }

    /// The same, where not only pods' own files say so: a pod may name anybody.
    #[must_use]
    pub fn is_sure_server(&self, address: SocketAddr) -> bool {
        let has = |fact: &ClusterDnsFact| fact.servers.iter().any(|server| canonical(server) == canonical(&address));
        self.said.iter().any(|(source, fact)| *source != Source::ResolvConf && has(fact))
    }

    /// Whether they are answered there, as any source says.
    #[must_use]
    pub fn is_endpoint(&self, address: SocketAddr) -> bool {
        self.endpoints.contains(&canonical(&address))
    }

    /// Whether they are answered at this address, as any source says.
    #[must_use]
    pub fn has_endpoint(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.endpoints.range(SocketAddr::new(address, 0)..).next().is_some_and(|endpoint| endpoint.ip() == address)
    }

    /// Endpoints that take queries, as `source` says; `None` where it says nothing of cluster DNS.
    #[must_use]
    pub fn ready_endpoints(&self, source: Source) -> Option<Vec<SocketAddr>> {
        let said = self.said.get(&source)?;
        Some(said.endpoints.iter().filter(|endpoint| endpoint.ready).map(|endpoint| endpoint.address).collect())
    }
}

fn canonical(address: &SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn name_of(pod: &Pod) -> Option<(Text, Text)> {
    Some((pod.namespace.clone()?, pod.name.clone()?))
}

fn process_of(socket: &Socket) -> Option<(u32, u64)> {
    Some((socket.process?.tgid, socket.cgroup_id?))
}

/// The domain of a name below `svc` that was answered with authority: only the cluster's own DNS does that.
fn domain_answered(transaction: &Transaction) -> Option<Text> {
    let response = transaction.response.as_ref()?;
    let (header, asked) = (response.header, question(response)?);
    let is_answer = header.authoritative() && header.rcode() == 0 && header.counts[1] > 0;
    if !is_answer {
        return None;
    }
    domain_of_service(&asked)
}

/// `cluster.local` of `kubernetes.default.svc.cluster.local`.
fn domain_of_service(asked: &Question<'_>) -> Option<Text> {
    let mut name = String::new();
    asked.name.push(&mut name);
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let (service, domain) = name.split_once(".svc.")?;
    (service.contains('.') && !domain.is_empty()).then(|| domain.into())
}
