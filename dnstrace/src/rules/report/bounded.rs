//! A table that does not grow beyond its bound: who comes later is one of the others.

use std::collections::BTreeMap;

/// The first `max` keys with what is counted for each, and the sum of all others.
#[derive(Debug)]
pub struct Bounded<K, V> {
    max: usize,
    entries: BTreeMap<K, V>,
    others: Option<V>,
}

impl<K: Ord, V: Default> Bounded<K, V> {
    /// An empty table.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { max, entries: BTreeMap::new(), others: None }
    }

    /// What is counted for `key`, or for the others.
    pub fn entry(&mut self, key: K) -> &mut V {
        if self.entries.len() >= self.max && !self.entries.contains_key(&key) {
            return self.others.get_or_insert_default();
        }
        self.entries.entry(key).or_default()
    }
}

impl<K: Ord, V> Bounded<K, V> {
    /// What is counted for `key`, if it is told apart.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key)
    }
}

impl<K, V> Bounded<K, V> {
    /// Keys in their order, with what was counted.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter()
    }

    /// How many keys are told apart.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What was counted for keys that found no room; `None` when there were none.
    #[must_use]
    pub fn others(&self) -> Option<&V> {
        self.others.as_ref()
    }
}
