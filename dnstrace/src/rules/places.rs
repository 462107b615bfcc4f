//! A table whose entries keep their places: who remembers one need not look for it again.

use std::hash::Hash;

use foldhash::HashMap;

/// Where an entry is.
pub(super) type Place = u16;

/// So many entries at the most; what comes when it is full has none.
#[derive(Debug)]
pub(super) struct Places<K, V> {
    max: usize,
    by_key: HashMap<K, Place>,
    entries: Vec<(K, V)>,
}

impl<K: Copy + Eq + Hash, V: Default> Places<K, V> {
    /// An empty table.
    pub(super) fn new(max: usize) -> Self {
        Self { max, by_key: HashMap::default(), entries: Vec::new() }
    }

    /// The place of `key`, which is made where there is none; it may be `remembered` from before.
    pub(super) fn place(&mut self, key: K, remembered: Option<Place>) -> Option<Place> {
        let is_its = |at: &Place| self.entries.get(usize::from(*at)).is_some_and(|(known, _)| *known == key);
        if let Some(at) = remembered.filter(is_its).or_else(|| self.by_key.get(&key).copied()) {
            return Some(at);
        }
        let at = Place::try_from(self.entries.len()).ok().filter(|at| usize::from(*at) < self.max)?;
        self.by_key.insert(key, at);
        self.entries.push((key, V::default()));
        Some(at)
    }

    /// What is at a place.
    pub(super) fn at(&mut self, place: Place) -> Option<&mut V> {
        self.entries.get_mut(usize::from(place)).map(|(_, value)| value)
    }

    /// What is known of `key`.
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(usize::from(*self.by_key.get(key)?)).map(|(_, value)| value)
    }

    /// Every entry.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(K, V)> {
        self.entries.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_kept_and_checked() {
        let mut places = Places::<&str, u32>::new(2);
        let [a, b] = ["a", "b"].map(|key| places.place(key, None));
        assert_eq!((a, b, places.place("c", None)), (Some(0), Some(1), None));
        // A place that is remembered wrongly is another's.
        assert_eq!((places.place("b", b), places.place("b", a), places.place("c", a)), (b, b, None));
        *places.at(1).unwrap() = 7;
        assert_eq!((places.get(&"b"), places.get(&"c")), (Some(&7), None));
    }
}
