//! What is watched, as what passed there shows. Only where others are seen is it something that one is not.

use std::net::{IpAddr, SocketAddr};

use foldhash::HashMap;

use super::path;
use crate::capture::{BootTime, Direction, Hook};
use crate::decode::Transport;
use crate::join::{MessageKind, Outcome, Transaction};

/// Servers and responders that are told apart: a node sees its cluster's, and those its pods ask elsewhere.
const SERVERS_MAX: usize = 1_024;
/// Clients with whom they ask: 250 pods or so ask one or two. When there are more, those whose queries pass make room.
const WAYS_MAX: usize = 4_096;
/// Interfaces of a node.
const INTERFACES_MAX: usize = 1_024;
/// RFC 1035, 4.1.1.
const REFUSED: u8 = 5;
/// A point that misses one query in so many is still watched: copies get lost.
const MISSED_ONE_IN: u64 = 16;

/// What was seen on which way.
#[derive(Debug, Default)]
pub struct Watched {
    servers: HashMap<SocketAddr, Forwarding>,
    whole: Forwarding,
    ways: HashMap<(IpAddr, SocketAddr), Way>,
    responders: HashMap<SocketAddr, Responder>,
    /// Interfaces at which responses to the queries that came in there were seen, by netns and index.
    returns: HashMap<(u32, u32), u64>,
}

/// Whether queries are seen behind the place where they come in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Forwarding {
    /// They were.
    seen: u64,
    /// They must have been there, as they were answered, and were not seen.
    missed: u64,
}

/// What became of queries of one client to one server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// The last that was forwarded, or answered, began then.
    pub passed: Option<BootTime>,
    /// Queries after it that were neither.
    pub stuck: u32,
}

/// One who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Responder {
    /// Its last response belongs to a query of this time.
    pub answered: BootTime,
    /// How it was asked.
    pub asked: SocketAddr,
    /// The interface by which queries were sent to it, by netns and index.
    interface: Option<(u32, u32)>,
}

impl Watched {
    /// Learns from a transaction that ended.
    pub(super) fn add(&mut self, transaction: &Transaction) {
        let Some(entry) = path::entry(&transaction.path) else { return };
        if transaction.transport != Transport::Udp {
            return;
        }
        let is_answered = transaction.outcome == Outcome::Answered;
        let is_forwarded = transaction.path.iter().any(|hop| path::is_forwarded(hop, entry.dst));
        self.add_way(transaction, is_forwarded, is_answered);
        if is_answered {
            self.add_response(transaction);
        }
    }

    fn add_way(&mut self, transaction: &Transaction, is_forwarded: bool, is_answered: bool) {
        let server = transaction.server;
        let is_missed = is_answered && !is_forwarded && !may_be_refused_before(transaction);
        if let Some(forwarding) = bounded(&mut self.servers, server, SERVERS_MAX) {
            forwarding.add(is_forwarded, is_missed);
        }
        self.whole.add(is_forwarded, is_missed);
        let key = (transaction.client.ip(), server);
        if self.ways.len() >= WAYS_MAX && !self.ways.contains_key(&key) {
            self.make_room();
        }
        let way = self.ways.entry(key).or_default();
        if is_forwarded || is_answered {
            *way = Way { passed: way.passed.max(Some(transaction.time)), stuck: 0 };
        } else if transaction.outcome == Outcome::NoResponse || !transaction.signs.is_empty() {
            way.stuck = way.stuck.saturating_add(1);
        }
    }

    /// Pods come and go: of those whose queries pass, no more need be known.
    fn make_room(&mut self) {
        self.ways.retain(|_, way| way.stuck > 0);
        if self.ways.len() >= WAYS_MAX {
            self.ways.clear();
        }
    }

    fn add_response(&mut self, transaction: &Transaction) {
        let responder = transaction.server_after_nat.unwrap_or(transaction.server);
        let sent = |hop: &&crate::join::Hop| {
            hop.message == MessageKind::Query && hop.point.hook == Hook::Device && hop.point.direction == Direction::Out
        };
        let interface = transaction.path.iter().rfind(sent).map(|hop| (hop.point.netns, hop.point.ifindex));
        if self.responders.len() < SERVERS_MAX || self.responders.contains_key(&responder) {
            let last = self.responders.get(&responder).map_or(BootTime(0), |known| known.answered);
            let answered = last.max(transaction.time);
            self.responders.insert(responder, Responder { answered, asked: transaction.server, interface });
        }
        if let Some(first) = path::first_interface(&transaction.path).filter(|_| path::is_delivered(&transaction.path))
            && let Some(count) = bounded(&mut self.returns, (first.netns, first.ifindex), INTERFACES_MAX)
        {
            *count += 1;
        }
    }

    /// Whether queries to a server are seen again behind the place where they come in.
    #[must_use]
    pub fn sees_forwarding(&self, server: SocketAddr) -> bool {
        let of_server = self.servers.get(&server).filter(|forwarding| forwarding.seen + forwarding.missed > 0);
        of_server.unwrap_or(&self.whole).is_watched()
    }

    /// Whether nothing shows that queries get behind the place where they come in without being seen.
    #[must_use]
    pub fn misses_nothing(&self) -> bool {
        self.whole.missed == 0
    }

    /// What became of a client's queries to a server.
    #[must_use]
    pub fn way(&self, client: IpAddr, server: SocketAddr) -> Way {
        self.ways.get(&(client, server)).copied().unwrap_or_default()
    }

    /// When a responder was last asked something that it answered.
    #[must_use]
    pub fn responder(&self, address: SocketAddr) -> Option<Responder> {
        self.responders.get(&address).copied()
    }

    /// Others that answer behind the same server's address.
    pub fn beside(&self, address: SocketAddr, asked: SocketAddr) -> impl Iterator<Item = &Responder> {
        let others = self.responders.iter().filter(move |(other, known)| **other != address && known.asked == asked);
        others.map(|(_, known)| known)
    }

    /// All that answer behind a server's address.
    pub fn behind(&self, asked: SocketAddr) -> impl Iterator<Item = &Responder> {
        self.responders.values().filter(move |known| known.asked == asked)
    }

    /// Whether responses are seen going out by the interface that their queries came in by.
    #[must_use]
    pub fn sees_returning(&self, interface: (u32, u32)) -> bool {
        self.returns.contains_key(&interface)
    }

    /// The same of any interface.
    #[must_use]
    pub fn sees_some_returning(&self) -> bool {
        !self.returns.is_empty()
    }

    pub(super) fn interface_of(&self, responder: SocketAddr) -> Option<(u32, u32)> {
        self.responders.get(&responder)?.interface
    }
}

impl Forwarding {
    fn add(&mut self, is_forwarded: bool, is_missed: bool) {
        self.seen += u64::from(is_forwarded);
        self.missed += u64::from(is_missed);
    }

    fn is_watched(&self) -> bool {
        self.seen > 0 && self.missed * MISSED_ONE_IN <= self.seen
    }
}

/// A proxy on the way that enforces a policy answers REFUSED itself.
fn may_be_refused_before(transaction: &Transaction) -> bool {
    transaction.response.as_ref().is_some_and(|response| response.header.rcode() == REFUSED)
}

fn bounded<K: Eq + std::hash::Hash, V: Default>(map: &mut HashMap<K, V>, key: K, max: usize) -> Option<&mut V> {
    let has_room = map.len() < max || map.contains_key(&key);
    has_room.then(|| map.entry(key).or_default())
}
