//! A table of fixed size, by hash: when a set is full, the oldest of its entries goes.
//!
//! For what comes with each transaction and is asked for some seconds later: an entry is found by one access to memory, and
//! is small enough that the processor's cache keeps what is asked for often.

use crate::capture::BootTime;

/// Entries with their times, in sets of so many: as many as fill a line of the processor's cache.
#[derive(Debug)]
pub(super) struct Sets<V, const SET: usize>(Box<[Set<V, SET>]>);

#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Set<V, const SET: usize>([Entry<V>; SET]);

/// What was known of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry<V> {
    hash: u64,
    /// When that was.
    pub(super) time: BootTime,
    /// What.
    pub(super) value: V,
}

impl<V: Copy + Default, const SET: usize> Sets<V, SET> {
    /// For so many entries, or somewhat more.
    pub(super) fn new(count: usize) -> Self {
        let sets = count.div_ceil(SET).next_power_of_two();
        Self(vec![Set([Entry::default(); SET]); sets].into_boxed_slice())
    }

    /// Adds an entry, beside others of the same hash; gives the one that makes room for it.
    pub(super) fn push(&mut self, hash: u64, time: BootTime, value: V) -> Option<Entry<V>> {
        let set = self.place(hash);
        let oldest = self.0[set].0.iter_mut().min_by_key(|entry| (entry.time, entry.hash))?;
        let gone = std::mem::replace(oldest, Entry { hash, time, value });
        (!gone.is_empty()).then_some(gone)
    }

    /// Entries with a hash.
    pub(super) fn with(&self, hash: u64) -> impl Iterator<Item = &Entry<V>> {
        self.0[self.place(hash)].0.iter().filter(move |entry| entry.is_of(hash))
    }

    /// One of them, to change it.
    pub(super) fn get_mut(&mut self, hash: u64) -> Option<&mut Entry<V>> {
        let set = self.place(hash);
        self.0[set].0.iter_mut().find(|entry| entry.is_of(hash))
    }

    fn place(&self, hash: u64) -> usize {
        // As many as there are sets: a power of two.
        usize::try_from(hash & (self.0.len() as u64 - 1)).unwrap_or_default()
    }
}

impl<V> Entry<V> {
    fn is_of(&self, hash: u64) -> bool {
        self.hash == hash && !self.is_empty()
    }

    /// A place where nothing was put yet.
    fn is_empty(&self) -> bool {
        (self.hash, self.time) == Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oldest_of_a_set_goes() {
        let mut sets = Sets::<_, 2>::new(2);
        let gone: Vec<_> = [3, 1, 4].map(|at| sets.push(at * 7, BootTime(at), at).map(|gone| gone.value)).to_vec();
        assert_eq!(gone, [None, None, Some(1)]);
        let known = |hash: u64| sets.with(hash).map(|entry| (entry.time, entry.value)).collect::<Vec<_>>();
        assert_eq!((known(7), known(21), known(0)), (vec![], vec![(BootTime(3), 3)], vec![]));
        sets.get_mut(21).unwrap().value = 9;
        assert!(sets.get_mut(7).is_none() && sets.with(21).any(|entry| entry.value == 9));
    }

    #[test]
    fn entries_of_one_hash_are_beside_each_other() {
        let mut sets = Sets::<_, 4>::new(32);
        sets.push(5, BootTime(1), 'a');
        sets.push(5, BootTime(2), 'b');
        assert_eq!(sets.with(5).map(|entry| entry.value).collect::<String>(), "ab");
    }
}
