//! What rules read of one transaction, read once: it outlives the transaction, in less memory.

use std::hash::{BuildHasher, Hash};
use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use foldhash::fast::RandomState;
use smallvec::{SmallVec, smallvec};

use super::answer::{Answer, Zone};
use super::key::Key;
use super::name::Name;
use crate::capture::{BootTime, Direction, Hook, WallTime};
use crate::decode::Transport;
use crate::decode::records::Records;
use crate::join::{Connection, Hop, MessageCopy, MessageKind, Outcome, Sign, Transaction, TransactionId, asked};
use crate::owner::{Party, Role, Who};

/// One transaction, as rules look at it.
#[derive(Clone, Debug)]
pub struct Case {
    /// The transaction.
    pub id: TransactionId,
    /// The transaction whose query made this initiator ask.
    pub cause: Option<TransactionId>,
    /// Transactions that its own query caused, as far as they have ended.
    pub(super) caused: Count,
    /// First sighting of the query, or of the response where the query was not seen.
    pub time: BootTime,
    /// The same, for showing.
    pub wall: WallTime,
    /// Its last sighting, or the last sending of its query.
    pub end: BootTime,
    /// How it ended.
    pub outcome: Outcome,
    /// UDP or TCP.
    pub transport: Transport,
    /// Initiator, as first seen.
    pub client: SocketAddr,
    /// Whom it asked, as first seen: before DNAT.
    pub server: SocketAddr,
    /// Where the query was last seen going, when NAT changed that.
    pub server_after_nat: Option<SocketAddr>,
    /// Who they are.
    pub who: Who,
    /// What was asked.
    pub asked: Option<Asked>,
    /// Of its name: see [`Name::quick_hash`].
    pub(super) name_hash: u64,
    /// Of that and of the client's address: see [`asking_hash`].
    pub(super) asking_hash: u64,
    /// The query, where it was seen.
    pub query: Option<Query>,
    /// The response, the first if there were several.
    pub answer: Option<Answer>,
    /// When the query was sent: first, and again.
    pub attempts: SmallVec<[BootTime; 1]>,
    /// Further responses to the same query.
    pub duplicate_responses: u16,
    /// Sightings in time order, of what has no response or took long; none of what went well.
    pub path: Vec<Hop>,
    /// What happened to its packets beside being seen.
    pub signs: Vec<Sign>,
    /// Which of these threw its response away: see [`Transaction::lost_response`].
    pub lost_by: Option<u8>,
    /// The query came out at a socket of the responder; nobody looks at what went well for that.
    pub reached: bool,
    /// At the client: see [`Transaction::response_time`].
    pub response_time: Option<Duration>,
    /// Whether that is longer than a person wants.
    pub is_slow: bool,
    /// At the responder: see [`Transaction::server_response_time`].
    pub server_response_time: Option<Duration>,
    /// A response that came after the query timeout belongs to this transaction.
    pub late_for: Option<TransactionId>,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Asked {
    /// QNAME.
    pub name: Name,
    /// QTYPE.
    pub qtype: u16,
    /// QCLASS.
    pub qclass: u16,
}

/// A query beside its question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// Message ID.
    pub id: u16,
    /// Length on the wire, in bytes.
    pub len: u32,
    /// The UDP payload size its OPT record offers; `None` without EDNS.
    pub edns_size: Option<u16>,
}

/// Cases are shared by all who look at them, and only this changes.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU32);

impl Count {
    pub(super) fn add(&self, count: u32) {
        let before = self.0.load(Ordering::Relaxed);
        self.0.store(before.saturating_add(count), Ordering::Relaxed);
    }
}

impl Clone for Count {
    fn clone(&self) -> Self {
        Self(AtomicU32::new(self.0.load(Ordering::Relaxed)))
    }
}

/// From here on, where the time went is worth knowing: people notice it, and no server of a cluster needs it. `--slow`
/// says otherwise: a cluster whose names are asked of servers far away is used to more, a fast one to less.
pub const SLOW: Duration = Duration::from_millis(100);

impl Case {
    /// What is read of a transaction; a response is slow from `slow` on.
    #[must_use]
    pub fn of(transaction: &Transaction, who: Who, slow: Duration) -> Self {
        let asked = asked(transaction).map(|asked| Asked {
            name: Name::of(&asked.name),
            qtype: asked.qtype,
            qclass: asked.qclass,
        });
        let query = transaction.query.as_ref().map(|query| Query {
            id: query.header.id,
            len: query.wire_len,
            edns_size: edns_size(query),
        });
        let name = asked.as_ref().map(|asked| &asked.name);
        let name_hash = name.map_or(0, Name::quick_hash);
        let answer = transaction.response.as_ref().map(|response| Answer::read(response, name));
        let mut case = Self {
            id: transaction.id,
            cause: transaction.cause,
            caused: Count::default(),
            time: transaction.time,
            wall: transaction.wall,
            end: end(transaction),
            outcome: transaction.outcome,
            transport: transaction.transport,
            client: transaction.client,
            server: transaction.server,
            server_after_nat: transaction.server_after_nat,
            who,
            name_hash,
            asking_hash: asking_hash(transaction.client.ip(), name_hash),
            asked,
            query,
            answer,
            attempts: match &transaction.attempts[..] {
                [only] => smallvec![only.time],
                attempts => attempts.iter().map(|attempt| attempt.time).collect(),
            },
            duplicate_responses: transaction.duplicate_responses,
            path: Vec::new(),
            signs: transaction.signs.clone(),
            lost_by: transaction.lost_by,
            reached: false,
            response_time: transaction.response_time,
            is_slow: transaction.response_time.is_some_and(|time| time >= slow),
            server_response_time: transaction.server_response_time,
            late_for: transaction.late_for,
        };
        // Nobody asks where in the node a good response was. There are many of them, and their paths left the processor's
        // cache long ago.
        if !case.went_well() {
            case.path.extend_from_slice(&transaction.path);
            case.reached = transaction.path.iter().any(is_arrival);
        }
        case
    }

