//! One open transaction, and what a further sighting adds to it.

use std::net::SocketAddr;

use bytes::Bytes;

use super::duplicates::Duplicates;
use super::identity::{Seen, question_hash};
use super::keys::Keys;
use super::sockets;
use super::{Attempt, Hop, JoinCounts, MessageCopy, MessageKind, Transaction};
use crate::capture::{BootTime, Hook};
use crate::decode::{Observation, Question};

/// Sightings kept of one transaction: a packet passes about ten points of a node twice; a routing loop ends with its TTL.
pub(super) const PATH_MAX: usize = 64;
/// Beyond that for sockets, where a way begins and ends: a bridge that does not know where somebody is gives a copy to each of
/// a hundred pods, and none of these sightings is the one that counts.
const SOCKETS_MAX: usize = 8;
/// Sendings kept of one query: glibc and dig send two or three, dnsmasq as often as it is asked.
pub(super) const ATTEMPTS_MAX: usize = 16;
/// Bytes kept of one message: what EDNS offers at most in practice. Bounds memory together with the open transactions.
pub(super) const MESSAGE_MAX: usize = 4096;
/// Bytes of a message before its first question (RFC 1035, 4.1.1).
const HEADER_BYTES: usize = 12;
/// Buffers remembered per query: it keeps its buffer along the whole way, unless NAT must copy it.
const HOP_IDS: usize = 4;

/// A transaction that is not given out yet.
pub(super) struct Open {
    /// What is known so far; its path is in the order of arrival, without further responses.
    pub(super) transaction: Transaction,
    /// Where it is found; a masqueraded query has a second key.
    pub(super) keys: Keys,
    /// Identity of the query.
    pub(super) query: Option<u64>,
    /// Identity of the response.
    pub(super) response: Option<u64>,
    /// Equal for the same question.
    pub(super) question: Option<u64>,
    /// First sighting of the response.
    pub(super) response_time: BootTime,
    /// Latest sighting of the query.
    pub(super) query_time: BootTime,
    /// The sending of the query that is on its way.
    pub(super) attempt: u16,
    /// From when on the same message ID and port belong to a later query.
    pub(super) superseded: Option<BootTime>,
    hop_ids: [(u64, BootTime); HOP_IDS],
    question_bytes: Option<(u16, u16, u16)>,
    duplicates: Duplicates,
}

impl Open {
    /// A transaction of which nothing but `seen`'s names are known.
    pub(super) fn new(seen: &Seen<'_>) -> Self {
        let o = seen.observation;
        let question = o.message.question.as_ref();
        Self {
            transaction: Transaction::begin(seen),
            keys: Keys::new(seen.key),
            query: None,
            response: None,
            question: question.map(question_hash),
            response_time: o.time,
            query_time: o.time,
            attempt: 0,
            superseded: None,
            hop_ids: [(0, BootTime(0)); HOP_IDS],
            question_bytes: question.map(question_bytes),
            duplicates: Duplicates::default(),
        }
    }

    /// Adds a sighting of the query's current sending.
    pub(super) fn add_query(&mut self, seen: &Seen<'_>, counts: &mut JoinCounts) {
        let o = seen.observation;
        if self.query.is_none() {
            self.begin_query(seen);
        }
        self.query_time = self.query_time.max(o.time);
        if self.first_is_later(o.time) {
            (self.transaction.time, self.transaction.wall) = (o.time, o.wall);
        }
        if let Some(attempt) = self.transaction.attempts.get_mut(usize::from(self.attempt)) {
            attempt.time = attempt.time.min(o.time);
        }
        self.remember_hop_id(o);
        keep(&mut self.transaction.query, o, counts);
        self.push_hop(o, MessageKind::Query, counts);
        sockets::add_query(&mut self.transaction, o);
    }

    /// Begins another sending of the query, and adds its first sighting.
    pub(super) fn add_retransmission(&mut self, seen: &Seen<'_>, counts: &mut JoinCounts) {
        self.attempt = self.attempt.saturating_add(1);
        if self.transaction.attempts.len() < ATTEMPTS_MAX {
            self.transaction.attempts.push(Attempt { time: seen.observation.time });
        } else {
            counts.attempts_cut += 1;
        }
        self.add_query(seen, counts);
    }

    /// Adds a sighting of the response.
    pub(super) fn add_response(&mut self, seen: &Seen<'_>, counts: &mut JoinCounts) {
        let o = seen.observation;
        if self.response.is_none() {
            self.response = Some(seen.identity);
            self.response_time = o.time;
        }
        self.response_time = self.response_time.min(o.time);
        if self.query.is_none() && self.first_is_later(o.time) {
            (self.transaction.time, self.transaction.wall) = (o.time, o.wall);
        }
        keep(&mut self.transaction.response, o, counts);
        self.push_hop(o, MessageKind::Response, counts);
        sockets::add_response(&mut self.transaction, o);
    }

