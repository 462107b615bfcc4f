//! Where queries without a response were last seen: there to look for what swallowed them.

use std::cmp::Reverse;
use std::net::SocketAddr;

use super::Bounded;
use crate::capture::{Point, Socket};
use crate::join::{Outcome, Transaction};

/// A place, and whom the queries were sent to that were last seen there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// As asked.
    pub server: SocketAddr,
    /// Where.
    pub point: Point,
    /// The process of the responder's socket.
    tgid: Option<u32>,
}

impl Place {
    /// Of a query that has no response, or none yet.
    pub(super) fn of(transaction: &Transaction) -> Option<Self> {
        if transaction.outcome == Outcome::Answered {
            return None;
        }
        let tgid = transaction.server_socket.process.map(|process| process.tgid);
        transaction.path.last().map(|hop| Self { server: transaction.server, point: hop.point, tgid })
    }
}

/// What was last seen at one place.
#[derive(Clone, Copy, Debug, Default)]
pub struct LastSeen {
    /// Queries without a response within the query timeout.
    pub no_response: u64,
    /// Queries whose time was not over when the run ended.
    pub outstanding: u64,
    /// The responder's socket, when they reached it.
    pub server_socket: Socket,
}

impl LastSeen {
    pub(super) fn add(&mut self, transaction: &Transaction) {
        self.server_socket = transaction.server_socket;
        match transaction.outcome {
            Outcome::NoResponse => self.no_response += 1,
            _ => self.outstanding += 1,
        }
    }
}

/// Places, those first where most queries without a response were last seen.
#[must_use]
pub fn most_missed(places: &Bounded<Place, LastSeen>) -> Vec<(&Place, &LastSeen)> {
    let mut places: Vec<_> = places.iter().collect();
    places.sort_by_key(|(_, seen)| Reverse((seen.no_response, seen.outstanding)));
    places
}
