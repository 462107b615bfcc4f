//! What is shown: transactions and sightings that match every condition.

mod lookups;

use std::time::Duration;

use globset::GlobMatcher;

use super::message::{asked, push_name, question, rcode};
use super::{Sighting, iana};
use crate::capture::Socket;
use crate::decode::Question;
use crate::join::{MessageCopy, Outcome, Transaction};
use crate::owner::{Party, Role, Who};

/// Conditions; an empty one is met by everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// qname, without its trailing dot, case-insensitively: one of these.
    pub names: Vec<GlobMatcher>,
    /// qtype: one of these.
    pub types: Vec<u16>,
    /// rcode of the response: one of these.
    pub rcodes: Vec<u16>,
    /// Response time at least this; a query without response is slower than any.
    pub slower_than: Option<Duration>,
    /// Who asked, or was asked: one end meets all of these.
    pub party: PartyFilter,
    /// What it is in the cluster's DNS: one of these.
    pub roles: Vec<Role>,
    /// What is not shown: what we ask ourselves.
    pub own: Option<Own>,
}

/// Conditions on one end of a transaction; each list is met by one of it, an empty one by everybody.
#[derive(Clone, Debug, Default)]
pub struct PartyFilter {
    /// Pod name.
    pub pods: Vec<GlobMatcher>,
    /// Kubernetes namespace.
    pub namespaces: Vec<GlobMatcher>,
    /// Container name.
    pub containers: Vec<GlobMatcher>,
    /// Name of what made the pod.
    pub workloads: Vec<GlobMatcher>,
}

/// Our own process: by its ID where that is the host's, else by its container's cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// Process ID in the host's PID namespace.
    Process(u32),
    /// Our container's cgroup.
    Cgroup(u64),
}

impl Own {
    fn is(self, socket: &Socket) -> bool {
        match self {
            Self::Process(tgid) => socket.process.is_some_and(|process| process.tgid == tgid),
            Self::Cgroup(id) => socket.cgroup_id == Some(id),
        }
    }
}

impl Filter {
    /// Whether everything that others ask is shown.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { names, types, rcodes, slower_than, party, roles, own: _ } = self;
        let of_message = names.is_empty() && types.is_empty() && rcodes.is_empty() && slower_than.is_none();
        of_message && party.is_empty() && roles.is_empty()
    }

    /// Whether a transaction is shown.
    #[must_use]
    pub fn shows(&self, transaction: &Transaction, who: &Who) -> bool {
        !self.is_own(&transaction.client_socket)
            && self.shows_who(who)
            && self.shows_question(|| asked(transaction))
            && self.shows_rcode(transaction.response.as_ref())
            && self.shows_time(transaction)
    }

    /// Whether a sighting is shown. A sighting has no response time; its rcode counts when it is a response.
    #[must_use]
    pub fn shows_sighting(&self, sighting: &Sighting, who: &Who) -> bool {
        if self.is_own(&sighting.socket) || !self.shows_who(who) {
            return false;
        }
        let message = &sighting.message;
        let response = message.header.is_response().then_some(message);
        self.shows_question(|| question(message)) && self.shows_rcode(response)
    }

    fn is_own(&self, socket: &Socket) -> bool {
        self.own.is_some_and(|own| own.is(socket))
    }

    fn shows_who(&self, who: &Who) -> bool {
        let is_meant = || [&who.client, &who.server].into_iter().flatten().any(|party| self.party.meets(party));
        (self.roles.is_empty() || self.roles.contains(&who.role)) && (self.party.is_empty() || is_meant())
    }

    fn shows_question<'q>(&self, asked: impl FnOnce() -> Option<Question<'q>>) -> bool {
        if self.names.is_empty() && self.types.is_empty() {
            return true;
        }
        asked().is_some_and(|asked| {
            let of_type = self.types.is_empty() || self.types.contains(&asked.qtype);
            of_type && (self.names.is_empty() || self.has_name(&asked))
        })
    }

    fn has_name(&self, asked: &Question<'_>) -> bool {
        let mut name = String::new();
        push_name(asked, &mut name);
        self.names.iter().any(|glob| glob.is_match(&name))
    }

    fn shows_rcode(&self, response: Option<&MessageCopy>) -> bool {
        self.rcodes.is_empty() || response.is_some_and(|response| self.rcodes.contains(&rcode(response)))
    }

    fn shows_time(&self, transaction: &Transaction) -> bool {
        let Some(limit) = self.slower_than else { return true };
        transaction.outcome == Outcome::NoResponse || transaction.response_time.is_some_and(|time| time >= limit)
    }
}

impl PartyFilter {
    fn is_empty(&self) -> bool {
        let Self { pods, namespaces, containers, workloads } = self;
        [pods, namespaces, containers, workloads].iter().all(|globs| globs.is_empty())
    }

    fn meets(&self, party: &Party) -> bool {
        let meets = |globs: &[GlobMatcher], name: Option<&str>| {
            globs.is_empty() || name.is_some_and(|name| globs.iter().any(|glob| glob.is_match(name)))
        };
        let (namespace, name, container, workload) = match party {
            Party::Pod { pod, container, .. } => (
                pod.namespace.as_deref(),
                pod.name.as_deref(),
                container.as_ref().and_then(|container| container.name.as_deref()),
                pod.workload.as_ref().map(|workload| &*workload.name),
            ),
            Party::Remote(pod) => (Some(&*pod.namespace), Some(&*pod.name), None, None),
            Party::Node { .. } | Party::Resolver => (None, None, None, None),
        };
        meets(&self.pods, name)
            && meets(&self.namespaces, namespace)
            && meets(&self.containers, container)
            && meets(&self.workloads, workload)
    }
}

/// The number of a record type given by name (`AAAA`, `TYPE65`) or number.
#[must_use]
pub fn record_type_number(text: &str) -> Option<u16> {
    iana::record_type_number(text)
}

/// The number of an rcode given by name (`NXDOMAIN`, `RCODE12`) or number.
#[must_use]
pub fn rcode_number(text: &str) -> Option<u16> {
    iana::rcode_number(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Process;

    fn asked_by(tgid: u32, cgroup_id: u64) -> Transaction {
        let process = Process { tgid, uid: None, comm: [0; 16] };
        let client_socket = Socket { process: Some(process), cgroup_id: Some(cgroup_id), ..Socket::default() };
        let addresses = ["10.244.0.7:40000", "10.96.0.10:53"].map(|address| address.parse().unwrap());
        Transaction { client_socket, ..Transaction::between(addresses[0], addresses[1]) }
    }

    #[test]
    fn what_we_ask_ourselves_is_not_shown() {
        let cases =
            [(None, [true, true]), (Some(Own::Process(7)), [false, true]), (Some(Own::Cgroup(77)), [false, true])];
        for (own, shown) in cases {
            let filter = Filter { own, ..Filter::default() };
            assert!(filter.is_empty(), "{own:?}");
            let transactions = [asked_by(7, 77), asked_by(8, 88)];
            assert_eq!(transactions.map(|each| filter.shows(&each, &Who::default())), shown, "{own:?}");
        }
    }

    #[test]
    fn socket_of_nobody_is_not_ours() {
        let transaction = Transaction { client_socket: Socket::default(), ..asked_by(7, 77) };
        for own in [Own::Process(7), Own::Cgroup(77)] {
            let filter = Filter { own: Some(own), ..Filter::default() };
            assert!(filter.shows(&transaction, &Who::default()), "{own:?}");
        }
    }
}