    /// Adds a sighting of a further response; `true` when it is the first of that response.
    pub(super) fn add_duplicate(&mut self, seen: &Seen<'_>) -> bool {
        let first = self.duplicates.add(seen);
        let Transaction { response, other_response, .. } = &mut self.transaction;
        let message = &seen.observation.message;
        if other_response.is_none() && response.as_ref().is_some_and(|response| response.bytes != message.bytes) {
            *other_response = Some(Box::new(copy(seen.observation)));
        }
        let count = &mut self.transaction.duplicate_responses;
        *count = count.saturating_add(u16::from(first));
        first
    }

    /// Whether `question` may be this transaction's: equal but for case, or unknown on a side.
    pub(super) fn may_ask(&self, question: Option<&Question<'_>>) -> bool {
        let (Some(question), Some(own)) = (question, self.question_bytes) else { return true };
        let name = question.name.0;
        let kept = self.transaction.query.as_ref().or(self.transaction.response.as_ref());
        let kept_name = kept.and_then(|copy| copy.bytes.get(HEADER_BYTES..HEADER_BYTES + usize::from(own.0)));
        question_bytes(question) == own && kept_name.is_none_or(|kept| kept.eq_ignore_ascii_case(name))
    }

    /// Sightings of the query.
    pub(super) fn query_hops(&self) -> impl DoubleEndedIterator<Item = &Hop> {
        self.transaction.path.iter().filter(|hop| hop.message == MessageKind::Query)
    }

    /// Sightings of the response.
    pub(super) fn response_hops(&self) -> impl DoubleEndedIterator<Item = &Hop> {
        self.transaction.path.iter().filter(|hop| hop.message == MessageKind::Response)
    }

    /// Where the query went when it was last seen.
    pub(super) fn last_dst(&self) -> Option<SocketAddr> {
        self.query_hops().next_back().map(|hop| hop.dst)
    }

    /// When the query was last seen in the buffer `hop_id`.
    pub(super) fn hop_id_time(&self, hop_id: Option<u64>) -> Option<BootTime> {
        let hop_id = hop_id?;
        self.hop_ids.iter().filter(|(id, time)| *id == hop_id && time.0 != 0).map(|&(_, time)| time).max()
    }

    /// Whether the query was seen in buffers that are known, and `hop_id` is none of them.
    pub(super) fn is_in_other_buffer(&self, hop_id: Option<u64>) -> bool {
        hop_id.is_some() && self.hop_ids.iter().any(|(_, time)| time.0 != 0) && self.hop_id_time(hop_id).is_none()
    }

    fn begin_query(&mut self, seen: &Seen<'_>) {
        let o = seen.observation;
        self.query = Some(seen.identity);
        self.query_time = o.time;
        self.transaction.attempts.push(Attempt { time: o.time });
        (self.transaction.time, self.transaction.wall) = (o.time, o.wall);
        // A response that came before its query asks the same, if it has a question.
        if let (None, Some(question)) = (self.question, &o.message.question) {
            self.question = Some(question_hash(question));
            self.question_bytes = Some(question_bytes(question));
        }
    }

    fn first_is_later(&self, time: BootTime) -> bool {
        time < self.transaction.time
    }

    fn remember_hop_id(&mut self, o: &Observation<'_>) {
        let Some(id) = o.hop_id else { return };
        let known = self.hop_ids.iter().position(|entry| entry.0 == id);
        let oldest = self.hop_ids.iter().enumerate().min_by_key(|(_, entry)| entry.1).map_or(0, |(place, _)| place);
        self.hop_ids[known.unwrap_or(oldest)] = (id, o.time);
    }

    fn push_hop(&mut self, o: &Observation<'_>, message: MessageKind, counts: &mut JoinCounts) {
        let max = if o.point.hook == Hook::Socket { PATH_MAX + SOCKETS_MAX } else { PATH_MAX };
        if self.transaction.path.len() >= max {
            self.transaction.path_cut = self.transaction.path_cut.saturating_add(1);
            counts.path_cut += 1;
            return;
        }
        let (time, point, attempt, src, dst, vlan) = (o.time, o.point, self.attempt, o.src, o.dst, o.vlan);
        self.transaction.path.push(Hop { time, point, message, attempt, src, dst, vlan });
    }
}

/// Keeps the message, or the longer copy of it: a first fragment may be seen before the whole datagram.
fn keep(kept: &mut Option<MessageCopy>, o: &Observation<'_>, counts: &mut JoinCounts) {
    let length = o.message.bytes.len().min(MESSAGE_MAX);
    if kept.as_ref().is_some_and(|copy| copy.bytes.len() >= length) {
        return;
    }
    counts.messages_cut += u64::from(o.message.bytes.len() > MESSAGE_MAX);
    *kept = Some(copy(o));
}

fn copy(o: &Observation<'_>) -> MessageCopy {
    let length = o.message.bytes.len().min(MESSAGE_MAX);
    let bytes = Bytes::copy_from_slice(&o.message.bytes[..length]);
    MessageCopy { bytes, wire_len: o.message.wire_len, header: o.message.header }
}

fn question_bytes(question: &Question<'_>) -> (u16, u16, u16) {
    (u16::try_from(question.name.0.len()).unwrap_or(u16::MAX), question.qtype, question.qclass)
}
