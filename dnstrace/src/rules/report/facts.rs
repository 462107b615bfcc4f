//! What the tables read of one transaction, read once.

use crate::capture::{Direction, Hook};
use crate::join::{Hop, MessageKind, Outcome, Transaction, asked, rcode};

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
    pub(super) truncated: bool,
    /// The query was seen as it came out at its responder's socket.
    pub(super) reached: bool,
    pub(super) late: bool,
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
            reached: transaction.path.iter().any(is_arrival),
            late: transaction.late_for.is_some(),
            retransmissions: transaction.attempts.len().saturating_sub(1) as u64,
            duplicate_responses: transaction.duplicate_responses.into(),
        }
    }

    pub(super) fn is_answered(&self) -> bool {
        self.outcome == Outcome::Answered
    }

    pub(super) fn is_nxdomain(&self) -> bool {
        self.is_answered() && self.rcode == Some(NXDOMAIN)
    }

    /// Answered with another rcode than NOERROR and NXDOMAIN.
    pub(super) fn is_error(&self) -> bool {
        self.is_answered() && self.rcode.is_some_and(|code| code != NOERROR && code != NXDOMAIN)
    }
}

fn is_arrival(hop: &Hop) -> bool {
    hop.message == MessageKind::Query && hop.point.hook == Hook::Socket && hop.point.direction == Direction::In
}
