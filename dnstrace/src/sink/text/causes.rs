//! Marks that tie a query to the query that made a server ask.
//!
//! The server's query ends first: its line names its cause by a mark, and the cause's line, which comes later, shows the
//! mark, too. Other lines have none, as nothing would refer to it.

use std::collections::BTreeSet;

use crate::join::{Transaction, TransactionId};

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
        let own = self.awaited.remove(&transaction.id).then(|| mark(transaction.id));
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

/// The first digits are enough to tell apart what is on one screen.
pub(super) fn mark(id: TransactionId) -> String {
    format!("#{:06x}", id.0 >> 40)
}
