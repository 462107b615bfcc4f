//! What is said of a transaction as it is given out: its path in order, who asked whom, and how long it took.

use std::net::SocketAddr;
use std::time::Duration;

use super::open::Open;
use super::{Hop, MessageKind, Outcome, Transaction};
use crate::capture::{Direction, Hook, Point};

/// How a transaction ends that is given out now, its time being over or not.
pub(super) fn outcome(open: &Open, time_is_over: bool) -> Outcome {
    match (open.query, open.response) {
        (None, _) => Outcome::Unsolicited,
        (Some(_), Some(_)) => Outcome::Answered,
        (Some(_), None) if time_is_over => Outcome::NoResponse,
        (Some(_), None) => Outcome::Outstanding,
    }
}

/// The transaction, complete.
pub(super) fn complete(open: Open, outcome: Outcome) -> Transaction {
    let mut t = open.transaction;
    t.outcome = outcome;
    // Stable: sightings with one time stay in the order they came.
    t.path.sort_by_key(|hop| hop.time);
    match outcome {
        Outcome::Unsolicited => name_by_response(&mut t),
        _ => name_by_query(&mut t),
    }
    t.settle_signs();
    t.response_time = if t.lost_by.is_some() { None } else { response_time(&t.path) };
    t.server_response_time = server_response_time(&t.path);
    t
}

/// Whether the response has been seen where the query came from: no further sighting is to be expected.
pub(super) fn has_returned(path: &[Hop]) -> bool {
    let Some(first) = path.iter().find(|hop| is_query(hop)) else { return false };
    let arrived = |hop: &Hop| hop.point.hook == Hook::Socket && hop.point.direction == Direction::In;
    path.iter().filter(|hop| is_response(hop)).any(|hop| arrived(hop) || is_way_back(first.point, hop.point))
}

fn name_by_query(t: &mut Transaction) {
    let at_socket =
        |hop: &&Hop| is_query(hop) && hop.point.hook == Hook::Socket && hop.point.direction == Direction::Out;
    let Some(first) = t.path.iter().find(at_socket).or_else(|| t.path.iter().find(|hop| is_query(hop))) else { return };
    (t.client, t.server) = ends_before_nat(&t.path, first).unwrap_or((first.src, first.dst));
    // A retransmission may have been lost before NAT; an earlier sending tells all the same.
    t.server_after_nat = t.path.iter().rfind(|hop| is_query(hop) && hop.dst != t.server).map(|hop| hop.dst);
}

/// What a host sends passes the socket hook after the host's own NAT. Where the response came from whom the query went to,
/// and NAT was undone before it reached the same socket, it says what the application used.
fn ends_before_nat(path: &[Hop], first: &Hop) -> Option<(SocketAddr, SocketAddr)> {
    let at_socket = first.point.hook == Hook::Socket;
    let mut responses = path.iter().filter(|hop| is_response(hop));
    responses.find(|hop| at_socket && (hop.src, hop.dst) == (first.dst, first.src))?;
    let returned = responses.rfind(|hop| is_mirror(first.point, hop.point))?;
    Some((returned.dst, returned.src))
}

/// The last sighting is the nearest to the initiator: there NAT is undone.
fn name_by_response(t: &mut Transaction) {
    if let Some(last) = t.path.last() {
        (t.client, t.server) = (last.dst, last.src);
    }
}

fn response_time(path: &[Hop]) -> Option<Duration> {
    path.iter().filter(|hop| is_query(hop)).find_map(|query| {
        let returned = |hop: &&Hop| is_response(hop) && hop.time >= query.time;
        let mirrored = path.iter().filter(returned).rfind(|hop| is_mirror(query.point, hop.point));
        let response = mirrored.or_else(|| path.iter().filter(returned).rfind(|hop| hop.point == query.point))?;
        Some(response.time.since(query.time))
    })
}

fn server_response_time(path: &[Hop]) -> Option<Duration> {
    let at = |hop: &Hop, direction| hop.point.hook == Hook::Socket && hop.point.direction == direction;
    let response = path.iter().find(|hop| is_response(hop) && at(hop, Direction::Out))?;
    let asked = |hop: &&Hop| is_query(hop) && at(hop, Direction::In) && hop.time <= response.time;
    let query = path.iter().rfind(|hop| asked(hop) && same_netns(hop.point, response.point))?;
    Some(response.time.since(query.time))
}

/// Whether a message that passed `there` comes back through `back`. A capture without directions has one for both.
pub(super) fn is_way_back(there: Point, back: Point) -> bool {
    there == back || is_mirror(there, back)
}

/// The same interface or socket in the other direction. A socket may send and receive through different interfaces.
fn is_mirror(there: Point, back: Point) -> bool {
    let same_place = match there.hook {
        Hook::Socket => same_netns(there, back),
        Hook::Device | Hook::Drop => there.ifindex == back.ifindex && there.netns == back.netns,
    };
    there.hook == back.hook && there.direction != back.direction && same_place
}

fn same_netns(a: Point, b: Point) -> bool {
    a.netns == b.netns || a.netns == 0 || b.netns == 0
}

fn is_query(hop: &Hop) -> bool {
    hop.message == MessageKind::Query
}

fn is_response(hop: &Hop) -> bool {
    hop.message == MessageKind::Response
}
