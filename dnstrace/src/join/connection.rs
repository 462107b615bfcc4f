//! A TCP connection to a DNS port, as far as its handshake and its end tell something.

use std::net::SocketAddr;

use super::{Attempt, Hop, Sign};
use crate::capture::{BootTime, Socket, WallTime};

/// How a connection began, or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionOutcome {
    /// SYN-ACK was seen.
    Accepted,
    /// RST, or an ICMP error, in answer to the SYN.
    Refused,
    /// Nothing in answer to the SYN and its retransmissions within five seconds after the last.
    NoAnswer,
    /// It was accepted, and reset while a query had no response, or after the responder had closed it.
    Reset,
    /// The run ended before any of these.
    Outstanding,
}

/// A TCP connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// First sighting of its SYN, or of the first segment seen.
    pub time: BootTime,
    /// The same, for showing.
    pub wall: WallTime,
    /// Who connects, as first seen.
    pub client: SocketAddr,
    /// To whom, as first seen.
    pub server: SocketAddr,
    /// Where the SYN was last seen going, when NAT changed that.
    pub server_after_nat: Option<SocketAddr>,
    /// How it began, or ended.
    pub outcome: ConnectionOutcome,
    /// Sendings of the SYN.
    pub attempts: Vec<Attempt>,
    /// Sightings of the SYN ([`MessageKind::Query`](super::MessageKind)) and of what answered it, in time order.
    pub path: Vec<Hop>,
    /// What happened to its segments beside being seen.
    pub signs: Vec<Sign>,
    /// The initiator's socket.
    pub client_socket: Socket,
    /// The responder's socket, when it is on this node.
    pub server_socket: Socket,
    /// The responder's first FIN.
    pub closed_by_server: Option<BootTime>,
}
