//! [`Observation`](crate::decode::Observation)s to [`Transaction`]s: the same message at many points, query with response.

mod matcher;
mod transaction;

pub use matcher::{Join, JoinCounts, JoinOptions};
pub use transaction::{Attempt, Hop, MessageCopy, MessageKind, Outcome, Transaction, TransactionId};
