//! [`Observation`](crate::decode::Observation)s to [`Transaction`]s: the same message at many points, query with response.

mod cause;
mod connection;
mod connection_open;
mod connections;
mod counts;
mod deadlines;
mod duplicates;
mod ending;
mod identity;
mod index;
mod keys;
mod lost;
mod masquerade;
mod matcher;
mod open;
mod queries;
mod question;
mod ranking;
mod recent;
mod responses;
mod sightings;
mod sign;
mod signs;
mod sockets;
mod table;
mod transaction;

#[cfg(test)]
mod tests;

pub use connection::{Connection, ConnectionOutcome};
pub use connections::{ConnectionCounts, SYN_TIMEOUT};
pub use counts::JoinCounts;
pub use matcher::{Join, JoinOptions, OPEN_MAX, RESTART, SETTLE, SKEW_TIMEOUT, STRAGGLER_WAIT, TIMEOUT_GRACE};
pub(crate) use question::{asked, question, rcode};
pub use sign::{Event, Sign};
pub use transaction::{Attempt, Hop, MessageCopy, MessageKind, Outcome, Transaction, TransactionId};
