//! Which open query made this initiator ask.
//!
//! A forwarder that was asked asks on: the same question, by the one the first query was delivered to, while that query
//! has no answer. Where two queries could be the cause, none is named.

use std::net::IpAddr;

use super::identity::Seen;
use super::index::Slot;
use super::open::Open;
use super::ranking::Best;
use super::table::Table;
use crate::capture::Socket;

/// What made an initiator ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// No open query that is known.
    Unknown,
    /// More than one open query could have.
    Ambiguous,
    /// This query.
    Query(Slot),
}

/// Finds the cause of the query that is first seen in `seen`, by its question.
pub(super) fn find(table: &Table, seen: &Seen<'_>, question: Option<u64>) -> Cause {
    let Some(question) = question else { return Cause::Unknown };
    let mut best = Best::new();
    for (slot, open) in table.with_question(question).filter(|(_, open)| was_delivered_to_sender(open, seen)) {
        // In a loop each lap has caused the next one already.
        best.offer(slot, open.transaction.caused == 0);
    }
    match (best.any(), best.only()) {
        (None, _) => Cause::Unknown,
        (_, None) => Cause::Ambiguous,
        (_, Some(slot)) => Cause::Query(slot),
    }
}

fn was_delivered_to_sender(open: &Open, seen: &Seen<'_>) -> bool {
    let sender = seen.observation.socket;
    let receiver = open.transaction.server_socket;
    let same = |a: Option<u64>, b: Option<u64>| a.is_some() && a == b;
    let same_cgroup = same(sender.own_cgroup(), receiver.own_cgroup());
    // A netns that the query did not leave is no sign: many programs share the node's.
    let came_from_elsewhere = receiver.netns != open.transaction.client_socket.netns;
    let same_netns = sender.netns.is_some() && sender.netns == receiver.netns && came_from_elsewhere;
    let tgid = |socket: Socket| socket.process.map(|process| u64::from(process.tgid));
    let same_process = same(tgid(sender), tgid(receiver));
    // Who asked asks another server: in the pod of a stub, initiator and responder have all but the process in common.
    if !same_process && same(tgid(sender), tgid(open.transaction.client_socket)) {
        return false;
    }
    let address = seen.observation.src.ip();
    same_process
        || same_cgroup
        || same_netns
        || (!names_many(address) && open.query_hops().any(|hop| hop.dst.ip() == address))
}

/// Every netns has its own loopback addresses.
fn names_many(address: IpAddr) -> bool {
    address.is_loopback()
}
