//! What is watched, as what passed there shows. Only where others are seen is it something that one is not.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use foldhash::HashMap;

use super::case::asking_hash;
use super::key::Key;
use super::numbered::{Number, Numbered};
use super::path;
use crate::capture::{BootTime, Direction, Hook};
use crate::decode::Transport;
use crate::join::{Hop, MessageKind, Outcome, Transaction};

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
/// By which interfaces queries and responses of a way go is looked at so often.
const LOOK: Duration = Duration::from_millis(100);

/// What was seen on which way.
#[derive(Debug)]
pub struct Watched {
    servers: Numbered<Key<SocketAddr>, Forwarding>,
    whole: Forwarding,
    /// By the hash of a client's address and a server.
    ways: HashMap<u64, Way>,
    responders: Numbered<Key<SocketAddr>, Option<Responder>>,
    /// Interfaces at which responses to the queries that came in there were seen, by netns and index.
    returns: Numbered<(u32, u32), ()>,
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
    /// The last whose interfaces were looked at.
    looked_at: Option<BootTime>,
    at: At,
}

/// The numbers that the parts of a way had last in their tables: the next query goes the same way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct At {
    server: Option<Number>,
    responder: Option<Number>,
    returns: Option<Number>,
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

impl Default for Watched {
    fn default() -> Self {
        let [servers, responders, returns] = [SERVERS_MAX, SERVERS_MAX, INTERFACES_MAX];
        let (whole, ways) = Default::default();
        Self {
            servers: Numbered::new(servers),
            whole,
            ways,
            responders: Numbered::new(responders),
            returns: Numbered::new(returns),
        }
    }
}

impl Watched {
    /// Learns from a transaction that ended. Whether nothing is new about the way it went.
    pub(super) fn add(&mut self, transaction: &Transaction) -> bool {
        let Some(entry) = path::entry(&transaction.path) else { return false };
        if transaction.transport != Transport::Udp {
            return false;
        }
        let server = transaction.server;
        let hash = asking_hash(transaction.client.ip(), Key(server));
        if self.ways.len() >= WAYS_MAX && !self.ways.contains_key(&hash) {
            self.make_room();
        }
        let Self { servers, whole, ways, responders, returns, .. } = self;
        let way = ways.entry(hash).or_default();
        let before = way.at;
        let is_answered = transaction.outcome == Outcome::Answered;
        let is_forwarded = transaction.path.iter().any(|hop| path::is_forwarded(hop, entry.dst));
        let is_missed = is_answered && !is_forwarded && !may_be_refused_before(transaction);
        whole.add(is_forwarded, is_missed);
        way.at.server = servers.number(Key(server), before.server);
        if let Some(forwarding) = way.at.server.and_then(|at| servers.at(at)) {
            forwarding.add(is_forwarded, is_missed);
        }
        if is_forwarded || is_answered {
            (way.passed, way.stuck) = (way.passed.max(Some(transaction.time)), 0);
        } else if transaction.outcome == Outcome::NoResponse || !transaction.signs.is_empty() {
            way.stuck = way.stuck.saturating_add(1);
        }
        if is_answered {
            let responder = transaction.server_after_nat.unwrap_or(server);
            way.at.responder = responders.number(Key(responder), before.responder);
            let known = way.at.responder.and_then(|at| responders.at(at));
            let known = known.map(|known| known.get_or_insert_with(|| Responder::new(transaction)));
            let is_new = way.at.responder != before.responder;
            if let Some(known) = known {
                known.answer(transaction);
                if is_new || way.is_to_be_looked_at(transaction.time) {
                    known.look_at(transaction);
                    way.look_at(transaction, returns);
                }
            }
        }
        before.server.is_some() && before == way.at
    }

    /// Pods come and go: of those whose queries pass, no more need be known.
    fn make_room(&mut self) {
        self.ways.retain(|_, way| way.stuck > 0);
        if self.ways.len() >= WAYS_MAX {
            self.ways.clear();
        }
    }

    /// Whether queries to a server are seen again behind the place where they come in.
    #[must_use]
    pub fn sees_forwarding(&self, server: SocketAddr) -> bool {
        let of_server = self.servers.get(&Key(server)).filter(|forwarding| forwarding.seen + forwarding.missed > 0);
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
        self.ways.get(&asking_hash(client, Key(server))).copied().unwrap_or_default()
    }

    /// When a responder was last asked something that it answered.
    #[must_use]
    pub fn responder(&self, address: SocketAddr) -> Option<Responder> {
        self.responders.get(&Key(address)).copied().flatten()
    }

    /// Others that answer behind the same server's address.
    pub fn beside(&self, address: SocketAddr, asked: SocketAddr) -> impl Iterator<Item = &Responder> {
        let others = self.responders.iter().filter(move |(other, _)| other.0 != address);
        others.filter_map(|(_, known)| known.as_ref()).filter(move |known| known.asked == asked)
    }

    /// All that answer behind a server's address.
    pub fn behind(&self, asked: SocketAddr) -> impl Iterator<Item = &Responder> {
        self.responders.iter().filter_map(|(_, known)| known.as_ref()).filter(move |known| known.asked == asked)
    }

    /// Whether responses are seen going out by the interface that their queries came in by.
    #[must_use]
    pub fn sees_returning(&self, interface: (u32, u32)) -> bool {
        self.returns.get(&interface).is_some()
    }

    /// The same of any interface.
    #[must_use]
    pub fn sees_some_returning(&self) -> bool {
        self.returns.iter().next().is_some()
    }

    pub(super) fn interface_of(&self, responder: SocketAddr) -> Option<(u32, u32)> {
        self.responder(responder)?.interface
    }
}

impl Way {
    fn is_to_be_looked_at(&self, now: BootTime) -> bool {
        self.looked_at.is_none_or(|before| now.since(before) >= LOOK)
    }

    /// Learns by which interface responses go back.
    fn look_at(&mut self, transaction: &Transaction, returns: &mut Numbered<(u32, u32), ()>) {
        self.looked_at = Some(transaction.time);
        let first = path::first_interface(&transaction.path).filter(|_| path::is_delivered(&transaction.path));
        if let Some(first) = first {
            self.at.returns = returns.number((first.netns, first.ifindex), self.at.returns);
        }
    }
}

impl Responder {
    /// Of the first transaction that it answered.
    fn new(transaction: &Transaction) -> Self {
        Self { answered: transaction.time, asked: transaction.server, interface: None }
    }

    /// It answered again.
    fn answer(&mut self, transaction: &Transaction) {
        self.answered = self.answered.max(transaction.time);
        self.asked = transaction.server;
    }

    /// Learns by which interface queries go to it.
    fn look_at(&mut self, transaction: &Transaction) {
        let is_sent = |hop: &&Hop| {
            hop.message == MessageKind::Query && hop.point.hook == Hook::Device && hop.point.direction == Direction::Out
        };
        let sent = transaction.path.iter().rfind(is_sent);
        self.interface = sent.map(|hop| (hop.point.netns, hop.point.ifindex));
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
