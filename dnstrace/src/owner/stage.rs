//! Transactions in, with who they are between out, in the order in which they came.

mod tell;
mod who;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use self::who::{entered, left};
use super::cluster_dns::ClusterDns;
use super::fact::{Fact, Source};
use super::index::{Index, IndexCounts, Lack, Seen};
use super::interfaces::{InterfaceNames, Interfaces};
use super::named::{Party, Who};
use super::sources::Ask;
use super::waiting::{Asking, Lacks};
use crate::capture::file::FileInterface;
use crate::capture::{BootTime, Point};
use crate::decode::Observation;
use crate::join::Transaction;

/// Transactions that wait for names, of 2 KiB each: an eighth of our memory. Beyond it the first goes without.
const WAITING_MAX: usize = 4_096;
/// Netns of nobody that are told: beyond it a reader waits for them, which takes a second.
const NOBODYS_MAX: usize = 4_096;
/// How often what is gone for long is forgotten.
const PRUNE_INTERVAL: Duration = Duration::from_secs(10);

/// What became of the names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnerCounts {
    /// What does not fit, or together.
    pub index: IndexCounts,
    /// Transactions given out before a name that may have come.
    pub not_awaited: u64,
}

/// What names were used for.
#[derive(Clone, Copy, Debug)]
pub struct Used<'a> {
    /// Who was named.
    pub parties: [Option<&'a Party>; 3],
    /// Whose sockets were seen.
    pub cgroups: [Option<u64>; 2],
    /// Which addresses were seen.
    pub addresses: [IpAddr; 2],
}

/// The stage.
pub struct Owner {
    interfaces: InterfaceNames,
    index: Index,
    cluster_dns: ClusterDns,
    lacks: Lacks,
    /// Whether facts come at all.
    has_sources: bool,
    /// Of several machines, whose netns and cgroups have the same numbers: only addresses tell.
    by_address_only: bool,
    waiting: VecDeque<Transaction>,
    /// Netns that are no pod's as far as anybody knows, and when that was said: a recording's reader does not wait for
    /// them either.
    nobodys: Vec<(u32, BootTime)>,
    conflicts: u64,
    not_awaited: u64,
    pruned: BootTime,
    /// Changes with the facts.
    version: u64,
}

impl Owner {
    /// For the netns we run in, whose inode is `netns`. Without sources nothing has a name.
    #[must_use]
    pub fn live(netns: u32, asking: Option<Asking>) -> Self {
        let has_sources = asking.is_some();
        let lacks = asking.map(Lacks::asking).unwrap_or_default();
        Self { lacks, has_sources, ..Self::with(InterfaceNames::live(netns)) }
    }

    /// For capture files of so many machines, which name interfaces and pods themselves: see [`add`](Self::add) and
    /// [`apply`](Self::apply).
    #[must_use]
    pub fn files(machines: usize) -> Self {
        Self { by_address_only: machines > 1, ..Self::with(InterfaceNames::file()) }
    }

    fn with(interfaces: InterfaceNames) -> Self {
        let (index, cluster_dns, lacks, waiting, pruned) = Default::default();
        Self {
            interfaces,
            index,
            cluster_dns,
            lacks,
            has_sources: false,
            by_address_only: false,
            waiting,
            nobodys: Vec::new(),
            conflicts: 0,
            not_awaited: 0,
            pruned,
            version: 0,
        }
    }

    /// Adds what a capture file says about an interface.
    pub fn add(&mut self, interface: &FileInterface) {
        self.interfaces.add(interface);
    }

    /// What a source says at `now`.
    pub fn apply(&mut self, source: Source, fact: Fact, now: BootTime) {
        self.has_sources = true;
        self.version += 1;
        match fact {
            Fact::ClusterDns(fact) => self.cluster_dns.apply(source, fact, now),
            Fact::NetnsUnknown { netns } => {
                self.lacks.answered(&Lack::Ask(Ask::Netns(netns)));
                if self.nobodys.len() < NOBODYS_MAX {
                    self.nobodys.push((netns, now));
                }
            }
            fact => self.index.apply(source, fact, now),
        }
    }

    /// What is known of pods, containers and addresses.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// What is known of cluster DNS.
    #[must_use]
    pub fn cluster_dns(&self) -> &ClusterDns {
        &self.cluster_dns
    }

    /// What became of the names so far.
    #[must_use]
    pub fn counts(&self) -> OwnerCounts {
        let index = self.index.counts();
        let index = IndexCounts { conflicts: self.conflicts, ..index };
        OwnerCounts { index, not_awaited: self.not_awaited }
    }

