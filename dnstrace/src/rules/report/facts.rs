//! What the tables read of one transaction, read once.

use crate::capture::{Direction, Hook};
use crate::join::{Hop, MessageKind, Outcome, Transaction, TransactionId, asked, rcode};

const NOERROR: u16 = 0;
const NXDOMAIN: u16 = 3;

/// Of one transaction.
pub(super) struct Facts {
    pub(super) outcome: Outcome,
    /// In wire format and lower case.
    pub(super) name: Option<Box<[u8]>>,
    pub(super) qtype: Option<u16>,
    /// Of the response, with the bits of EDNS.
    pub(super) rcode: Option<u16>,
    truncated: bool,
    /// Answered, and the response did not come to its client.
    pub(super) response_lost: bool,
    /// The query was seen as it came out at its responder's socket.
    pub(super) reached: bool,
    /// The query that was given up before its response came.
    pub(super) late_for: Option<TransactionId>,
    pub(super) retransmissions: u64,
    pub(super) duplicate_responses: u64,
}

impl Facts {
    pub(super) fn read(transaction: &Transaction) -> Self {
        let asked = asked(transaction);
        let response = transaction.response.as_ref();
        Self {
            outcome: transaction.outcome,
            name: asked.as_ref().map(|asked| asked.name.wire().to_ascii_lowercase().into()),
            qtype: asked.map(|asked| asked.qtype),
            rcode: response.map(rcode),
            truncated: response.is_some_and(|response| response.header.truncated()),
            response_lost: transaction.outcome == Outcome::Answered && transaction.lost_by.is_some(),
            reached: transaction.path.iter().any(is_arrival),
            late_for: transaction.late_for,
            retransmissions: transaction.attempts.len().saturating_sub(1) as u64,
            duplicate_responses: transaction.duplicate_responses.into(),
        }
    }

    /// With a response of which the client knows.
    fn is_told(&self) -> bool {
        self.outcome == Outcome::Answered && !self.response_lost
    }

    pub(super) fn is_truncated(&self) -> bool {
        self.is_told() && self.truncated
    }

    pub(super) fn is_nxdomain(&self) -> bool {
        self.is_told() && self.rcode == Some(NXDOMAIN)
    }

    /// Answered with another rcode than NOERROR and NXDOMAIN.
    pub(super) fn is_error(&self) -> bool {
        self.is_told() && self.rcode.is_some_and(|code| code != NOERROR && code != NXDOMAIN)
    }
}

fn is_arrival(hop: &Hop) -> bool {
    hop.message == MessageKind::Query && hop.point.hook == Hook::Socket && hop.point.direction == Direction::In
}
