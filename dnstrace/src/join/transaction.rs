//! A query and its response, or the lack of one.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::Sign;
use super::identity::Seen;
use crate::capture::{BootTime, Point, Socket, WallTime};
use crate::decode::{Header, Transport};

/// Names a transaction: the same for the same packets, live and replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub u64);

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A response was seen; says nothing of its rcode.
    Answered,
    /// No response within the query timeout.
    NoResponse,
    /// A response without a query that it answers.
    Unsolicited,
    /// No response yet, and no answer to whether there will be one: the run ended, or too many transactions were open.
    Outstanding,
}

/// Query or response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// QR = 0.
    Query,
    /// QR = 1.
    Response,
}

/// One sighting of one of a transaction's messages. Addresses are as on the wire there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// When.
    pub time: BootTime,
    /// Where.
    pub point: Point,
    /// Query or response.
    pub message: MessageKind,
    /// Which sending of the query this belongs to, from 0.
    pub attempt: u16,
    /// Source.
    pub src: SocketAddr,
    /// Destination.
    pub dst: SocketAddr,
    /// VLAN ID.
    pub vlan: Option<u16>,
}

/// One sending of the query: the first, or a retransmission (same message ID and ports).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// First sighting.
    pub time: BootTime,
}

/// A message kept by its transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageCopy {
    /// What was captured of it.
    pub bytes: Bytes,
    /// Its length on the wire.
    pub wire_len: u32,
    /// Its header.
    pub header: Header,
}

/// A query with its response, or the lack of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Its name.
    pub id: TransactionId,
    /// First sighting of the query, or of the response where the query was not seen.
    pub time: BootTime,
    /// The same, for showing.
    pub wall: WallTime,
    /// How it ended.
    pub outcome: Outcome,
    /// UDP or TCP.
    pub transport: Transport,
    /// Initiator, as first seen.
    pub client: SocketAddr,
    /// Whom it asked, as first seen: the Service address, before DNAT.
    pub server: SocketAddr,
    /// Where the query was last seen going, when NAT changed that.
    pub server_after_nat: Option<SocketAddr>,
    /// The query.
    pub query: Option<MessageCopy>,
    /// The response, the first if there were several.
    pub response: Option<MessageCopy>,
    /// Sendings of the query.
    pub attempts: Vec<Attempt>,
    /// Further responses to the same query.
    pub duplicate_responses: u16,
    /// The first of these that is not the same, byte for byte.
    pub other_response: Option<Box<MessageCopy>>,
    /// Sightings of query and response in time order.
    pub path: Vec<Hop>,
    /// Sightings left out of `path` because of its bound.
    pub path_cut: u32,
    /// What happened to its packets beside being seen, in time order.
    pub signs: Vec<Sign>,
    /// Which of these threw the response away: see [`Transaction::lost_response`].
    pub lost_by: Option<u8>,
    /// The initiator's socket.
    pub client_socket: Socket,
    /// The responder's socket, when it is on this node.
    pub server_socket: Socket,
    /// Query first sent to response last seen, at the point nearest to the initiator that saw both.
    pub response_time: Option<Duration>,
    /// Query in to response out at the responder's own point.
    pub server_response_time: Option<Duration>,
    /// A response that came after the query timeout belongs to this transaction, which was given out without one.
    pub late_for: Option<TransactionId>,
    /// The transaction whose query made this initiator ask.
    pub cause: Option<TransactionId>,
    /// Transactions that this one made its responder ask, whether they have ended or not.
    pub caused: u32,
}

/// Sightings that a path has room for at first: what piles up unanswered was seen at few points.
const PATH_BEGIN: usize = 4;

impl Transaction {
    /// A transaction of which nothing but the names in its first sighting are known.
    pub(super) fn begin(seen: &Seen<'_>) -> Self {
        let o = seen.observation;
        Self {
            id: seen.transaction_id(),
            time: o.time,
            wall: o.wall,
            transport: o.transport,
            path: Vec::with_capacity(PATH_BEGIN),
            ..Self::between(o.src, o.dst)
        }
    }

    /// A transaction of which nothing is known but whom it is between.
    pub(crate) fn between(client: SocketAddr, server: SocketAddr) -> Self {
        Self {
            id: TransactionId(0),
            time: BootTime(0),
            wall: WallTime(0),
            outcome: Outcome::Outstanding,
            transport: Transport::Udp,
            client,
            server,
            server_after_nat: None,
            query: None,
            response: None,
            attempts: Vec::new(),
            duplicate_responses: 0,
            other_response: None,
            path: Vec::new(),
            path_cut: 0,
            signs: Vec::new(),
            lost_by: None,
            client_socket: Socket::default(),
            server_socket: Socket::default(),
            response_time: None,
            server_response_time: None,
            late_for: None,
            cause: None,
            caused: 0,
        }
    }
}
