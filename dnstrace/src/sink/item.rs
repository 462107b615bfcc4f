//! What is written: one item a line.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use crate::capture::{BootTime, Point, Socket, WallTime};
use crate::decode::{Observation, Transport};
use crate::join::{MessageCopy, Transaction, TransactionId};
use crate::owner::{Interfaces, Who};
use crate::rules::finding::{Certainty, Finding};
use crate::rules::{Ledger, Totals, Verdict};

/// One thing to write.
#[derive(Debug)]
pub enum Item {
    /// A transaction that ended.
    Transaction(Numbered<Transaction>),
    /// One sighting of a message.
    Observation(Numbered<Sighting>),
    /// Something is wrong: when it is first found, and once more at the end, added up.
    Finding(Box<Finding>),
    /// Something was lost.
    Lost(Lost),
    /// The end of a run.
    Summary(Arc<Summary>),
}

/// A record with what is needed to write it.
#[derive(Debug)]
pub struct Numbered<T> {
    /// Counts records from 0: who reads them sees gaps.
    pub seq: u64,
    /// The record.
    pub record: Box<T>,
    /// Names for its numbers.
    pub names: Names,
}

/// Names for the numbers of one record.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Of its interfaces.
    pub interfaces: Arc<Interfaces>,
    /// Of those it is between.
    pub who: Who,
    /// What rules say of it when it ends.
    pub verdict: Verdict,
}

/// An observation that outlives its packet.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// When, for computing.
    pub time: BootTime,
    /// When, for showing.
    pub wall: WallTime,
    /// Where.
    pub point: Point,
    /// UDP or TCP.
    pub transport: Transport,
    /// Source, as on the wire here.
    pub src: SocketAddr,
    /// Destination, as on the wire here.
    pub dst: SocketAddr,
    /// VLAN ID.
    pub vlan: Option<u16>,
    /// The local socket.
    pub socket: Socket,
    /// The message.
    pub message: MessageCopy,
    /// What it was joined to.
    pub transaction: TransactionId,
}

impl Sighting {
    /// Copies what an observation borrows.
    #[must_use]
    pub fn new(observation: &Observation<'_>, transaction: TransactionId) -> Self {
        let message = &observation.message;
        Self {
            time: observation.time,
            wall: observation.wall,
            point: observation.point,
            transport: observation.transport,
            src: observation.src,
            dst: observation.dst,
            vlan: observation.vlan,
            socket: observation.socket,
            message: MessageCopy {
                bytes: Bytes::copy_from_slice(message.bytes),
                wire_len: message.wire_len,
                header: message.header,
            },
            transaction,
        }
    }
}

/// Events that were lost at one place in one stretch of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The hook, `output` or `recording`.
    pub place: &'static str,
    /// Why.
    pub reason: &'static str,
    /// How many.
    pub count: u64,
    /// They were lost after this time,
    pub from: WallTime,
    /// and before this one.
    pub until: WallTime,
}

/// What a run adds up to.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Sums over all transactions, shown or not.
    pub totals: Totals,
    /// What was lost where: each total with its parts.
    pub ledgers: Vec<Ledger>,
    /// Counters that are part of no ledger, those that are not zero.
    pub quality: Vec<(&'static str, u64)>,
    /// Packets and messages that were looked at.
    pub packets: u64,
    /// DNS messages among them.
    pub messages: u64,
    /// The surest finding that is more than advice.
    pub surest: Option<Certainty>,
    /// What the reader should know of how it came about.
    pub warnings: Vec<String>,
    /// Why the run ended before its time.
    pub error: Option<String>,
}
