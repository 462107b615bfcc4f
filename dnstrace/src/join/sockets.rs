//! Whose sockets the initiator's and the responder's are.
//!
//! The `socket` hook sees a message exactly at its sender's and at its receiver's socket. The `device` hook knows the
//! sender's socket of what a veth receives from a pod. Two sources are put together only when they name one socket.

use super::Transaction;
use crate::capture::{Direction, Hook, Point, Socket};
use crate::decode::Observation;

/// Takes what a sighting of the query tells.
pub(super) fn add_query(transaction: &mut Transaction, o: &Observation<'_>) {
    add_from_client(&mut transaction.client_socket, &mut transaction.server_socket, o.point, o.socket);
}

/// Takes what a sighting of the response tells.
pub(super) fn add_response(transaction: &mut Transaction, o: &Observation<'_>) {
    add_from_server(&mut transaction.client_socket, &mut transaction.server_socket, o.point, o.socket);
}

/// Takes what a sighting of anything that the client sent tells.
pub(super) fn add_from_client(client: &mut Socket, server: &mut Socket, point: Point, socket: Socket) {
    match (point.hook, point.direction) {
        (Hook::Socket, Direction::Out) | (Hook::Device, Direction::In) => add(client, point.hook, socket),
        (Hook::Socket, Direction::In) => add(server, point.hook, socket),
        (Hook::Device, Direction::Out) | (Hook::Drop, _) | (_, Direction::Unknown) => {}
    }
}

/// Takes what a sighting of anything that the server sent tells.
pub(super) fn add_from_server(client: &mut Socket, server: &mut Socket, point: Point, socket: Socket) {
    add_from_client(server, client, point, socket);
}

fn add(known: &mut Socket, hook: Hook, new: Socket) {
    if *known == Socket::default() {
        *known = new;
        return;
    }
    let differ = known.cookie.zip(new.cookie).is_some_and(|(a, b)| a != b)
        || known.cgroup_id.zip(new.cgroup_id).is_some_and(|(a, b)| a != b)
        || known.netns.zip(new.netns).is_some_and(|(a, b)| a != b);
    if differ {
        // The socket hook was there itself; a buffer on a veth may still carry a socket that passed it on.
        if hook == Hook::Socket && known.cgroup_id.is_none() {
            *known = new;
        }
        return;
    }
    known.cookie = known.cookie.or(new.cookie);
    known.cgroup_id = known.cgroup_id.or(new.cgroup_id);
    known.netns = known.netns.or(new.netns);
    known.process = known.process.or(new.process);
}
