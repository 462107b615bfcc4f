//! One connection that is followed, and what a further segment says of it.

use std::net::SocketAddr;

use super::masquerade::NODE_TRANSIT;
use super::open::{ATTEMPTS_MAX, PATH_MAX};
use super::queries::sees_once;
use super::signs::{SIGNS_MAX, event};
use super::{Attempt, Connection, ConnectionOutcome, Hop, MessageKind, Sign, sockets};
use crate::capture::BootTime;
use crate::decode::{Signal, Subject};

/// Queries of one connection that are remembered as unanswered: CoreDNS and resolvers pipeline some.
const UNANSWERED_MAX: usize = 64;
/// Addresses that NAT gives a connection on a node: the Service's, the pod's, and a masqueraded client with both.
const PAIRS_MAX: usize = 8;

/// Which end sent something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    Client,
    Server,
}

/// A connection that is followed.
pub(super) struct Opened {
    pub(super) connection: Connection,
    /// Initial sequence number of the client.
    pub(super) syn: u32,
    /// When it is looked at next.
    pub(super) deadline: BootTime,
    given: Option<ConnectionOutcome>,
    unanswered: Vec<u16>,
    closed_by_client: bool,
    pairs: Vec<(SocketAddr, SocketAddr, u32)>,
}

impl Opened {
    /// A connection of which the SYN is seen for the first time.
    pub(super) fn new(signal: &Signal, syn: u32, deadline: BootTime) -> Self {
        let Subject { src, dst, .. } = signal.subject;
        let connection = Connection {
            time: signal.time,
            wall: signal.wall,
            client: src,
            server: dst,
            server_after_nat: None,
            outcome: ConnectionOutcome::Outstanding,
            attempts: vec![Attempt { time: signal.time }],
            path: Vec::new(),
            path_cut: 0,
            signs: Vec::new(),
            client_socket: crate::capture::Socket::default(),
            server_socket: crate::capture::Socket::default(),
            closed_by_server: None,
        };
        let (given, unanswered, closed_by_client, pairs) = Default::default();
        let mut opened = Self { connection, syn, deadline, given, unanswered, closed_by_client, pairs };
        opened.see_syn(signal);
        opened
    }

    /// Whether what is known was given out.
    pub(super) fn is_given(&self) -> bool {
        self.given == Some(self.connection.outcome)
    }

    /// What is known, to be given out.
    pub(super) fn give(&mut self) -> Connection {
        self.given = Some(self.connection.outcome);
        self.connection.clone()
    }

    /// Nothing answered in time, if it is not decided otherwise.
    pub(super) fn time_is_over(&mut self) {
        if self.connection.outcome == ConnectionOutcome::Outstanding {
            self.connection.outcome = ConnectionOutcome::NoAnswer;
        }
    }

    /// Whether a SYN with the same sequence number is this one: NAT changes the client or the server, hardly both ports.
    pub(super) fn is_same_syn(&self, signal: &Signal) -> bool {
        let Subject { src, dst, .. } = signal.subject;
        self.connection.path.iter().any(|hop| hop.src.port() == src.port() || hop.dst.port() == dst.port())
    }

    /// Adds a sighting of the SYN, or begins a further sending.
    pub(super) fn add_syn(&mut self, signal: &Signal) {
        let Subject { src, dst, .. } = signal.subject;
        let attempt = self.attempt();
        let seen = self.connection.path.iter().any(|hop| {
            let here = hop.message == MessageKind::Query && hop.attempt == attempt && hop.point == signal.point;
            let again = (hop.src, hop.dst) == (src, dst) && signal.time.since(hop.time) > NODE_TRANSIT;
            here && (again || sees_once(hop.point))
        });
        if seen && self.connection.attempts.len() < ATTEMPTS_MAX {
            self.connection.attempts.push(Attempt { time: signal.time });
        }
        self.see_syn(signal);
    }

    fn see_syn(&mut self, signal: &Signal) {
        let c = &mut self.connection;
        if signal.subject.dst != c.server {
            c.server_after_nat = Some(signal.subject.dst);
        }
        sockets::add_from_client(&mut c.client_socket, &mut c.server_socket, signal.point, signal.socket);
        self.push_hop(signal, MessageKind::Query);
    }

