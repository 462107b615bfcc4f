//! Which open transaction a sighting of a response belongs to.
//!
//! Message ID and client port lead to candidates; the response must go to where the query came from, or come from where
//! the query went, as seen at any point, and repeat the question when it has one (RFC 5452, 9.1).

use super::Hop;
use super::ending;
use super::identity::Seen;
use super::index::Slot;
use super::masquerade::NODE_TRANSIT;
use super::open::Open;
use super::queries::{is_at_socket, sees_once};
use super::ranking::Best;
use super::table::Table;
use crate::capture::Direction;
use crate::decode::Observation;

/// What a sighting of a response is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResponseIs {
    /// No open transaction can claim it.
    Unmatched,
    /// More than one transaction could claim it, and its addresses do not tell.
    Ambiguous,
    /// The first of the first response to this query.
    Answer(Slot),
    /// Seen before at another point.
    Sighting(Slot),
    /// A response to a query that has another, or the same once more.
    Duplicate(Slot),
    /// A response without a query, seen before.
    Unqueried(Slot),
}

/// How a response goes with a transaction, the best last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Unqueried,
    Duplicate,
    Answer,
    Sighting,
}

/// How well it goes: whether the transaction has a query that no later one followed, how many of the two addresses
/// agree, how it goes, and whether it caused no other query: a transparent proxy asks on with the addresses of the
/// first query, and gets its response first.
type Closeness = (bool, u8, Fit, bool);

/// One of the two addresses agrees: too little to choose between equals.
const ONE: u8 = 1;

/// Says what a sighting of a response is.
pub(super) fn classify(table: &Table, seen: &Seen<'_>) -> ResponseIs {
    let mut best = Best::new();
    for (slot, open) in table.with_key(&seen.key) {
        if let Some(closeness) = closeness(open, seen) {
            best.offer(slot, closeness);
        }
    }
    let Some((slot, (_, addresses, fit, _))) = best.any() else { return unmasqueraded(table, seen, |_| true) };
    if fit == Fit::Duplicate {
        // glibc asks again from the same socket, with the same message ID: of a query that is masqueraded the way back of
        // the last response has shown the socket's port, of the next one it has not yet.
        let is_first_here = |open: &Open| !open.keys.contains(&seen.key) && is_between_same(open, seen);
        match unmasqueraded(table, seen, is_first_here) {
            ResponseIs::Unmatched => {}
            known => return known,
        }
    }
    if best.only().is_none() && addresses == ONE {
        return ResponseIs::Ambiguous;
    }
    // Of queries that agree in everything the latest waits for this: a stub resolver asks again when it has given up.
    match fit {
        Fit::Unqueried => ResponseIs::Unqueried(slot),
        Fit::Duplicate => ResponseIs::Duplicate(slot),
        Fit::Answer => ResponseIs::Answer(slot),
        Fit::Sighting => ResponseIs::Sighting(slot),
    }
}

/// What a host sends passes the socket hook after the host's own NAT: a query that it masquerades is never seen with the
/// port of its socket, its response is. The bytes, seen on their way back just now, tell whose response it is.
fn unmasqueraded(table: &Table, seen: &Seen<'_>, is_wanted: impl Fn(&Open) -> bool) -> ResponseIs {
    let mut best = Best::new();
    let open = table.with_identity(seen.identity).filter(|(_, open)| on_its_way_back(open, seen) && is_wanted(open));
    for (slot, open) in open {
        best.offer(slot, is_between_same(open, seen));
    }
    match (best.rank(), best.only()) {
        (None, _) => ResponseIs::Unmatched,
        (_, None) => ResponseIs::Ambiguous,
        (_, Some(slot)) => ResponseIs::Sighting(slot),
    }
}

/// Whether the response was seen with one of its two addresses.
fn is_between_same(open: &Open, seen: &Seen<'_>) -> bool {
    let o = seen.observation;
    open.response_hops().any(|hop| hop.dst == o.dst || hop.src == o.src)
}

fn on_its_way_back(open: &Open, seen: &Seen<'_>) -> bool {
    let o = seen.observation;
    let just_now = open.response_hops().any(|hop| o.time.since(hop.time) <= NODE_TRANSIT && hop.time <= o.time);
    open.query.is_some()
        && open.response == Some(seen.identity)
        && open.transaction.transport == o.transport
        && just_now
        && !has_passed(open, seen)
        && !ending::has_returned(&open.transaction.path)
}

fn closeness(open: &Open, seen: &Seen<'_>) -> Option<Closeness> {
    let o = seen.observation;
    if open.query.is_none() {
        return (open.response == Some(seen.identity)).then_some((false, 0, unqueried_fit(open, seen), false));
    }
    let to_initiator = open.query_hops().any(|hop| hop.src == o.dst);
    let from_responder = open.query_hops().any(|hop| hop.dst == o.src);
    let addresses = u8::from(to_initiator) + u8::from(from_responder);
    if addresses == 0 || !open.may_ask(o.message.question.as_ref()) {
        return None;
    }
    let superseded = open.superseded.is_some_and(|from| o.time >= from);
    Some((!superseded, addresses, fit(open, seen), open.transaction.caused == 0))
}

fn fit(open: &Open, seen: &Seen<'_>) -> Fit {
    match open.response {
        None => Fit::Answer,
        Some(first) if first == seen.identity && !has_passed(open, seen) => Fit::Sighting,
        Some(_) => Fit::Duplicate,
    }
}

fn unqueried_fit(open: &Open, seen: &Seen<'_>) -> Fit {
    if has_passed(open, seen) { Fit::Duplicate } else { Fit::Unqueried }
}

/// Whether the point has seen the response, or its way had ended before this sighting, or begins with it.
fn has_passed(open: &Open, seen: &Seen<'_>) -> bool {
    let o = seen.observation;
    let begins = is_at_socket(o.point, Direction::Out);
    let ends = |hop: &Hop| is_at_socket(hop.point, Direction::In) && !o.dst.ip().is_multicast();
    open.response_hops().any(|hop| repeats(hop, o) || (hop.time < o.time && (begins || ends(hop))))
}

/// Whether one point saw the response twice. Where it is not known which point that is, it may be two within the time of a
/// transit.
fn repeats(hop: &Hop, o: &Observation<'_>) -> bool {
    let again = hop.src == o.src && hop.dst == o.dst && o.time.since(hop.time) > NODE_TRANSIT;
    hop.point == o.point && (sees_once(o.point) || again)
}
