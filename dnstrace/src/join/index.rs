//! From something a message has to the open transactions that have it too.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::slice::from_ref;

use foldhash::fast::RandomState;

/// The place of an open transaction in its table.
pub(super) type Slot = u32;

/// How many transactions one key leads to at most: musl asks three name servers with one message, mDNS has one key for
/// all; a scan of 32 costs less than a cache miss each.
pub(super) const PER_KEY_MAX: usize = 32;

/// Keys to slots, the oldest first. Nothing iterates over the keys, so the random state changes no output.
pub(super) struct Index<K> {
    slots: HashMap<K, Slots, RandomState>,
    /// Entries that made room for newer ones under the same key.
    pub(super) crowded: u64,
}

/// Most keys lead to one transaction, which needs no allocation.
enum Slots {
    One(Slot),
    Some(Vec<Slot>),
}

impl<K: Eq + Hash> Index<K> {
    /// An empty index.
    pub(super) fn new() -> Self {
        Self { slots: HashMap::default(), crowded: 0 }
    }

    /// The slots under `key`, the oldest first.
    pub(super) fn get(&self, key: &K) -> &[Slot] {
        match self.slots.get(key) {
            None => &[],
            Some(Slots::One(slot)) => from_ref(slot),
            Some(Slots::Some(slots)) => slots,
        }
    }

    /// Adds `slot` as the newest under `key`; the oldest makes room when there are too many.
    pub(super) fn add(&mut self, key: K, slot: Slot) {
        let slots = match self.slots.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(Slots::One(slot));
                return;
            }
            Entry::Occupied(entry) => entry.into_mut(),
        };
        match slots {
            Slots::One(first) => *slots = Slots::Some(vec![*first, slot]),
            Slots::Some(several) => {
                if several.len() >= PER_KEY_MAX {
                    several.remove(0);
                    self.crowded += 1;
                }
                several.push(slot);
            }
        }
    }

    /// Takes `slot` out from under `key`, if it is there.
    pub(super) fn remove(&mut self, key: &K, slot: Slot) {
        let last = match self.slots.get_mut(key) {
            None => false,
            Some(Slots::One(only)) => *only == slot,
            Some(Slots::Some(several)) => {
                several.retain(|&other| other != slot);
                several.is_empty()
            }
        };
        if last {
            self.slots.remove(key);
        }
    }
}
