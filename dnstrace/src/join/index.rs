//! From something a message has to the open transactions that have it too.

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::RandomState;

/// The place of an open transaction in its table.
pub(super) type Slot = u32;

/// How many transactions one key leads to at most: musl asks three name servers with one message, mDNS has one key for
/// all; a scan of 32 costs less than a cache miss each.
pub(super) const PER_KEY_MAX: usize = 32;

/// Keys to slots, the oldest first. Nothing iterates over the keys, so the random state changes no output.
pub(super) struct Index<K> {
    slots: HashMap<K, Vec<Slot>, RandomState>,
    /// Entries that made room for newer ones under the same key.
    pub(super) crowded: u64,
}

impl<K: Eq + Hash> Index<K> {
    /// An empty index.
    pub(super) fn new() -> Self {
        Self { slots: HashMap::default(), crowded: 0 }
    }

    /// The slots under `key`, the oldest first.
    pub(super) fn get(&self, key: &K) -> &[Slot] {
        self.slots.get(key).map_or(&[], Vec::as_slice)
    }

    /// Adds `slot` as the newest under `key`; the oldest makes room when there are too many.
    pub(super) fn add(&mut self, key: K, slot: Slot) {
        let slots = self.slots.entry(key).or_default();
        if slots.len() >= PER_KEY_MAX {
            slots.remove(0);
            self.crowded += 1;
        }
        slots.push(slot);
    }

    /// Takes `slot` out from under `key`, if it is there.
    pub(super) fn remove(&mut self, key: &K, slot: Slot) {
        let Some(slots) = self.slots.get_mut(key) else { return };
        slots.retain(|&other| other != slot);
        if slots.is_empty() {
            self.slots.remove(key);
        }
    }
}
