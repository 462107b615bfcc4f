//! Transactions in, with who they are between out, in the order in which they came.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::cluster_dns::ClusterDns;
use super::fact::{Fact, NodeFact, Source};
use super::index::{Found, Index, IndexCounts, Lack, Seen, Told};
use super::interfaces::{InterfaceNames, Interfaces};
use super::named::{Party, Pod, Who};
use super::note::{Note, WallClock};
use super::sources::Ask;
use super::waiting::{Asking, Lacks};
use crate::capture::file::FileInterface;
use crate::capture::{BootTime, Direction, Hook, Packet, Point, Socket};
use crate::decode::Observation;
use crate::join::{Connection, Hop, MessageKind, Transaction};

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

    /// Who a sighting is between: its socket is the sender's, or the receiver's.
    #[must_use]
    pub fn who_at(&self, observation: &Observation<'_>) -> Who {
        let party = |address: std::net::SocketAddr, is_local: bool| {
            let nobody = Socket::default();
            let socket = if is_local { &observation.socket } else { &nobody };
            self.party(socket, None, address.ip(), observation.time).party
        };
        let at_socket = observation.point.hook == Hook::Socket;
        let sent = !at_socket || observation.point.direction == Direction::Out;
        let (source, destination) = (party(observation.src, sent), party(observation.dst, !sent));
        let is_response = observation.message.header.is_response();
        let (client, server) = if is_response { (destination, source) } else { (source, destination) };
        let asked = if is_response { observation.src } else { observation.dst };
        Who { client, service: self.index.service(asked.ip()).cloned(), server, ..Who::default() }
    }

    /// Who a connection is between, as far as that is known by now.
    #[must_use]
    pub fn who_connects(&self, connection: &Connection) -> Who {
        let Connection { client, server, server_after_nat, client_socket, server_socket, path, time, .. } = connection;
        let behind = server_after_nat.unwrap_or(*server).ip();
        let from = self.party(client_socket, entered(path), client.ip(), *time).party;
        let to = self.party(server_socket, left(path), behind, *time).party;
        let who = Who { client: from, service: self.index.service(server.ip()).cloned(), server: to, ..Who::default() };
        let like = Transaction {
            server_after_nat: *server_after_nat,
            client_socket: *client_socket,
            ..Transaction::between(*client, *server)
        };
        Who { role: self.cluster_dns.role(&like, &who), ..who }
    }

    /// Whose socket a packet was seen at, with the socket's own word only.
    #[must_use]
    pub fn socket_of(&self, packet: &Packet<'_>) -> Option<Party> {
        let socket = &packet.socket;
        if self.by_address_only || (socket.cgroup_id.is_none() && socket.netns.is_none()) {
            return None;
        }
        let nowhere = std::net::Ipv4Addr::UNSPECIFIED.into();
        self.index.party(&Seen { socket, interface: None, address: nowhere, time: packet.time }).party
    }

    /// Who has an address at a time, as far as that is known for what is seen from elsewhere.
    #[must_use]
    pub fn at_address(&self, address: IpAddr, time: BootTime) -> Option<Party> {
        if self.has_sources { self.index.at_address(address, time).party } else { None }
    }

    /// Changes whenever a name may.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// A name for an address: of its pod, or of its Service.
    #[must_use]
    pub fn address_name(&self, address: IpAddr, time: BootTime) -> Option<String> {
        if let Some(service) = self.index.service(address) {
            return Some(format!("{}.{}.svc", service.name, service.namespace));
        }
        match self.at_address(address, time)? {
            Party::Pod { pod, .. } => Some(format!("{}/{}", pod.namespace.as_ref()?, pod.name.as_ref()?)),
            Party::Remote(pod) => Some(format!("{}/{}", pod.namespace, pod.name)),
            Party::Node { .. } | Party::Resolver => None,
        }
    }

    /// The pod that the interface leads to at which a packet was seen.
    #[must_use]
    pub fn behind_interface(&self, packet: &Packet<'_>) -> Option<Arc<Pod>> {
        let is_here = packet.point.hook == Hook::Device && packet.point.ifindex != 0 && !self.by_address_only;
        if is_here { self.index.behind_interface(packet.point.ifindex, packet.time) } else { None }
    }

    /// Tells what is needed to know what was `used`, as far as it was not `told`, in the time of `clock`.
    pub fn tell(&self, used: &Used<'_>, told: &mut Told, clock: WallClock, mut each: impl FnMut(&Note)) {
        if !self.has_sources {
            return;
        }
        let mut tellings = Vec::new();
        if !std::mem::replace(&mut told.begun, true) {
            // Who reads it waits for names from here on, as was done live, though there may be none yet.
            tellings.push((Source::Kernel, Fact::Node(NodeFact::default()), BootTime::default()));
        }
        if self.version != std::mem::replace(&mut told.version, self.version) {
            self.cluster_dns.tell(told, &mut tellings);
            self.index.tell_changed(told, &mut tellings);
            let nobodys = self.nobodys.get(told.nobodys..).unwrap_or_default();
            told.nobodys = self.nobodys.len();
            let said = |(netns, at): &(u32, BootTime)| (Source::Kernel, Fact::NetnsUnknown { netns: *netns }, *at);
            tellings.extend(nobodys.iter().map(said));
        }
        for party in used.parties.into_iter().flatten() {
            self.index.tell_party(party, told, &mut tellings);
        }
        for id in used.cgroups.into_iter().flatten() {
            self.index.tell_cgroup(id, told, &mut tellings);
        }
        for address in used.addresses {
            self.index.tell_address(address, told, &mut tellings);
        }
        for (source, fact, at) in tellings {
            // The first of all is `None`: before anything that was seen.
            let at = Some(at).filter(|at| *at != BootTime::default());
            each(&Note::new(source, fact, at, &|time| clock.wall(time)));
        }
    }

    /// Tells everything that is known.
    pub fn tell_all(&self, clock: WallClock, mut each: impl FnMut(&Note)) {
        let (mut told, mut tellings) = (Told::default(), Vec::new());
        self.cluster_dns.tell(&mut told, &mut tellings);
        self.index.tell_all(&mut told, &mut tellings);
        for (source, fact, at) in tellings {
            // When somebody asked is nothing that others' packets have to do with.
            let at = Some(at).filter(|_| matches!(fact, Fact::PodGone { .. }));
            each(&Note::new(source, fact, at, &|time| clock.wall(time)));
        }
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

    fn party(&self, socket: &Socket, interface: Option<u32>, address: IpAddr, time: BootTime) -> Found {
        if self.by_address_only {
            return self.index.at_address(address, time);
        }
        self.index.party(&Seen { socket, interface, address, time })
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

/// The interface by which a query came from its client.
fn entered(path: &[Hop]) -> Option<u32> {
    let hop = path.iter().find(|hop| hop.message == MessageKind::Query && hop.point.hook == Hook::Device)?;
    (hop.point.direction == Direction::In && hop.point.ifindex != 0).then_some(hop.point.ifindex)
}

/// The interface by which a query went to its server.
fn left(path: &[Hop]) -> Option<u32> {
    let hop = path.iter().rfind(|hop| hop.message == MessageKind::Query && hop.point.hook == Hook::Device)?;
    (hop.point.direction == Direction::Out && hop.point.ifindex != 0).then_some(hop.point.ifindex)
}
