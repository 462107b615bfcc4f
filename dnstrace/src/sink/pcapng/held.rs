//! Packets whose transaction is not known yet to be one that is asked for.
//!
//! A filter can ask for what is known at a transaction's end only, such as its rcode. Until then its packets wait, in their
//! order. What cannot wait any longer is kept: a recording may have more than was asked for, but not less.

use std::collections::{HashMap, VecDeque};

use super::section::SeenMessage;
use crate::capture::{Dropped, Packet};
use crate::join::TransactionId;

/// 20 ms of 100,000 packets a second, or 5 s of 400: about a quarter of our memory.
const HELD_BYTES_MAX: usize = 12 << 20;
/// Transactions that ended are remembered so long: responses may come once more.
const DECISIONS_MAX: usize = 32_768;
/// What a packet takes beside its bytes.
const OVERHEAD: usize = size_of::<Held>();

/// A packet that waits.
pub(super) struct Held {
    packet: Packet<'static>,
    bytes: Box<[u8]>,
    dropped: Option<Dropped>,
    messages: Box<[SeenMessage]>,
}

impl Held {
    pub(super) fn packet(&self) -> Packet<'_> {
        Packet { dropped: self.dropped.as_ref(), ..self.packet.with_bytes(&self.bytes) }
    }

    fn len(&self) -> usize {
        OVERHEAD + self.bytes.len() + size_of_val(&*self.messages)
    }
}

/// What became of a packet that waited.
pub(super) enum Decision {
    /// It is asked for; the message is the one that is.
    Kept(Held, Option<SeenMessage>),
    /// It could not wait any longer.
    Undecided(Held, Option<SeenMessage>),
    /// It is not asked for.
    Filtered,
}

/// The packets that wait.
#[derive(Default)]
pub(super) struct Waiting {
    queue: VecDeque<Held>,
    bytes: usize,
    /// Nothing more will be decided.
    ended: bool,
    shown: HashMap<TransactionId, bool, foldhash::fast::RandomState>,
    by_age: VecDeque<TransactionId>,
}

impl Waiting {
    /// Lets a packet wait.
    pub(super) fn add(&mut self, packet: &Packet<'_>, messages: &[SeenMessage]) {
        let (bytes, dropped) = (packet.bytes.into(), packet.dropped.cloned());
        let held = Held { packet: packet.with_bytes(&[]), bytes, dropped, messages: messages.into() };
        self.bytes += held.len();
        self.queue.push_back(held);
    }

    /// A transaction ended, and is asked for or not.
    pub(super) fn decide(&mut self, transaction: TransactionId, shown: bool) {
        if self.shown.insert(transaction, shown).is_none() {
            self.by_age.push_back(transaction);
        }
        if self.by_age.len() > DECISIONS_MAX
            && let Some(oldest) = self.by_age.pop_front()
        {
            self.shown.remove(&oldest);
        }
    }

    /// Nothing more will be decided: no packet waits any longer.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// The oldest packet, if it need not, or cannot, wait any longer.
    pub(super) fn next(&mut self) -> Option<Decision> {
        let held = self.queue.front()?;
        let is_shown = |message: &&SeenMessage| self.shown.get(&message.transaction) == Some(&true);
        let kept = held.messages.iter().find(is_shown).copied();
        let open = held.messages.iter().find(|message| !self.shown.contains_key(&message.transaction)).copied();
        if kept.is_none() && open.is_some() && self.bytes <= HELD_BYTES_MAX && !self.ended {
            return None;
        }
        let held = self.queue.pop_front()?;
        self.bytes -= held.len();
        Some(match (kept, open) {
            // A segment that by itself holds no message may be part of one that is asked for.
            _ if held.messages.is_empty() => Decision::Kept(held, None),
            (Some(_), _) => Decision::Kept(held, kept),
            (None, Some(_)) => Decision::Undecided(held, open),
            (None, None) => Decision::Filtered,
        })
    }
}
