//! Whose sockets the initiator's and the responder's are.
//!
//! The `socket` hook sees a message exactly at its sender's and at its receiver's socket. The `device` hook knows the
//! sender's socket of what a veth receives from a pod. Two sources are put together only when they name one socket.

use super::Transaction;
use crate::capture::{Direction, Hook, Socket};
use crate::decode::Observation;

/// Takes what a sighting of the query tells.
pub(super) fn add_query(transaction: &mut Transaction, o: &Observation<'_>) {
    match (o.point.hook, o.point.direction) {
        (Hook::Socket, Direction::Out) | (Hook::Device, Direction::In) => add(&mut transaction.client_socket, o),
        (Hook::Socket, Direction::In) => add(&mut transaction.server_socket, o),
        (Hook::Device, Direction::Out) | (_, Direction::Unknown) => {}
    }
}

/// Takes what a sighting of the response tells.
pub(super) fn add_response(transaction: &mut Transaction, o: &Observation<'_>) {
    match (o.point.hook, o.point.direction) {
        (Hook::Socket, Direction::Out) | (Hook::Device, Direction::In) => add(&mut transaction.server_socket, o),
        (Hook::Socket, Direction::In) => add(&mut transaction.client_socket, o),
        (Hook::Device, Direction::Out) | (_, Direction::Unknown) => {}
    }
}

fn add(known: &mut Socket, o: &Observation<'_>) {
    let new = o.socket;
    if *known == Socket::default() {
        *known = new;
        return;
    }
    let differ = known.cookie.zip(new.cookie).is_some_and(|(a, b)| a != b)
        || known.cgroup_id.zip(new.cgroup_id).is_some_and(|(a, b)| a != b)
        || known.netns.zip(new.netns).is_some_and(|(a, b)| a != b);
    if differ {
        // The socket hook was there itself; a buffer on a veth may still carry a socket that passed it on.
        if o.point.hook == Hook::Socket && known.cgroup_id.is_none() {
            *known = new;
        }
        return;
    }
    known.cookie = known.cookie.or(new.cookie);
    known.cgroup_id = known.cgroup_id.or(new.cgroup_id);
    known.netns = known.netns.or(new.netns);
    known.process = known.process.or(new.process);
}
