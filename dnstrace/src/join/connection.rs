//! A TCP connection that DNS is spoken on: whether it came about, and how it ended.

use std::net::SocketAddr;

use super::{Attempt, Hop, Sign};
use crate::capture::{BootTime, Socket, WallTime};

/// What became of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionOutcome {
    /// SYN and ACK were seen.
    Accepted,
    /// RST or an ICMP error came in answer to the SYN.
    Refused,
    /// Nothing came in answer within [`SYN_TIMEOUT`](super::SYN_TIMEOUT) of the last SYN.
    NoAnswer,
    /// Accepted, and then the server sent RST while a query had no response, or a query was sent to a server that had
    /// closed.
    Reset,
    /// No answer yet, and no saying whether there will be one: the run ended, or too many connections were open.
    Outstanding,
}

/// A TCP connection to or from a DNS port. It is given out when its outcome is known, and once more, with everything
/// that was seen since, when that changes: an accepted one may be reset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// First sighting of its SYN.
    pub time: BootTime,
    /// The same, for showing.
    pub wall: WallTime,
    /// Who connects, as first seen.
    pub client: SocketAddr,
    /// To whom, as first seen: before DNAT.
    pub server: SocketAddr,
    /// Where the SYN was last seen going, when NAT changed that.
    pub server_after_nat: Option<SocketAddr>,
    /// What became of it.
    pub outcome: ConnectionOutcome,
    /// The SYN, and each time it was sent again.
    pub attempts: Vec<Attempt>,
    /// Sightings of SYN (as of a query) and of what answered it (as of a response), in the order they came.
    pub path: Vec<Hop>,
    /// Sightings left out of `path` because of its bound.
    pub path_cut: u32,
    /// Drops and ICMP errors of its packets, in the order they came.
    pub signs: Vec<Sign>,
    /// The client's socket.
    pub client_socket: Socket,
    /// The server's socket, when it is on this node.
    pub server_socket: Socket,
    /// When the server closed it before the client did.
    pub closed_by_server: Option<BootTime>,
}