    /// What a connection without a query looks like to who is shown evidence: a transaction without question.
    #[must_use]
    pub fn of_connection(connection: &Connection, who: Who) -> Self {
        let mut nothing = Transaction::between(connection.client, connection.server);
        nothing.id = connection_id(connection);
        (nothing.time, nothing.wall) = (connection.time, connection.wall);
        nothing.transport = Transport::Tcp;
        nothing.outcome = Outcome::NoResponse;
        nothing.server_after_nat = connection.server_after_nat;
        nothing.attempts.clone_from(&connection.attempts);
        nothing.path.clone_from(&connection.path);
        nothing.signs.clone_from(&connection.signs);
        (nothing.client_socket, nothing.server_socket) = (connection.client_socket, connection.server_socket);
        Self::of(&nothing, who, SLOW)
    }

    /// Transactions that its own query caused, as far as they have ended.
    #[must_use]
    pub fn caused(&self) -> u32 {
        self.caused.0.load(Ordering::Relaxed)
    }

    /// Who was asked, behind NAT.
    #[must_use]
    pub fn responder(&self) -> SocketAddr {
        self.server_after_nat.unwrap_or(self.server)
    }

    /// The last sighting of its query.
    #[must_use]
    pub fn query_last_seen(&self) -> Option<&Hop> {
        self.path.iter().rfind(|hop| hop.message == MessageKind::Query)
    }

    /// Asks cluster DNS.
    #[must_use]
    pub fn is_to_cluster_dns(&self) -> bool {
        self.who.role == Role::Client
    }

    /// Cluster DNS asks its upstream, or a forwarder asks on for somebody: it has a cause.
    #[must_use]
    pub fn is_upstream(&self) -> bool {
        self.who.role == Role::Upstream || self.cause.is_some()
    }

    /// The pod of this node that asked.
    #[must_use]
    pub fn client_pod(&self) -> Option<&crate::owner::Pod> {
        self.who.client.as_ref().and_then(Party::pod).map(|pod| &**pod)
    }

    /// QNAME.
    #[must_use]
    pub fn name(&self) -> Option<&Name> {
        self.asked.as_ref().map(|asked| &asked.name)
    }

    /// The zone that says no: the owner of the SOA record in the authority section (RFC 2308).
    #[must_use]
    pub fn zone(&self) -> Option<Name> {
        match self.answer.as_ref()?.zone.as_ref()? {
            Zone::Asked(at) => Some(self.name()?.from(*at)),
            Zone::Other(name) => Some((**name).clone()),
        }
    }

    /// Whether that is this one.
    #[must_use]
    pub fn has_zone(&self, zone: &Name) -> bool {
        match self.answer.as_ref().and_then(|answer| answer.zone.as_ref()) {
            Some(Zone::Asked(at)) => self.name().and_then(|name| name.wire().get(*at..)) == Some(zone.wire()),
            Some(Zone::Other(name)) => **name == *zone,
            None => false,
        }
    }

    /// QTYPE.
    #[must_use]
    pub fn qtype(&self) -> Option<u16> {
        self.asked.as_ref().map(|asked| asked.qtype)
    }
}

/// Names a connection among transactions.
pub(super) fn connection_id(connection: &Connection) -> TransactionId {
    let what = (connection.time, connection.client, connection.server);
    TransactionId(foldhash::fast::FixedState::default().hash_one(what))
}

/// Of somebody who asks for something: the same for the same, in this process.
pub(super) fn asking_hash(client: IpAddr, what: impl Hash) -> u64 {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::default);
    KEY.hash_one((Key(client), what))
}

fn edns_size(query: &MessageCopy) -> Option<u16> {
    let [.., additional] = query.header.counts;
    let records = Records::read(&query.bytes).ok().filter(|_| additional > 0)?;
    records.edns().map(|edns| edns.udp_size)
}

fn end(transaction: &Transaction) -> BootTime {
    let seen = transaction.path.last().map(|hop| hop.time);
    let sent = transaction.attempts.last().map(|attempt| attempt.time);
    let answered = transaction.response_time.map(|time| transaction.time.after(time));
    [Some(transaction.time), seen, sent, answered].into_iter().flatten().max().unwrap_or_default()
}

fn is_arrival(hop: &Hop) -> bool {
    hop.message == MessageKind::Query && hop.point.hook == Hook::Socket && hop.point.direction == Direction::In
}
