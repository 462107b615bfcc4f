//! The heads of chains, by hash: a table for what comes and goes with each transaction.
//!
//! A map of the standard library moves an entry in and out, and looks for its place at each. Here a chain is found by one
//! array access, its links are in what it leads to, and whoever walks along it looks whether that is what he is looking for.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;

/// Where chains begin.
#[derive(Debug)]
pub(super) struct Heads<T> {
    heads: Box<[Option<T>]>,
    hasher: RandomState,
}

impl<T: Copy> Heads<T> {
    /// For about so many chains.
    pub(super) fn new(count: usize) -> Self {
        let heads = vec![None; count.next_power_of_two()].into_boxed_slice();
        Self { heads, hasher: RandomState::default() }
    }

    /// What leads to the chain of `key`, and to those of some others.
    pub(super) fn hash(&self, key: &impl Hash) -> u64 {
        self.hasher.hash_one(key)
    }

    /// The first of a chain.
    pub(super) fn get(&self, hash: u64) -> Option<T> {
        self.heads[self.place(hash)]
    }

    /// Sets it; gives the one before.
    pub(super) fn replace(&mut self, hash: u64, head: Option<T>) -> Option<T> {
        std::mem::replace(&mut self.heads[self.place(hash)], head)
    }

    fn place(&self, hash: u64) -> usize {
        // As many as there are places: a power of two.
        usize::try_from(hash & (self.heads.len() as u64 - 1)).unwrap_or_default()
    }
}
