//! A table whose entries have numbers that stay: who remembers one need not look for it again.

use std::hash::Hash;

use foldhash::HashMap;

/// Of an entry.
pub(super) type Number = u16;

/// So many entries at the most; what comes when it is full has none.
#[derive(Debug)]
pub(super) struct Numbered<K, V> {
    max: usize,
    by_key: HashMap<K, Number>,
    entries: Vec<(K, V)>,
}

impl<K: Copy + Eq + Hash, V: Default> Numbered<K, V> {
    /// An empty table.
    pub(super) fn new(max: usize) -> Self {
        Self { max, by_key: HashMap::default(), entries: Vec::new() }
    }

    /// The number of `key`, which gets one where it has none; it may be `remembered` from before.
    pub(super) fn number(&mut self, key: K, remembered: Option<Number>) -> Option<Number> {
        let is_its = |at: &Number| self.entries.get(usize::from(*at)).is_some_and(|(known, _)| *known == key);
        if let Some(at) = remembered.filter(is_its).or_else(|| self.by_key.get(&key).copied()) {
            return Some(at);
        }
        let at = Number::try_from(self.entries.len()).ok().filter(|at| usize::from(*at) < self.max)?;
        self.by_key.insert(key, at);
        self.entries.push((key, V::default()));
        Some(at)
    }

    /// What has a number.
    pub(super) fn at(&mut self, number: Number) -> Option<&mut V> {
        self.entries.get_mut(usize::from(number)).map(|(_, value)| value)
    }

    /// Whose number it is.
    pub(super) fn key(&self, number: Number) -> Option<&K> {
        self.entries.get(usize::from(number)).map(|(key, _)| key)
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
    fn numbers_are_kept_and_checked() {
        let mut numbered = Numbered::<&str, u32>::new(2);
        let [a, b] = ["a", "b"].map(|key| numbered.number(key, None));
        assert_eq!((a, b, numbered.number("c", None)), (Some(0), Some(1), None));
        // A number that is remembered wrongly is another's.
        assert_eq!((numbered.number("b", b), numbered.number("b", a), numbered.number("c", a)), (b, b, None));
        *numbered.at(1).unwrap() = 7;
        assert_eq!((numbered.get(&"b"), numbered.get(&"c"), numbered.key(1)), (Some(&7), None, Some(&"b")));
    }
}
