//! Whether a response was thrown away before it came to its client.

use std::net::SocketAddr;

use super::ending::is_way_back;
use super::{Event, Hop, MessageKind, Sign, Transaction};
use crate::capture::{Direction, Hook};
use crate::decode::Transport;

/// Nobody has a socket for it: a client that closed its own waits no more, and what it threw away did not get lost. One that
/// waits for another source, and a host that has forgotten for whom it changed the address, lose it.
const NO_SOCKET: &str = "NO_SOCKET";

/// What tells whether a response came to its client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Returned<'t> {
    pub(crate) transport: Transport,
    pub(crate) path: &'t [Hop],
    pub(crate) signs: &'t [Sign],
}

impl Transaction {
    /// What happened to the response, where that is why it did not come to its client: it was seen neither at the client's
    /// socket nor, unless its client itself threw it away, as it left by the interface by which the query had come in. Over
    /// TCP nothing is lost so: a segment that was thrown away is sent again.
    #[must_use]
    pub fn lost_response(&self) -> Option<&Sign> {
        let Self { transport, path, signs, .. } = self;
        Returned { transport: *transport, path, signs }.lost()
    }

    /// Forgets the drops of those to whom a bridge gave a copy, as it gives everybody what it does not know the place of.
    pub(super) fn leave_copies_out(&mut self) {
        if self.signs.is_empty() {
            return;
        }
        let is_lost = self.lost_response().is_some();
        let mut signs = std::mem::take(&mut self.signs);
        let returned = Returned { transport: self.transport, path: &self.path, signs: &[] };
        signs.retain(|sign| !sign.event.is_for_another_host() || (is_lost && returned.is_loss(sign)));
        self.signs = signs;
    }
}

impl<'t> Returned<'t> {
    /// See [`Transaction::lost_response`].
    pub(crate) fn lost(self) -> Option<&'t Sign> {
        if self.signs.is_empty() || self.transport != Transport::Udp {
            return None;
        }
        let came_in = self.came_in();
        let is_watched = came_in.is_some() || self.sent().is_some();
        let mut responses = self.path.iter().filter(|hop| hop.message == MessageKind::Response);
        let came_out = came_in.is_some_and(|hop| responses.clone().any(|back| is_way_back(hop.point, back.point)));
        if !is_watched || responses.any(|hop| is_socket(hop, Direction::In)) {
            return None;
        }
        self.signs.iter().rfind(|sign| self.is_loss(sign) && (!came_out || self.is_of_client(sign)))
    }

    /// Whether a response was thrown away by somebody whom it was for, or on the way there.
    fn is_loss(self, sign: &Sign) -> bool {
        let Event::Dropped { reason, .. } = &sign.event else { return false };
        let is_loss = match &**reason {
            NO_SOCKET => self.sent().is_some() && (!self.is_of_client(sign) || self.is_strange(sign.src)),
            _ => !sign.event.is_for_another_host() || self.is_of_client(sign),
        };
        is_loss && sign.message == MessageKind::Response
    }

    /// Whether that happened where the query was sent from.
    fn is_of_client(self, sign: &Sign) -> bool {
        self.sent().is_some_and(|hop| hop.point.netns != 0 && hop.point.netns == sign.point.netns)
    }

    /// Whether the client asked somebody else, and the query was sent on to this one.
    fn is_strange(self, source: SocketAddr) -> bool {
        self.sent().is_some_and(|hop| hop.dst != source) && self.queries().any(|hop| hop.dst == source)
    }

    /// The query at its client's socket.
    fn sent(self) -> Option<&'t Hop> {
        self.queries().find(|hop| is_socket(hop, Direction::Out))
    }

    /// The query at the first interface.
    fn came_in(self) -> Option<&'t Hop> {
        self.queries().find(|hop| hop.point.hook == Hook::Device)
    }

    fn queries(self) -> impl Iterator<Item = &'t Hop> {
        self.path.iter().filter(|hop| hop.message == MessageKind::Query)
    }
}

fn is_socket(hop: &Hop, direction: Direction) -> bool {
    hop.point.hook == Hook::Socket && hop.point.direction == direction
}
