//! Whether a response was thrown away before it came to its client.

use std::net::SocketAddr;

use super::ending::is_way_back;
use super::{Event, Hop, MessageKind, Outcome, Sign, Transaction};
use crate::capture::{Direction, Hook};
use crate::decode::Transport;

/// Nobody has a socket for it: a client that closed its own waits no more, and what it threw away did not get lost. One that
/// waits for another source, and a host that has forgotten for whom it changed the address, lose it.
const NO_SOCKET: &str = "NO_SOCKET";

impl Transaction {
    /// What happened to the response, where that is why it did not come to its client: it was seen neither at the client's
    /// socket nor, unless its client itself threw it away, as it left by the interface by which the query had come in. Over
    /// TCP nothing is lost so: a segment that was thrown away is sent again.
    #[must_use]
    pub fn lost_response(&self) -> Option<&Sign> {
        self.signs.get(usize::from(self.lost_by?))
    }

    /// Says what the signs say, all being known. Those of others to whom a bridge gave a copy, as it gives everybody what it
    /// does not know the place of, say nothing of what was answered.
    pub(crate) fn settle_signs(&mut self) {
        if self.signs.is_empty() {
            return;
        }
        if self.outcome == Outcome::Answered {
            let mut signs = std::mem::take(&mut self.signs);
            signs.retain(|sign| !sign.event.is_for_another_host() || self.is_loss(sign));
            self.signs = signs;
        }
        let lost_by = self.signs.iter().rposition(|sign| self.is_loss(sign));
        self.lost_by = lost_by.and_then(|at| u8::try_from(at).ok());
    }

    /// Whether it is one more of those to whom a bridge gave a copy: of them one says as much as all.
    pub(super) fn is_further_copy(&self, sign: &Sign) -> bool {
        let is_alike = |known: &Sign| known.event.is_for_another_host() && known.message == sign.message;
        sign.event.is_for_another_host() && !self.is_of_client(sign) && self.signs.iter().any(is_alike)
    }

    /// Whether that is why the response did not come to its client.
    fn is_loss(&self, sign: &Sign) -> bool {
        let is_drop_of_response = sign.message == MessageKind::Response && self.is_drop_of_own(sign);
        is_drop_of_response && self.transport == Transport::Udp && !self.came(sign)
    }

    /// Whether the kernel threw away what was for the client, or on the way there.
    fn is_drop_of_own(&self, sign: &Sign) -> bool {
        match &sign.event {
            Event::Dropped { reason, .. } if **reason == *NO_SOCKET => {
                self.sent().is_some() && (!self.is_of_client(sign) || self.is_strange(sign.src))
            }
            Event::Dropped { .. } => !sign.event.is_for_another_host() || self.is_of_client(sign),
            Event::Rejected { .. } => false,
        }
    }

    /// Whether the response may have come to its client all the same.
    fn came(&self, sign: &Sign) -> bool {
        let mut responses = self.path.iter().filter(|hop| hop.message == MessageKind::Response);
        let came_in = self.queries().find(|hop| hop.point.hook == Hook::Device);
        let is_watched = self.path_cut == 0 && (came_in.is_some() || self.sent().is_some());
        let came_out = || came_in.is_some_and(|hop| responses.clone().any(|back| is_way_back(hop.point, back.point)));
        let may_be_out = !is_watched || came_out();
        responses.any(|hop| is_socket(hop, Direction::In)) || (may_be_out && !self.is_of_client(sign))
    }

    /// Whether that happened where the query was sent from.
    fn is_of_client(&self, sign: &Sign) -> bool {
        self.sent().is_some_and(|hop| hop.point.netns != 0 && hop.point.netns == sign.point.netns)
    }

    /// Whether the client asked somebody else, and the query was sent on to this one.
    fn is_strange(&self, source: SocketAddr) -> bool {
        self.sent().is_some_and(|hop| hop.dst != source) && self.queries().any(|hop| hop.dst == source)
    }

    /// The query at its client's socket.
    fn sent(&self) -> Option<&Hop> {
        self.queries().find(|hop| is_socket(hop, Direction::Out))
    }

    fn queries(&self) -> impl Iterator<Item = &Hop> {
        self.path.iter().filter(|hop| hop.message == MessageKind::Query)
    }
}

fn is_socket(hop: &Hop, direction: Direction) -> bool {
    hop.point.hook == Hook::Socket && hop.point.direction == direction
}
