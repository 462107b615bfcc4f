//! What `dnstrace report` tells: transactions to tables of clients, servers and names.
//!
//! Each file is one question that a person asks. Only what was observed is counted; a table that is full counts the
//! rest as others. What is wrong, and why, is for rules that look at transactions beside this.

mod bounded;
mod clients;
mod facts;
mod frequent;
mod last_seen;
mod legs;
mod lookups;
mod names;
mod retries;
mod servers;
mod slow;
mod span;
mod tally;
#[cfg(test)]
mod tests;
mod times;

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use foldhash::fast::RandomState;

pub use bounded::Bounded;
pub use clients::{Asker, Client};
pub use frequent::{Counted, Frequent};
pub use last_seen::{LastSeen, Place, most_missed};
pub use legs::Legs;
pub use lookups::{Libcs, Lookups};
pub use names::Names;
pub use servers::{Asked, Server};
pub use slow::Slow;
pub use span::Span;
pub use tally::{Tally, worst_first};
pub use times::ResponseTimes;

use facts::Facts;
use retries::Retries;

use super::case::SLOW;
use super::lookup::Lookup;
use super::told::Settled;
use crate::join::{Outcome, Transaction, TransactionId};
use crate::owner::Who;

/// Clients that are told apart, some 11 KiB each at most: a node has 250 pods or so, and a DNS server on it hears those
/// of other nodes, too.
pub const CLIENTS_MAX: usize = 1_024;
/// Servers that are told apart, some 21 KiB each at most: pods ask few, a recursive resolver asks all the world.
pub const SERVERS_MAX: usize = 256;
/// Places where queries were last seen: what swallows them does so at few.
pub const PLACES_MAX: usize = 256;
/// Record types that are told apart: IANA lists some ninety, a scan asks for all 65,536.
pub const TYPES_MAX: usize = 256;
/// Transactions of which is still to be told what became of them: more than rules keep at once. The leg of what finds no
/// room is not known.
const UNSETTLED_MAX: usize = 32_768;

/// What was observed, added up.
#[derive(Debug)]
pub struct Report {
    /// When it was watched.
    pub span: Span,
    /// Of all.
    pub total: Tally,
    /// By who asked.
    pub clients: Bounded<Asker, Client>,
    /// By whom was asked, and who stood behind that.
    pub servers: Bounded<Asked, Server>,
    /// Where queries without a response were last seen.
    pub last_seen: Bounded<Place, LastSeen>,
    /// By name.
    pub names: Names,
    /// Of the responses to queries, with the bits of EDNS: there are at most 4,096.
    pub rcodes: BTreeMap<u16, u64>,
    /// Queries by type.
    pub types: Bounded<u16, u64>,
    /// What applications asked.
    pub lookups: Lookups,
    retries: Retries,
    /// The lost, and the slow ones.
    unsettled: HashSet<TransactionId, RandomState>,
    /// From here on a response is slow.
    pub slow: Duration,
}

impl Report {
    /// Nothing was observed.
    #[must_use]
    pub fn new() -> Self {
        Self {
            span: Span::default(),
            total: Tally::default(),
            clients: Bounded::new(CLIENTS_MAX),
            servers: Bounded::new(SERVERS_MAX),
            last_seen: Bounded::new(PLACES_MAX),
            names: Names::new(),
            rcodes: BTreeMap::new(),
            types: Bounded::new(TYPES_MAX),
            lookups: Lookups::new(),
            retries: Retries::default(),
            unsettled: HashSet::default(),
            slow: SLOW,
        }
    }

    /// The same, where people say what is slow.
    #[must_use]
    pub fn slow_from(self, slow: Duration) -> Self {
        Self { slow, ..self }
    }

    /// Adds one transaction.
    pub fn add(&mut self, transaction: &Transaction, who: &Who) {
        let facts = Facts::read(transaction);
        self.total.add(&facts);
        let asker = Asker::of(transaction, who);
        self.clients.entry(asker.clone()).add(transaction, who, &facts);
        self.servers.entry(Asked::of(transaction)).add(transaction, who, &facts);
        if transaction.outcome == Outcome::Unsolicited {
            return;
        }
        if let Some(qtype) = facts.qtype {
            *self.types.entry(qtype) += 1;
        }
        if let Some(rcode) = facts.rcode {
            *self.rcodes.entry(rcode).or_default() += 1;
        }
        if let Some(place) = Place::of(transaction) {
            self.last_seen.entry(place).add(transaction);
        }
        self.names.add(&facts);
        let is_slow = transaction.response_time.is_some_and(|time| time >= self.slow);
        let is_told_of = transaction.outcome == Outcome::NoResponse || facts.response_lost || is_slow;
        if is_told_of && self.unsettled.len() < UNSETTLED_MAX {
            self.unsettled.insert(transaction.id);
        }
        self.add_retry(transaction, asker, &facts);
    }

    /// Adds a lookup, of a client that is known by its transactions.
    pub fn add_lookup(&mut self, lookup: &Lookup) {
        let asker = Asker::new(lookup.who(), lookup.client);
        let Some(client) = self.clients.get_mut(&asker) else { return };
        for tally in [&mut client.tally, &mut self.total] {
            tally.lookups += 1;
            tally.wasted += lookup.wasted();
        }
        client.libcs.add(lookup.libc());
        self.lookups.add(lookup);
    }

    /// Takes what is known of a transaction when what it caused has ended, too.
    pub fn settle(&mut self, settled: &Settled<'_>) {
        let case = settled.case;
        let asker = Asker::new(&case.who, case.client.ip());
        if settled.is_looping {
            let client = self.clients.get_mut(&asker).map(|client| &mut client.tally);
            client.into_iter().chain([&mut self.total]).for_each(|tally| tally.looped += 1);
        }
        if self.unsettled.remove(&case.id) {
            let server = Asked { server: case.server, after_nat: case.server_after_nat };
            let (client, server) = (&mut self.clients.entry(asker).tally, &mut self.servers.entry(server).tally);
            for tally in [client, server, &mut self.total] {
                settled.leg.iter().for_each(|leg| tally.legs.add(*leg));
                settled.spent.iter().for_each(|spent| tally.slow.add(spent));
            }
        }
    }

    fn add_retry(&mut self, transaction: &Transaction, asker: Asker, facts: &Facts) {
        if let Some(asked) = self.retries.add(transaction, facts) {
            self.total.asked_again += 1;
            self.clients.entry(asker).tally.asked_again += 1;
            self.servers.entry(asked).tally.asked_again += 1;
        }
    }
}

impl Default for Report {
    fn default() -> Self {
        Self::new()
    }
}
