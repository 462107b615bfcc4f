//! Whom a finding is about, as a transaction or a lookup shows it.

use std::net::{IpAddr, SocketAddr};

use super::case::Case;
use super::finding::{About, Subject};
use super::lookup::Lookup;
use super::name::Name;
use crate::owner::Party;

impl Subject {
    /// Who made a lookup.
    #[must_use]
    pub fn asker(lookup: &Lookup) -> Self {
        Self::party(lookup.who().client.as_ref(), lookup.client)
    }

    /// Who asked.
    #[must_use]
    pub fn client(case: &Case) -> Self {
        Self::party(case.who.client.as_ref(), case.client.ip())
    }

    /// Who was asked, behind NAT: a pod where one is known, else an address with its port.
    #[must_use]
    pub fn responder(case: &Case) -> Self {
        match case.who.server.as_ref().and_then(Party::pod) {
            Some(_) => Self::party(case.who.server.as_ref(), case.responder().ip()),
            None => Self { party: case.who.server.clone(), ..Self::server(case.responder()) },
        }
    }

    /// Who was asked, before NAT.
    #[must_use]
    pub fn asked(case: &Case) -> Self {
        Self { service: case.who.service.clone(), ..Self::server(case.server) }
    }

    /// A server's address.
    #[must_use]
    pub fn server(address: SocketAddr) -> Self {
        Self { about: About::Server(address), party: None, service: None }
    }

    /// A name.
    #[must_use]
    pub fn name(name: &Name) -> Self {
        Self { about: About::Name(name.clone()), party: None, service: None }
    }

    /// The node.
    #[must_use]
    pub fn node() -> Self {
        Self { about: About::Node, party: None, service: None }
    }

    /// A pod where `party` is one, else an address.
    #[must_use]
    pub fn party(party: Option<&Party>, address: IpAddr) -> Self {
        let about = match party.and_then(Party::pod) {
            Some(pod) => About::Pod(pod.uid.clone()),
            None => About::Address(address),
        };
        Self { about, party: party.cloned(), service: None }
    }
}
