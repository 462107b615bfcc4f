//! Which open transaction a query belongs to that has another source now, and perhaps another port.
//!
//! Masquerading happens after routing, so a changed source is first seen where an interface sends, or where a socket
//! receives. The buffer tells, or the time a packet needs on a node when only one transaction comes into question.

use std::time::Duration;

use super::identity::Seen;
use super::open::Open;
use super::queries::{QueryIs, is_over, sees_once};
use super::ranking::Best;
use super::table::Table;
use crate::capture::{Direction, Hook, Point};

/// How long a packet is on its way through a node, at most, queueing included; where the port was masqueraded, only
/// this tells a query from the same bytes of another initiator.
pub(super) const NODE_TRANSIT: Duration = Duration::from_millis(50);

/// The same where the buffer is another one. NAT leaves a message in its buffer, unless that is shared (TCP, or a capturing
/// program): then it is copied at once, without waiting in a queue between.
const COPY_TRANSIT: Duration = Duration::from_millis(1);

/// Says whether a query is one that was seen with another source.
pub(super) fn classify(table: &Table, seen: &Seen<'_>) -> QueryIs {
    let point = seen.observation.point;
    let may_be_masqueraded = may_be_masqueraded(point);
    if !may_be_masqueraded && point.direction != Direction::Unknown {
        return QueryIs::New;
    }
    let same_port = seen.key.port;
    let mut best = Best::new();
    for (slot, open) in table.with_identity(seen.identity).filter(|(_, open)| on_its_way(open, seen)) {
        let buffer = open.hop_id_time(seen.observation.hop_id);
        if buffer.is_none() && open.is_in_other_buffer(seen.observation.hop_id) && apart(open, seen) > COPY_TRANSIT {
            continue;
        }
        let kept_port = open.keys.iter().any(|key| key.port == same_port);
        // Where it is not known that this leaves the node, the same destination is too little.
        let same_dst = may_be_masqueraded && open.last_dst() == Some(seen.observation.dst);
        if buffer.is_some() || kept_port || same_dst {
            best.offer(slot, (buffer, kept_port));
        }
    }
    match (best.rank(), best.only()) {
        (None, _) => QueryIs::New,
        (_, None) => QueryIs::Ambiguous,
        (_, Some(slot)) => QueryIs::Sighting(slot),
    }
}

/// NAT of the source comes last on the way out of a node.
fn may_be_masqueraded(point: Point) -> bool {
    matches!((point.hook, point.direction), (Hook::Device, Direction::Out) | (Hook::Socket, Direction::In))
}

/// Whether the query was seen just now, has not passed this point, and was not delivered to whom sends now: a forwarder
/// may ask on with the same bytes.
fn on_its_way(open: &Open, seen: &Seen<'_>) -> bool {
    let o = seen.observation;
    let forwarder = open.query_hops().any(|hop| hop.dst.ip() == o.src.ip());
    let passed = open.query_hops().any(|hop| hop.attempt == open.attempt && sees_once(o.point) && hop.point == o.point);
    open.response.is_none()
        && open.transaction.transport == o.transport
        && apart(open, seen) <= NODE_TRANSIT
        && !forwarder
        && !passed
        && !is_over(open, o)
}

/// How long before or after the latest sighting of the query.
fn apart(open: &Open, seen: &Seen<'_>) -> Duration {
    let time = seen.observation.time;
    time.since(open.query_time).max(open.query_time.since(time))
}
