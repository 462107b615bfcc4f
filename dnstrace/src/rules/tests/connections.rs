//! TCP connections made by hand.

use std::net::SocketAddr;

use super::ways::{DNS_IF, WEB_IF};
use super::*;
use crate::capture::Direction::{In, Out};
use crate::capture::{Hook, Point, Socket, WallTime};
use crate::join::{Attempt, ConnectionOutcome, Hop, MessageKind};

/// A connection of a client whose SYN was seen at its interface, sent this often, at the time in milliseconds.
pub(super) fn connection(at: u64, client: &str, outcome: ConnectionOutcome, sent: usize) -> Connection {
    let time = BootTime(at * 1_000_000);
    let (client, server): (SocketAddr, SocketAddr) = (client.parse().unwrap(), SERVICE.parse().unwrap());
    let point = Point { hook: Hook::Device, direction: In, ifindex: WEB_IF, netns: 0 };
    let message = MessageKind::Query;
    Connection {
        time,
        wall: WallTime(time.0),
        client,
        server,
        server_after_nat: None,
        outcome,
        attempts: vec![Attempt { time }; sent],
        path: vec![Hop { time, point, message, attempt: 0, src: client, dst: server, vlan: None }],
        path_cut: 0,
        signs: Vec::new(),
        client_socket: Socket::default(),
        server_socket: Socket::default(),
        closed_by_server: None,
    }
}

/// One that was sent on to CoreDNS.
pub(super) fn forwarded(connection: Connection) -> Connection {
    let server: SocketAddr = COREDNS.parse().unwrap();
    let mut path = connection.path.clone();
    let point = Point { hook: Hook::Device, direction: Out, ifindex: DNS_IF, netns: 0 };
    path.push(Hop { dst: server, point, ..path[0] });
    Connection { server_after_nat: Some(server), path, ..connection }
}
