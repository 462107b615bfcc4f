//! Marks that tie a query to the query that made a server ask, and a finding to its evidence.
//!
//! The server's query ends first: its line names its cause by a mark, and the cause's line, which comes later, shows the
//! mark, too. What went wrong has its mark in any case: findings name it, many of them later. Other lines have none, as
//! nothing would refer to it.

use std::collections::BTreeSet;

use crate::join::{Transaction, TransactionId};
use crate::sink::message::mark;

const NOERROR: u8 = 0;
const NXDOMAIN: u8 = 3;

/// Causes whose own line is still to come, or is not shown at all. Beyond it one is forgotten: its line has no mark.
const AWAITED_MAX: usize = 16_384;

/// Which transactions were named as a cause, and have not been written.
#[derive(Debug, Default)]
pub(super) struct Causes {
    awaited: BTreeSet<TransactionId>,
}

impl Causes {
    /// What to say of `transaction`.
    pub(super) fn remarks(&mut self, transaction: &Transaction) -> impl Iterator<Item = String> + use<> {
        let is_awaited = self.awaited.remove(&transaction.id);
        let own = (is_awaited || may_be_evidence(transaction)).then(|| mark(transaction.id));
        let cause = transaction.cause.map(|cause| format!("for {}", mark(cause)));
        if let Some(cause) = transaction.cause {
            self.awaited.insert(cause);
        }
        if self.awaited.len() > AWAITED_MAX {
            self.awaited.pop_first();
        }
        own.into_iter().chain(cause)
    }
}

/// Without the response that it was sent for: none, an error, one that is cut.
fn may_be_evidence(transaction: &Transaction) -> bool {
    let header = transaction.response.as_ref().map(|response| response.header);
    header.is_none_or(|header| header.truncated() || ![NOERROR, NXDOMAIN].contains(&header.rcode()))
}
