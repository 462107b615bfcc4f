//! What makes two sightings sightings of one message.
//!
//! Addresses and ports change on the way through a node, the DNS bytes do not. Hashes have a fixed key, so that ids are
//! the same for the same packets, live and replayed; tables that hostile packets could flood use a random key of their own.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::quality::FixedState;

use super::TransactionId;
use crate::decode::{Observation, Question, Transport};

/// Bytes of a message that its identity is made of. A first fragment and the whole datagram share them.
pub(super) const IDENTITY_BYTES: usize = 512;

/// Longest qname in wire format (RFC 1035, 2.3.4).
const QNAME_MAX: usize = 255;

/// A query and its response have the same: message ID, client port, transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// Message ID.
    pub(super) id: u16,
    /// Source port of a query, destination port of a response.
    pub(super) port: u16,
    /// UDP or TCP.
    pub(super) transport: Transport,
}

/// An observation with what is computed of it once.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    /// The observation.
    pub(super) observation: &'a Observation<'a>,
    /// Where to look for it.
    pub(super) key: Key,
    /// Equal for sightings of one message.
    pub(super) identity: u64,
}

impl<'a> Seen<'a> {
    /// Computes it.
    pub(super) fn new(observation: &'a Observation<'a>) -> Self {
        let client = if is_response(observation) { observation.dst } else { observation.src };
        let key = Key { id: observation.message.header.id, port: client.port(), transport: observation.transport };
        Self { observation, key, identity: identity_of(observation.message.bytes, observation.message.wire_len) }
    }

    /// The id of a transaction that begins with this sighting.
    pub(super) fn transaction_id(&self) -> TransactionId {
        let o = self.observation;
        TransactionId(FixedState::default().hash_one((o.wall, o.transport, o.src, o.dst, self.identity)))
    }
}

/// QR (RFC 1035, 4.1.1).
pub(super) fn is_response(observation: &Observation<'_>) -> bool {
    observation.message.header.flags & 0x8000 != 0
}

/// Equal for questions that differ in upper and lower case only.
pub(super) fn question_hash(question: &Question<'_>) -> u64 {
    let mut lower = [0; QNAME_MAX];
    let length = question.name.0.len().min(QNAME_MAX);
    lower[..length].copy_from_slice(&question.name.0[..length]);
    lower[..length].make_ascii_lowercase();
    FixedState::default().hash_one((&lower[..length], question.qtype, question.qclass))
}

/// Equal for the same message: made of its beginning, as much of it as was captured, and its length on the wire.
pub(super) fn identity_of(bytes: &[u8], wire_len: u32) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    hasher.write(&bytes[..bytes.len().min(IDENTITY_BYTES)]);
    wire_len.hash(&mut hasher);
    hasher.finish()
}
