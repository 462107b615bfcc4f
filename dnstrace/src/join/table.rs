//! The open transactions, and the ways to find them.

use super::deadlines::Deadlines;
use super::identity::Key;
use super::index::{Index, Slot};
use super::open::Open;

/// Open transactions by slot, with an index for each question the join asks.
pub(super) struct Table {
    slots: Vec<Option<Open>>,
    free: Vec<Slot>,
    /// By message ID, client port, transport: where responses and further sightings are looked for.
    pub(super) keys: Index<Key>,
    /// By the identities of query and response: where masquerading changed the port.
    pub(super) identities: Index<u64>,
    /// Unanswered queries by question: what caused a query.
    pub(super) questions: Index<u64>,
    /// What ends next.
    pub(super) deadlines: Deadlines,
}

impl Table {
    /// A table without transactions.
    pub(super) fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            keys: Index::new(),
            identities: Index::new(),
            questions: Index::new(),
            deadlines: Deadlines::new(),
        }
    }

    /// How many are open.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// The transaction in `slot`.
    pub(super) fn get(&self, slot: Slot) -> Option<&Open> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// The transaction in `slot`.
    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Open> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// The transactions that share message ID, client port and transport, the oldest first.
    pub(super) fn with_key(&self, key: &Key) -> impl Iterator<Item = (Slot, &Open)> {
        self.keys.get(key).iter().filter_map(|&slot| Some((slot, self.get(slot)?)))
    }

    /// The transactions whose query or response has this identity, the oldest first.
    pub(super) fn with_identity(&self, identity: u64) -> impl Iterator<Item = (Slot, &Open)> {
        self.identities.get(&identity).iter().filter_map(|&slot| Some((slot, self.get(slot)?)))
    }

    /// The unanswered queries that ask this question, the oldest first.
    pub(super) fn with_question(&self, question: u64) -> impl Iterator<Item = (Slot, &Open)> {
        self.questions.get(&question).iter().filter_map(|&slot| Some((slot, self.get(slot)?)))
    }

    /// Adds a transaction; it can be found by all its keys.
    pub(super) fn insert(&mut self, open: Open) -> Slot {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            Slot::try_from(self.slots.len() - 1).unwrap_or(Slot::MAX)
        });
        for &key in &*open.keys {
            self.keys.add(key, slot);
        }
        self.slots[slot as usize] = Some(open);
        self.index_query(slot);
        slot
    }

    /// Lets the transaction be found by its query, when it has one that is not answered.
    pub(super) fn index_query(&mut self, slot: Slot) {
        let Some(open) = self.get(slot) else { return };
        let (query, question, answered) = (open.query, open.question, open.response.is_some());
        if let Some(identity) = query {
            self.identities.add(identity, slot);
        }
        if let (Some(_), Some(question), false) = (query, question, answered) {
            self.questions.add(question, slot);
        }
    }

    /// Lets the transaction be found by another key too.
    pub(super) fn add_key(&mut self, slot: Slot, key: Key) {
        let Some(open) = self.get_mut(slot) else { return };
        if open.keys.add(key) {
            self.keys.add(key, slot);
        }
    }

    /// Lets the transaction be found by its first response.
    pub(super) fn index_response(&mut self, slot: Slot, identity: u64) {
        self.identities.add(identity, slot);
    }

    /// An answered query causes no further ones.
    pub(super) fn forget_question(&mut self, slot: Slot) {
        if let Some(question) = self.get(slot).and_then(|open| open.question) {
            self.questions.remove(&question, slot);
        }
    }

    /// Takes a transaction out.
    pub(super) fn remove(&mut self, slot: Slot) -> Option<Open> {
        self.deadlines.clear(slot);
        self.forget_question(slot);
        let open = self.slots.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        for key in &*open.keys {
            self.keys.remove(key, slot);
        }
        for identity in [open.query, open.response].into_iter().flatten() {
            self.identities.remove(&identity, slot);
        }
        Some(open)
    }
}
