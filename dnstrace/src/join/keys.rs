//! The keys that lead to one transaction.

use std::ops::Deref;

use super::identity::Key;

/// Masquerading changes the port once, twice where a node masquerades for another.
const KEYS_MAX: usize = 4;

/// One key or more, without an allocation; further ones than fit are left out.
#[derive(Clone, Copy)]
pub(super) struct Keys {
    keys: [Key; KEYS_MAX],
    count: u8,
}

impl Keys {
    /// One key.
    pub(super) fn new(key: Key) -> Self {
        Self { keys: [key; KEYS_MAX], count: 1 }
    }

    /// Adds a key; `false` when it is there already, or there is no room for it.
    pub(super) fn add(&mut self, key: Key) -> bool {
        let is_new = !self.contains(&key);
        match self.keys.get_mut(usize::from(self.count)) {
            Some(free) if is_new => *free = key,
            _ => return false,
        }
        self.count += 1;
        true
    }
}

impl Deref for Keys {
    type Target = [Key];

    fn deref(&self) -> &[Key] {
        &self.keys[..self.count.into()]
    }
}