    /// SYN and ACK were seen.
    pub(super) fn accept(&mut self, signal: &Signal) {
        if matches!(self.connection.outcome, ConnectionOutcome::Outstanding | ConnectionOutcome::NoAnswer) {
            self.connection.outcome = ConnectionOutcome::Accepted;
        }
        self.see_answer(signal);
    }

    /// RST from the server: in answer to the SYN, or later. A client that has what it wants may reset, too.
    pub(super) fn reset_by_server(&mut self, signal: &Signal) {
        match self.connection.outcome {
            ConnectionOutcome::Outstanding | ConnectionOutcome::NoAnswer | ConnectionOutcome::Refused => {
                self.connection.outcome = ConnectionOutcome::Refused;
                self.see_answer(signal);
            }
            ConnectionOutcome::Accepted if !self.unanswered.is_empty() => {
                self.connection.outcome = ConnectionOutcome::Reset;
            }
            _ => {}
        }
    }

    /// An ICMP error came in answer to the SYN.
    pub(super) fn refuse(&mut self) {
        if self.connection.outcome == ConnectionOutcome::Outstanding {
            self.connection.outcome = ConnectionOutcome::Refused;
        }
    }

    fn see_answer(&mut self, signal: &Signal) {
        let c = &mut self.connection;
        sockets::add_from_server(&mut c.client_socket, &mut c.server_socket, signal.point, signal.socket);
        self.push_hop(signal, MessageKind::Response);
    }

    /// FIN from the server.
    pub(super) fn closed_by_server(&mut self, time: BootTime) {
        if !self.closed_by_client {
            self.connection.closed_by_server.get_or_insert(time);
        }
    }

    /// FIN or RST from the client: it wants nothing more.
    pub(super) fn closed_by_client(&mut self) {
        self.closed_by_client = true;
    }

    /// A query on it. One that is sent to a server that has closed gets no response.
    pub(super) fn query(&mut self, message_id: u16, time: BootTime) {
        if self.unanswered.contains(&message_id) {
            return;
        }
        if self.connection.outcome == ConnectionOutcome::Accepted
            && self.connection.closed_by_server.is_some_and(|closed| closed < time)
        {
            self.connection.outcome = ConnectionOutcome::Reset;
        }
        if self.unanswered.len() >= UNANSWERED_MAX {
            self.unanswered.remove(0);
        }
        self.unanswered.push(message_id);
    }

    /// A response on it.
    pub(super) fn response(&mut self, message_id: u16) {
        self.unanswered.retain(|&id| id != message_id);
    }

    /// Adds what happened to one of its packets.
    pub(super) fn add_sign(&mut self, signal: &Signal, from: Ends) {
        let Some(event) = event(&signal.event) else { return };
        let (attempt, signs) = (self.attempt(), &mut self.connection.signs);
        if signs.len() < SIGNS_MAX {
            let (time, point, &Subject { src, dst, .. }) = (signal.time, signal.point, &signal.subject);
            let message = if from == Ends::Client { MessageKind::Query } else { MessageKind::Response };
            signs.push(Sign { time, point, message, attempt, src, dst, event });
        }
    }

    /// Remembers addresses it was seen with; `false` when they are known, or too many are.
    pub(super) fn add_pair(&mut self, pair: (SocketAddr, SocketAddr, u32)) -> bool {
        let is_new = !self.pairs.contains(&pair) && self.pairs.len() < PAIRS_MAX;
        if is_new {
            self.pairs.push(pair);
        }
        is_new
    }

    /// Addresses it was seen with.
    pub(super) fn pairs(&self) -> &[(SocketAddr, SocketAddr, u32)] {
        &self.pairs
    }

    fn attempt(&self) -> u16 {
        u16::try_from(self.connection.attempts.len().saturating_sub(1)).unwrap_or(u16::MAX)
    }

    /// Adds a sighting.
    fn push_hop(&mut self, signal: &Signal, message: MessageKind) {
        if self.connection.path.len() >= PATH_MAX {
            self.connection.path_cut = self.connection.path_cut.saturating_add(1);
            return;
        }
        let (time, point, attempt, &Subject { src, dst, .. }) =
            (signal.time, signal.point, self.attempt(), &signal.subject);
        self.connection.path.push(Hop { time, point, message, attempt, src, dst, vlan: None });
    }
}
