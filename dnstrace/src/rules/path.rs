//! Where a query without response got lost: in which leg of client, node, server, upstream server, and back.
//!
//! What is not seen may not have been watched. A leg says how far packets were seen to come, and whoever claims more asks
//! [`Watched`](super::Watched) first.

use std::net::SocketAddr;

use super::case::Case;
use super::world::World;
use crate::capture::{Direction, Hook, Point};
use crate::join::{Hop, MessageKind};
use crate::owner::Party;

/// How far a query, or its response, was seen to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Leg {
    /// Its client sent it, or it came into the node; nobody forwarded it.
    Client,
    /// The node forwarded it, or changed its address.
    Node,
    /// It came to its server.
    Server,
    /// Its server asked an upstream server, which did not answer.
    Upstream,
    /// Its response was sent, and did not come to the client.
    Back,
    /// Its response came to the client, or to the client's interface.
    Delivered,
}

impl Leg {
    /// Every leg, in the order of the way.
    pub const ALL: [Self; 6] = [Self::Client, Self::Node, Self::Server, Self::Upstream, Self::Back, Self::Delivered];

    /// As on the screen: between which two, or at whom, to look for what swallowed it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Client => "client → node",
            Self::Node => "node → server",
            Self::Server => "at the server",
            Self::Upstream => "server → upstream",
            Self::Back => "server → client",
            Self::Delivered => "at the client",
        }
    }

    /// As in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client-to-node",
            Self::Node => "node-to-server",
            Self::Server => "server",
            Self::Upstream => "server-to-upstream",
            Self::Back => "server-to-client",
            Self::Delivered => "client",
        }
    }
}

/// How far a transaction came; `None` where its query was not seen.
#[must_use]
pub fn leg(case: &Case, world: &World<'_>) -> Option<Leg> {
    let entry = entry(&case.path)?;
    if case.is_response_lost() {
        return Some(Leg::Back);
    }
    if has_response(&case.path) {
        return Some(if is_delivered(&case.path) { Leg::Delivered } else { Leg::Back });
    }
    let mut caused = world.window.caused_by(case.id).peekable();
    if caused.peek().is_some() {
        return Some(if caused.any(Case::is_unanswered) { Leg::Upstream } else { Leg::Server });
    }
    if case.reached || is_handed_over(case, world) {
        return Some(Leg::Server);
    }
    let is_forwarded = case.path.iter().any(|hop| is_forwarded(hop, entry.dst));
    Some(if is_forwarded { Leg::Node } else { Leg::Client })
}

/// The same for people, who take "at the server" as it is said: that an interface leads there is not enough where the
/// server may be beyond this node. `None` where a capture does not say which way its packets went.
#[must_use]
pub fn told_leg(case: &Case, world: &World<'_>) -> Option<Leg> {
    let leg = leg(case, world)?;
    if leg == Leg::Client && case.path.iter().any(|hop| hop.point.direction == Direction::Unknown) {
        // That somebody sends it on is not seen.
        return None;
    }
    Some(if leg == Leg::Server && !is_at_server(case, world) { Leg::Node } else { leg })
}

/// Whether a query came to its server, by what is seen on this node.
pub(super) fn is_at_server(case: &Case, world: &World<'_>) -> bool {
    let is_here = case.who.server.as_ref().and_then(Party::pod).is_some();
    let has_asked_on = world.window.caused_by(case.id).next().is_some();
    case.reached || has_asked_on || (is_here && is_handed_over(case, world))
}

/// The first sighting of the query.
pub(super) fn entry(path: &[Hop]) -> Option<&Hop> {
    path.iter().find(|hop| hop.message == MessageKind::Query)
}

/// Whether a sighting shows that a query got behind the place where it was first seen: somebody sends it on, it was
/// translated, or it came to a socket.
pub(super) fn is_forwarded(hop: &Hop, asked: SocketAddr) -> bool {
    let has_arrived = hop.point.hook == Hook::Socket && hop.point.direction == Direction::In;
    let is_sent = hop.point.hook == Hook::Device && hop.point.direction == Direction::Out;
    hop.message == MessageKind::Query && (has_arrived || is_sent || hop.dst != asked)
}

fn has_response(path: &[Hop]) -> bool {
    path.iter().any(|hop| hop.message == MessageKind::Response)
}

/// Whether the response came to the client's socket, or was sent by the interface that its query came in by.
pub(super) fn is_delivered(path: &[Hop]) -> bool {
    let first = first_interface(path);
    path.iter().any(|hop| hop.message == MessageKind::Response && is_at(hop.point, first))
}

/// Whether a response is seen at the client's end.
pub(super) fn is_at_client(hop: &Hop, path: &[Hop]) -> bool {
    is_at(hop.point, first_interface(path))
}

/// The same of a point, where the query was first seen at an interface.
fn is_at(point: Point, first: Option<Point>) -> bool {
    if point.hook == Hook::Socket {
        return point.direction == Direction::In;
    }
    point.hook == Hook::Device && first.is_some_and(|first| is_back_at(first, point))
}

/// The first interface at which the query was seen.
pub(super) fn first_interface(path: &[Hop]) -> Option<Point> {
    let mut queries = path.iter().filter(|hop| hop.message == MessageKind::Query);
    queries.find(|hop| hop.point.hook == Hook::Device).map(|hop| hop.point)
}

fn is_back_at(first: Point, point: Point) -> bool {
    let is_back = first.direction == Direction::Unknown || first.direction != point.direction;
    (first.netns, first.ifindex) == (point.netns, point.ifindex) && is_back
}

/// Whether the query was sent by the interface that led to the responder before.
fn is_handed_over(case: &Case, world: &World<'_>) -> bool {
    let known = world.learned.watched().interface_of(case.responder());
    let last = case.query_last_seen().map(|hop| hop.point).filter(|point| point.direction == Direction::Out);
    known.is_some() && last.map(|point| (point.netns, point.ifindex)) == known
}
