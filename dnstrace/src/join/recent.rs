//! What was given out a short while ago, so that what comes after is known for what it is.

use std::net::SocketAddr;
use std::time::Duration;

use super::TransactionId;
use super::identity::{Key, Seen, is_response, question_hash};
use super::index::{Index, Slot};
use super::keys::Keys;
use super::open::Open;
use crate::capture::BootTime;

/// How long: stub resolvers give up after 30 s at most (glibc: 5 s, 2 attempts, 3 servers), later responses help nobody.
const RECENT: Duration = Duration::from_secs(30);

/// How many: about 200 bytes each, some MiB in all. At 1,000 transactions/s they are all kept for their time.
const RECENT_MAX: usize = 16_384;

/// What is remembered of a transaction that was given out.
struct Ended {
    id: TransactionId,
    keys: Keys,
    clients: [SocketAddr; 2],
    servers: [SocketAddr; 2],
    question: Option<u64>,
    response: Option<u64>,
    at: BootTime,
}

/// What was given out a short while ago, the oldest forgotten first.
pub(super) struct Recent {
    ended: Vec<Ended>,
    next: usize,
    keys: Index<Key>,
}

impl Recent {
    /// Nothing was given out.
    pub(super) fn new() -> Self {
        Self { ended: Vec::new(), next: 0, keys: Index::new() }
    }

    /// Remembers a transaction that is given out now.
    pub(super) fn add(&mut self, open: &Open, at: BootTime) {
        let place = Slot::try_from(self.next).unwrap_or(Slot::MAX);
        if let Some(forgotten) = self.ended.get(self.next) {
            forgotten.keys.iter().for_each(|key| self.keys.remove(key, place));
        }
        let ended = Ended::new(open, at);
        ended.keys.iter().for_each(|&key| self.keys.add(key, place));
        match self.ended.get_mut(self.next) {
            Some(entry) => *entry = ended,
            None => self.ended.push(ended),
        }
        self.next = (self.next + 1) % RECENT_MAX;
    }

    /// The transaction that this response belongs to, the latest if there are several, with its keys.
    pub(super) fn find(&self, seen: &Seen<'_>) -> Option<(TransactionId, Keys)> {
        let places = self.keys.get(&seen.key).iter().rev();
        let mut candidates = places.filter_map(|&place| self.ended.get(place as usize));
        candidates.find(|ended| ended.is_answered_by(seen)).map(|ended| (ended.id, ended.keys))
    }
}

impl Ended {
    fn new(open: &Open, at: BootTime) -> Self {
        let t = &open.transaction;
        let ends = |hop: Option<&super::Hop>| match hop {
            Some(hop) if is_query(hop) => (hop.src, hop.dst),
            Some(hop) => (hop.dst, hop.src),
            None => (t.client, t.server),
        };
        let of_query = open.query.is_some();
        let mut hops = t.path.iter().filter(|hop| is_query(hop) == of_query);
        let (first, last) = (ends(t.path.iter().find(|hop| is_query(hop) == of_query)), ends(hops.next_back()));
        Self {
            id: t.id,
            keys: open.keys,
            clients: [first.0, last.0],
            servers: [first.1, last.1],
            question: open.question,
            response: open.response,
            at,
        }
    }

    fn is_answered_by(&self, seen: &Seen<'_>) -> bool {
        let o = seen.observation;
        debug_assert!(is_response(o), "queries are not looked for among what was given out");
        let same_question = || {
            let question = o.message.question.as_ref().map(question_hash);
            question.zip(self.question).is_none_or(|(a, b)| a == b)
        };
        let same_response = self.response == Some(seen.identity);
        let addresses = self.clients.contains(&o.dst) || self.servers.contains(&o.src);
        o.time.since(self.at) <= RECENT && addresses && (same_response || same_question())
    }
}

fn is_query(hop: &super::Hop) -> bool {
    hop.message == super::MessageKind::Query
}
