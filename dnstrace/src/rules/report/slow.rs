//! Where the time of slow transactions went.

use crate::rules::spent::{Part, Spent};

/// Slow transactions by the part of their way that took the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slow([u64; Part::ALL.len()]);

impl Slow {
    pub(super) fn add(&mut self, spent: &Spent) {
        self.0[spent.most() as usize] += 1;
    }

    /// How many lost the most time in one part.
    #[must_use]
    pub fn get(&self, part: Part) -> u64 {
        self.0[part as usize]
    }

    /// Each that has some, in the order of the way.
    pub fn iter(&self) -> impl Iterator<Item = (Part, u64)> {
        Part::ALL.into_iter().map(|part| (part, self.get(part))).filter(|&(_, count)| count != 0)
    }

    /// All.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().sum()
    }
}
