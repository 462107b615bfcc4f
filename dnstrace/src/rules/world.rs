//! What rules know beside the transaction they look at.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::case::Case;
use super::learned::Learned;
use super::loops::Loops;
use super::name::{Domain, Name};
use super::window::Window;
use crate::capture::BootTime;
use crate::owner::fact::{Conntrack, ResolvConf, Source};
use crate::owner::{Owner, Party, Who};

/// The surroundings of a transaction. What is not known is absent; no rule may take absence for a fact.
pub struct World<'a> {
    /// The transactions of the last seconds.
    pub window: &'a Window,
    /// What traffic itself shows.
    pub learned: &'a Learned,
    /// What goes in circles.
    pub(super) loops: &'a Loops,
    /// The cluster domain, as sources say it.
    pub(super) domain: Option<&'a Domain>,
    /// Who is who.
    pub owner: &'a Owner,
    /// The time that is known to be over.
    pub now: BootTime,
    /// From here on a response is slow.
    pub slow: Duration,
}

impl World<'_> {
    /// The cluster domain: as sources say it, else as names on the wire show it.
    #[must_use]
    pub fn domain(&self) -> Option<&Name> {
        Some(&self.cluster()?.name)
    }

    /// Whether pods send their queries there: a Service's address, or that of a cache on the node.
    #[must_use]
    pub fn is_cluster_server(&self, address: SocketAddr) -> bool {
        self.owner.cluster_dns().is_server(address) || self.learned.is_service(address)
    }

    /// The same, where not only some pods name it.
    #[must_use]
    pub fn is_sure_cluster_server(&self, address: SocketAddr) -> bool {
        self.owner.cluster_dns().is_sure_server(address) || self.learned.is_service(address)
    }

    /// Endpoints of cluster DNS, those that take queries, as the API says them; `None` where nobody asked the API.
    #[must_use]
    pub fn ready_endpoints(&self) -> Option<Vec<SocketAddr>> {
        self.owner.cluster_dns().ready_endpoints(Source::Api)
    }

    /// Whether cluster DNS answers there, as far as that is known.
    #[must_use]
    pub fn is_endpoint(&self, address: SocketAddr) -> bool {
        self.owner.cluster_dns().is_endpoint(address)
    }

    /// Whether cluster DNS answers at this address, as far as that is known.
    #[must_use]
    pub fn has_endpoint(&self, address: IpAddr) -> bool {
        self.owner.cluster_dns().has_endpoint(address)
    }

    /// Whether somebody at this address answers queries, and asks others itself.
    #[must_use]
    pub fn is_resolver(&self, address: IpAddr) -> bool {
        self.learned.is_resolver(address)
    }

    /// The query that made this one's initiator ask, if it is not forgotten.
    #[must_use]
    pub fn cause(&self, case: &Case) -> Option<&Case> {
        self.window.get(case.cause?)
    }

    /// Whether an address is known to stand for others: a Service, or one that was translated before.
    #[must_use]
    pub fn stands_for_others(&self, case: &Case) -> bool {
        case.who.service.is_some() || self.is_cluster_server(case.server)
    }

    /// The same, where not only some pods name it, which may name any server.
    #[must_use]
    pub fn surely_stands_for_others(&self, case: &Case) -> bool {
        case.who.service.is_some() || self.is_sure_cluster_server(case.server)
    }

    /// The port on which an endpoint of cluster DNS takes queries, where that is not the server's and none was seen
    /// answered there: nobody may watch it (`--port`).
    #[must_use]
    pub fn unseen_port(&self, server: SocketAddr) -> Option<u16> {
        let is_unseen = |endpoint: &SocketAddr| {
            endpoint.port() != server.port() && self.learned.watched().responder(*endpoint).is_none()
        };
        let mut endpoints = self.is_cluster_server(server).then(|| self.owner.cluster_dns().endpoint_addresses())?;
        endpoints.find(is_unseen).map(|endpoint| endpoint.port())
    }

    /// The same in words, of a query that was not seen to be translated.
    #[must_use]
    pub fn unseen_port_fact(&self, case: &Case) -> Option<String> {
        let port = self.unseen_port(case.server).filter(|_| case.server_after_nat.is_none())?;
        Some(format!(
            "its endpoints take queries on port {port}, where none was seen answered: if that port is not watched, add it \
             (--port 53,{port}); if nobody listens there, the Service has a wrong targetPort"
        ))
    }

    /// Whether queries to a server would be seen behind the place where they come in: others are.
    #[must_use]
    pub fn sees_forwarding(&self, server: SocketAddr) -> bool {
        self.learned.watched().sees_forwarding(server) && self.unseen_port(server).is_none()
    }

    /// `/etc/resolv.conf` of the pod that asked.
    #[must_use]
    pub fn resolv_conf(&self, case: &Case) -> Option<&ResolvConf> {
        self.resolv_conf_of(&case.who)
    }

    /// The same, by who asked.
    #[must_use]
    pub fn resolv_conf_of(&self, who: &Who) -> Option<&ResolvConf> {
        self.owner.index().resolv_conf(&who.client.as_ref().and_then(Party::pod)?.uid)
    }

    /// `svc.cluster.local`.
    #[must_use]
    pub fn services_domain(&self) -> Option<&Name> {
        Some(&self.cluster()?.services)
    }

    fn cluster(&self) -> Option<&Domain> {
        self.domain.or_else(|| self.learned.domain())
    }

    /// Kubernetes namespaces that have a Service of this name, as far as Services are known.
    pub fn services_named(&self, name: &[u8]) -> impl Iterator<Item = &str> {
        let name = std::str::from_utf8(name).ok();
        let namespaces = name.and_then(|name| self.owner.index().namespaces_of_service(name));
        namespaces.into_iter().flatten().map(|namespace| &**namespace)
    }

    /// Whether a transaction failed as its question goes in a circle.
    #[must_use]
    pub fn is_looping(&self, case: &Case) -> bool {
        self.loops.explains(case)
    }

    /// The node's connection tracking, as last read.
    #[must_use]
    pub fn conntrack(&self) -> Option<&Conntrack> {
        self.owner.index().conntrack()
    }
}
