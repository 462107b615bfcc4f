//! A table of the newest: when it is full, the one that came first goes.

use std::collections::VecDeque;
use std::hash::Hash;

use foldhash::HashMap;

/// At most so many keys, with what is known of each.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    max: usize,
    entries: HashMap<K, V>,
    /// Keys in the order they came.
    order: VecDeque<K>,
    evicted: u64,
}

impl<K: Clone + Eq + Hash, V> Recent<K, V> {
    /// An empty table.
    pub(super) fn new(max: usize) -> Self {
        Self { max, entries: HashMap::default(), order: VecDeque::new(), evicted: 0 }
    }

    /// What is known of `key`.
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    /// The same, to change it.
    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key)
    }

    /// The same, made where nothing is known.
    pub(super) fn entry(&mut self, key: &K) -> &mut V
    where
        V: Default,
    {
        if self.order.len() >= self.max && !self.entries.contains_key(key) {
            self.make_room();
        }
        let order = &mut self.order;
        self.entries.entry(key.clone()).or_insert_with(|| {
            order.push_back(key.clone());
            V::default()
        })
    }

    /// Replaces what is known of `key`; its place in the order stays.
    pub(super) fn insert(&mut self, key: K, value: V) {
        if let Some(known) = self.entries.get_mut(&key) {
            *known = value;
            return;
        }
        self.make_room();
        self.order.push_back(key.clone());
        self.entries.insert(key, value);
    }

    /// Whether nothing is known of any.
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Entries that went for want of room.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    fn make_room(&mut self) {
        if self.order.len() >= self.max
            && let Some(first) = self.order.pop_front()
        {
            self.entries.remove(&first);
            self.evicted += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_goes_when_it_is_full() {
        let mut recent = Recent::new(2);
        for key in ["a", "b", "a", "c"] {
            recent.insert(key, key);
        }
        assert_eq!((recent.get(&"a"), recent.get(&"b"), recent.get(&"c")), (None, Some(&"b"), Some(&"c")));
        *recent.entry(&"d") = "d";
        assert_eq!((recent.get(&"b"), recent.get(&"d"), recent.evicted()), (None, Some(&"d"), 2));
    }
}
