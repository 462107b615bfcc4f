//! Which open transaction a sign belongs to: a packet of it was rejected or dropped.
//!
//! The packet has the message ID and, as seen at some point of its way, the addresses of the query or the response; or it
//! has its very bytes and one of the addresses, where NAT changed the other and nothing saw it since. Of several the one
//! whose query was seen last counts: what happens to a packet happens right after it was sent.

use std::sync::Arc;

use super::identity::{IDENTITY_BYTES, Key, identity_of};
use super::index::Slot;
use super::matcher::RESTART;
use super::open::Open;
use super::ranking::Best;
use super::{Event, Join, MessageKind, Sign, Transaction, TransactionId};
use crate::decode::{SIGNAL_BYTES, Signal, SignalEvent, Subject, SubjectMessage};

/// Signs kept of one transaction: an ICMP error passes about five points of a node, and a query is sent two or three times.
pub(super) const SIGNS_MAX: usize = 32;

// The whole identity can be made of what a signal keeps.
const _: () = assert!(SIGNAL_BYTES >= IDENTITY_BYTES);

impl Join {
    /// Adds what happened to a packet; gives each transaction that ended before it, and says which one it belongs to.
    pub fn sign(&mut self, signal: &Signal, mut each: impl FnMut(Transaction)) -> Option<TransactionId> {
        if self.latest.since(signal.time) > RESTART {
            self.finish(&mut each);
            self.latest = signal.time;
        }
        self.latest = self.latest.max(signal.time);
        self.expire(signal.time, &mut each);
        if let SignalEvent::Segment = signal.event {
            self.connections.segment(signal);
            return None;
        }
        self.counts.signs += 1;
        let found = self.find_subject(&signal.subject);
        let Some((slot, message)) = found else {
            let is_of_connection = self.connections.sign(signal);
            let counter =
                if is_of_connection { &mut self.counts.signs_joined } else { &mut self.counts.signs_unmatched };
            *counter += 1;
            return None;
        };
        self.add_sign(slot, message, signal)
    }

    fn add_sign(&mut self, slot: Slot, message: MessageKind, signal: &Signal) -> Option<TransactionId> {
        let (event, open) = (event(&signal.event)?, self.table.get_mut(slot)?);
        let (attempt, transaction) = (open.attempt, &mut open.transaction);
        let (time, point, &Subject { src, dst, .. }) = (signal.time, signal.point, &signal.subject);
        let sign = Sign { time, point, message, attempt, src, dst, event };
        if transaction.is_further_copy(&sign) {
            self.counts.signs_joined += 1;
        } else if transaction.signs.len() < SIGNS_MAX {
            self.counts.signs_joined += 1;
            transaction.signs.push(sign);
        } else {
            self.counts.signs_cut += 1;
        }
        Some(transaction.id)
    }

    fn find_subject(&self, subject: &Subject) -> Option<(Slot, MessageKind)> {
        let message = subject.message.as_ref()?;
        let (kind, client) = if message.header.is_response() {
            (MessageKind::Response, subject.dst)
        } else {
            (MessageKind::Query, subject.src)
        };
        let key = Key { id: message.header.id, port: client.port(), transport: subject.transport };
        let identity = identity(message);
        let mut best = Best::new();
        let with_key = self.table.with_key(&key);
        for (slot, open) in with_key.chain(identity.into_iter().flat_map(|identity| self.table.with_identity(identity)))
        {
            if let Some(fit) = fit(open, subject, kind, identity) {
                best.offer(slot, (fit, open.response.is_none(), open.query_time));
            }
        }
        best.any().map(|(slot, _)| (slot, kind))
    }
}

/// How a packet goes with a transaction, the best last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// The same bytes, one address has changed since it was seen.
    Bytes,
    /// Both addresses.
    Addresses,
    /// And the same bytes.
    Both,
}

fn fit(open: &Open, subject: &Subject, kind: MessageKind, identity: Option<u64>) -> Option<Fit> {
    if open.transaction.transport != subject.transport {
        return None;
    }
    let own = if kind == MessageKind::Query { open.query } else { open.response };
    let same_bytes = identity.is_some() && own == identity;
    let mut hops = open.transaction.path.iter().filter(|hop| hop.message == kind);
    if hops.clone().any(|hop| (hop.src, hop.dst) == (subject.src, subject.dst)) {
        return Some(if same_bytes { Fit::Both } else { Fit::Addresses });
    }
    // The other way round: of a response that was seen nowhere, its query tells the addresses.
    let of_query = |hop: &super::Hop| (hop.dst, hop.src) == (subject.src, subject.dst);
    if kind == MessageKind::Response && open.query_hops().any(of_query) {
        return Some(Fit::Addresses);
    }
    (same_bytes && hops.any(|hop| hop.src == subject.src || hop.dst == subject.dst)).then_some(Fit::Bytes)
}

/// As of a sighting; `None` when less of the message is known than it is made of.
fn identity(message: &SubjectMessage) -> Option<u64> {
    let needed = IDENTITY_BYTES.min(message.wire_len as usize);
    (message.bytes.len() >= needed).then(|| identity_of(&message.bytes, message.wire_len))
}

/// As a transaction keeps it; `None` for what is no sign.
pub(super) fn event(event: &SignalEvent) -> Option<Event> {
    match event {
        SignalEvent::Rejected(error) => Some(Event::Rejected { by: error.from, kind: error.kind, code: error.code }),
        SignalEvent::Dropped(dropped) => {
            Some(Event::Dropped { reason: Arc::clone(&dropped.reason), location: Arc::clone(&dropped.location) })
        }
        SignalEvent::Segment => None,
    }
}
