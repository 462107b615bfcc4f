//! What traffic itself shows of a cluster's DNS, where nobody says it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use foldhash::{HashMap, HashSet};

use super::case::Case;
use super::heads::Heads;
use super::name::{Domain, Name};
use super::watched::Watched;
use crate::capture::BootTime;
use crate::join::Transaction;

/// Domains that names below `svc` end in; pods of one cluster agree, and anybody may ask for any name.
const DOMAINS_MAX: usize = 16;
/// Every one of so many names is looked at for its domain, then one in so many: nearly all are below the same. Lookups make
/// eight or ten queries each; a prime number meets all of them.
const NAMES_MIN: u64 = 4_096;
const NAMES_ONE_IN: u64 = 17;
/// Names of Services that were found lately, by their hashes: the same are asked for again and again.
const FOUND: usize = 1_024;
/// Addresses that stand for others: Services of cluster DNS, and what else is translated on its way.
const SERVICES_MAX: usize = 256;
/// Addresses that are asked and ask others: a node has a few, and sees those of others.
const RESOLVERS_MAX: usize = 1_024;
/// Services whose names were answered: the largest clusters have 10,000, a node's pods use some hundred.
const NAMED_MAX: usize = 4_096;
/// Kubernetes namespaces with a Service of one name.
const NAMESPACES_MAX: usize = 16;

/// What was learned so far.
#[derive(Debug, Default)]
pub struct Learned {
    domain: Option<Most>,
    /// How many were asked for.
    names: u64,
    /// Those that fewer names are below.
    others: BTreeMap<Name, u64>,
    services: HashSet<SocketAddr>,
    responders: HashSet<IpAddr>,
    resolvers: HashSet<IpAddr>,
    watched: Watched,
    began: Option<BootTime>,
    /// Kubernetes namespaces in which a Service of a name was found.
    named: HashMap<Box<[u8]>, BTreeSet<Name>>,
    found: Lately,
}

/// Hashes of names, as many as are worth keeping in the processor's cache.
#[derive(Debug)]
struct Lately(Heads<u64>);

impl Default for Lately {
    fn default() -> Self {
        Self(Heads::new(FOUND))
    }
}

/// A cluster domain, with how many names were below it.
#[derive(Debug)]
struct Most {
    domain: Domain,
    count: u64,
}

impl Learned {
    /// Learns from a transaction that ended, and from where its packets were seen.
    pub(super) fn add(&mut self, case: &Case, transaction: &Transaction) {
        let is_usual = self.watched.add(transaction);
        self.began = self.began.into_iter().chain([case.time]).min();
        if let Some(name) = case.name() {
            self.names = self.names.wrapping_add(1);
            if self.domain.is_none() || self.names <= NAMES_MIN || self.names.is_multiple_of(NAMES_ONE_IN) {
                self.add_domain(name);
            }
            if case.is_found() {
                self.add_service(name, case.name_hash);
            }
        }
        if !is_usual {
            if case.server_after_nat.is_some_and(|behind| behind.ip() != case.server.ip()) {
                insert(&mut self.services, case.server, SERVICES_MAX);
            }
            insert(&mut self.responders, case.responder().ip(), RESOLVERS_MAX);
        }
        let client = case.client.ip();
        if case.cause.is_some() || (case.is_upstream() && self.responders.contains(&client)) {
            insert(&mut self.resolvers, client, RESOLVERS_MAX);
        }
    }

    /// When the first transaction began: what was before was not seen.
    #[must_use]
    pub fn began(&self) -> Option<BootTime> {
        self.began
    }

    /// What is watched.
    #[must_use]
    pub fn watched(&self) -> &Watched {
        &self.watched
    }

    /// The cluster domain, as most names below `svc` have it.
    #[must_use]
    pub fn domain(&self) -> Option<&Domain> {
        self.domain.as_ref().map(|most| &most.domain)
    }

    /// Nearly all names are below the same.
    fn add_domain(&mut self, name: &Name) {
        if let Some(most) = self.domain.as_mut().filter(|most| name.is_within(&most.domain.services)) {
            most.count += 1;
            return;
        }
        let Some(domain) = domain_below_svc(name) else { return };
        if self.others.len() >= DOMAINS_MAX && !self.others.contains_key(&domain) {
            return;
        }
        let count = self.others.entry(domain.clone()).or_default();
        *count += 1;
        if self.domain.as_ref().is_none_or(|most| most.count < *count) {
            let count = self.others.remove(&domain).unwrap_or_default();
            let before = self.domain.replace(Most { domain: Domain::new(domain), count });
            self.others.extend(before.map(|before| (before.domain.name, before.count)));
        }
    }

    fn add_service(&mut self, name: &Name, name_hash: u64) {
        if !is_service(name) || self.found.0.replace(name_hash, Some(name_hash)) == Some(name_hash) {
            return;
        }
        let (service, namespace) = (name.first(), name.parent(1).prefix(1));
        if self.named.len() < NAMED_MAX || self.named.contains_key(service) {
            let namespaces = self.named.entry(service.into()).or_default();
            if namespaces.len() < NAMESPACES_MAX {
                namespaces.insert(namespace);
            }
        }
    }

    /// Kubernetes namespaces in which a Service of this name was found.
    pub fn namespaces_of(&self, service: &[u8]) -> impl Iterator<Item = &Name> {
        self.named.get(service).into_iter().flatten()
    }

    /// Whether a Service was found in this Kubernetes namespace.
    #[must_use]
    pub fn has_namespace(&self, namespace: &Name) -> bool {
        self.named.values().any(|namespaces| namespaces.contains(namespace))
    }

    /// Whether queries to this address went on to another: it stands for somebody.
    #[must_use]
    pub fn is_service(&self, address: SocketAddr) -> bool {
        self.services.contains(&address)
    }

    /// Whether somebody at this address was asked, and asked others because of that.
    #[must_use]
    pub fn is_resolver(&self, address: IpAddr) -> bool {
        self.resolvers.contains(&address)
    }
}

fn insert<T: Eq + std::hash::Hash>(set: &mut HashSet<T>, what: T, max: usize) {
    if set.len() < max {
        set.insert(what);
    }
}

/// `cluster.local` of `kubernetes.default.svc.cluster.local`.
fn domain_below_svc(name: &Name) -> Option<Name> {
    let at = name.labels().position(|label| label == b"svc")?;
    Some(name.parent(at + 1)).filter(|domain| !domain.is_root())
}

/// As `web.shop.svc.cluster.local`.
fn is_service(name: &Name) -> bool {
    name.labels().nth(2) == Some(b"svc")
}
