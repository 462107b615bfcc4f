//! Which open transaction a sighting of a query belongs to.
//!
//! The same message ID, client port and bytes say that it may be the same query; then the address of the initiator, which
//! only masquerading changes, and the point, which sees a message once. What more than one
//! transaction could claim stays apart.

use std::net::SocketAddr;
use std::time::Duration;

use super::Hop;
use super::ending;
use super::identity::Seen;
use super::index::Slot;
use super::masquerade::{self, NODE_TRANSIT};
use super::open::Open;
use super::ranking::Best;
use super::table::Table;
use crate::capture::{BootTime, Direction, Hook, Point};
use crate::decode::{Observation, Transport};

/// How long a response takes from its first sighting to its initiator, usually; what is sent again within this time and
/// before the response is back is a retransmission, later it is another query with the same message ID.
const CROSSING: Duration = Duration::from_micros(500);

/// What a sighting of a query is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueryIs {
    /// The first of its query.
    New,
    /// The first of its query as far as can be told: more than one transaction could claim it.
    Ambiguous,
    /// The first of a query that comes after this transaction, with its message ID and ports.
    NewAfter(Slot),
    /// Seen before at another point.
    Sighting(Slot),
    /// Sent again.
    Retransmission(Slot),
    /// What an open response was waiting for.
    Answered(Slot),
}

enum Fit {
    No,
    /// The point has not seen this sending.
    Fits,
    /// The point has seen this sending, with these addresses.
    Repeats,
}

/// Says what a sighting of a query is.
pub(super) fn classify(table: &Table, seen: &Seen<'_>) -> QueryIs {
    let mut fits = Best::new();
    let mut repeats = Best::new();
    for (slot, open) in table.with_key(&seen.key).filter(|(_, open)| open.query == Some(seen.identity)) {
        match fit(open, seen) {
            Fit::No => {}
            Fit::Fits => fits.offer(slot, closeness(open, seen)),
            Fit::Repeats => repeats.offer(slot, (is_awaited(open, seen), open.query_time)),
        }
    }
    if let Some((slot, (awaited, _))) = repeats.any()
        && fits.rank().is_none_or(|rank| !rank.0)
    {
        return if awaited { QueryIs::Retransmission(slot) } else { QueryIs::NewAfter(slot) };
    }
    if fits.rank().is_some() {
        return fits.only().map_or(QueryIs::Ambiguous, QueryIs::Sighting);
    }
    if let Some(slot) = waiting_response(table, seen) {
        return QueryIs::Answered(slot);
    }
    masquerade::classify(table, seen)
}

fn fit(open: &Open, seen: &Seen<'_>) -> Fit {
    let o = seen.observation;
    let same_netns = |a: u32, b: u32| a == b || a == 0 || b == 0;
    let is_initiator = |src: SocketAddr, netns| {
        // Every netns has its own 127.0.0.1.
        src == o.src && (!src.ip().is_loopback() || same_netns(netns, o.point.netns))
    };
    if !open.query_hops().any(|hop| is_initiator(hop.src, hop.point.netns)) {
        return Fit::No;
    }
    if is_over(open, o) {
        return if was_sent_so(open, o) { Fit::Repeats } else { Fit::No };
    }
    let here = |hop: &&Hop| hop.attempt == open.attempt && sees_once(hop.point) && hop.point == o.point;
    match open.query_hops().find(here) {
        None if sees_once(o.point) => Fit::Fits,
        None => unnamed_interface(open, seen),
        Some(hop) if hop.src == o.src && hop.dst == o.dst => Fit::Repeats,
        Some(_) => Fit::No,
    }
}

/// Whether the way of the query's current sending has ended before this sighting, or begins with it: a message is first
/// seen at its sender's socket and last at its receiver's, if it is seen there at all. Multicast has many receivers.
pub(super) fn is_over(open: &Open, o: &Observation<'_>) -> bool {
    let mut before = open.query_hops().filter(|hop| hop.attempt == open.attempt && hop.time < o.time);
    if is_at_socket(o.point, Direction::Out) {
        return before.next().is_some();
    }
    !o.dst.ip().is_multicast() && before.any(|hop| is_at_socket(hop.point, Direction::In))
}

/// Whether the query was seen with these addresses, and not sent by another socket.
fn was_sent_so(open: &Open, o: &Observation<'_>) -> bool {
    let other_socket = |hop: &Hop| is_at_socket(hop.point, Direction::Out) && hop.point != o.point;
    let known = open.query_hops().any(|hop| hop.src == o.src && hop.dst == o.dst);
    known && !(is_at_socket(o.point, Direction::Out) && open.query_hops().any(other_socket))
}

/// Whether a point is a socket that sends, or receives.
pub(super) fn is_at_socket(point: Point, direction: Direction) -> bool {
    point.hook == Hook::Socket && point.direction == direction
}

/// Whether the initiator still waits: a query that is sent again just before its response arrives crosses it on the way.
fn is_awaited(open: &Open, seen: &Seen<'_>) -> bool {
    let crossing = seen.observation.time.since(open.response_time) <= CROSSING && seen.key.transport == Transport::Udp;
    open.response.is_none() || (crossing && !ending::has_returned(&open.transaction.path))
}

/// A capture of all interfaces may not say which, or not in which direction: then a repetition within the time of a transit
/// is another point.
fn unnamed_interface(open: &Open, seen: &Seen<'_>) -> Fit {
    let o = seen.observation;
    let same = |hop: &&Hop| hop.point == o.point && hop.src == o.src && hop.dst == o.dst;
    match open.query_hops().rfind(same) {
        Some(hop) if o.time.since(hop.time) > NODE_TRANSIT => Fit::Repeats,
        Some(_) if open.response.is_some() && o.time > open.response_time => Fit::Repeats,
        _ => Fit::Fits,
    }
}

/// An observation point sees a message once, when it is known which point it is: a bridge sees it coming and going.
pub(super) fn sees_once(point: Point) -> bool {
    point.hook == Hook::Socket || (point.ifindex != 0 && point.direction != Direction::Unknown)
}

/// How well a sighting goes with a transaction, the strongest sign first: unanswered, same buffer, same destination.
fn closeness(open: &Open, seen: &Seen<'_>) -> (bool, Option<BootTime>, bool, bool) {
    let o = seen.observation;
    let known_dst = open.query_hops().any(|hop| hop.dst == o.dst);
    (open.response.is_none(), open.hop_id_time(o.hop_id), open.last_dst() == Some(o.dst), known_dst)
}

/// A response that was seen before its query: the clocks of CPUs agree, the order of the ring buffer does not always.
fn waiting_response(table: &Table, seen: &Seen<'_>) -> Option<Slot> {
    let o = seen.observation;
    let answers = |open: &Open| {
        let addresses = open.response_hops().any(|hop| hop.dst == o.src || hop.src == o.dst);
        let not_late = open.transaction.late_for.is_none() && o.time <= open.response_time;
        open.query.is_none() && not_late && addresses && open.may_ask(o.message.question.as_ref())
    };
    table.with_key(&seen.key).find(|(_, open)| answers(open)).map(|(slot, _)| slot)
}