    /// The names of interfaces known at `now`, those of `points` among them, as far as these exist.
    pub fn interfaces(&mut self, points: impl Iterator<Item = Point>, now: BootTime) -> Arc<Interfaces> {
        self.interfaces.interfaces(points, now)
    }

    /// The name of the interface a point lies at, as far as it is known already; unescaped.
    #[must_use]
    pub fn interface_name(&self, point: Point) -> Option<&str> {
        self.interfaces.name(point)
    }

    /// Asks for what is not known of a socket, long before its transaction ends.
    pub fn observe(&mut self, observation: &Observation<'_>) {
        let socket = &observation.socket;
        if !self.has_sources || self.by_address_only || self.index.knows(socket, observation.time) {
            return;
        }
        let address = observation.src.ip();
        let seen = Seen { socket, interface: None, address, time: observation.time };
        if let Some(lack) = self.index.party(&seen).lack {
            self.lacks.may_come(&lack, observation.time);
        }
    }

    /// Takes a transaction that ended; gives those whose names are known, in their order.
    pub fn take(&mut self, transaction: Transaction, now: BootTime, mut each: impl FnMut(&mut Self, Transaction, Who)) {
        if self.waiting.is_empty() {
            let resolved = self.resolve(&transaction, now);
            if !resolved.may_come {
                return self.give(transaction, resolved, &mut each);
            }
        }
        self.waiting.push_back(transaction);
        if self.waiting.len() > WAITING_MAX {
            self.not_awaited += 1;
            self.give_first(now, &mut each);
        }
    }

    /// Gives those that have waited for what is known by now, or too long.
    pub fn expire(&mut self, now: BootTime, mut each: impl FnMut(&mut Self, Transaction, Who)) {
        if now.since(self.pruned) >= PRUNE_INTERVAL {
            self.pruned = now;
            self.index.prune(now);
        }
        while let Some(transaction) = self.waiting.pop_front() {
            let resolved = self.resolve(&transaction, now);
            if resolved.may_come {
                return self.waiting.push_front(transaction);
            }
            self.give(transaction, resolved, &mut each);
        }
    }

    /// Gives what is left: nothing more is to come.
    pub fn finish(&mut self, now: BootTime, mut each: impl FnMut(&mut Self, Transaction, Who)) {
        while !self.waiting.is_empty() {
            self.give_first(now, &mut each);
        }
    }

    /// Changes whenever a name may.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    fn give_first(&mut self, now: BootTime, each: &mut impl FnMut(&mut Self, Transaction, Who)) {
        if let Some(transaction) = self.waiting.pop_front() {
            let resolved = self.resolve(&transaction, now);
            self.give(transaction, resolved, each);
        }
    }

    fn give(
        &mut self,
        transaction: Transaction,
        resolved: Resolved,
        each: &mut impl FnMut(&mut Self, Transaction, Who),
    ) {
        let Resolved { who, is_disputed, .. } = resolved;
        self.conflicts += u64::from(is_disputed);
        self.cluster_dns.learn(&transaction, &who);
        let role = self.cluster_dns.role(&transaction, &who);
        each(self, transaction, Who { role, ..who });
    }

    fn resolve(&mut self, transaction: &Transaction, now: BootTime) -> Resolved {
        if !self.has_sources {
            return Resolved::default();
        }
        let time = transaction.time;
        let server_address = transaction.server_after_nat.unwrap_or(transaction.server).ip();
        let client = self.party(&transaction.client_socket, entered(&transaction.path), transaction.client.ip(), time);
        let server = self.party(&transaction.server_socket, left(&transaction.path), server_address, time);
        let mut may_come = false;
        for lack in [&client.lack, &server.lack].into_iter().flatten() {
            may_come |= self.lacks.may_come(lack, now);
        }
        // Addresses of elsewhere are asked for, not waited for.
        let stranger = Some(transaction.client.ip()).filter(|_| client.party.is_none());
        if let Some(address) = stranger {
            self.lacks.ask_for(address, now);
        }
        let service = self.index.service(transaction.server.ip()).cloned();
        let who = Who { client: client.party, service, server: server.party, ..Who::default() };
        Resolved { who, may_come, is_disputed: client.is_disputed || server.is_disputed }
    }
}

/// Who a transaction is between, as known at one time.
#[derive(Default)]
struct Resolved {
    who: Who,
    /// Whether more may become known.
    may_come: bool,
    /// Whether one end belongs to two pods at once.
    is_disputed: bool,
}
