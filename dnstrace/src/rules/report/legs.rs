//! In which leg of their way queries without response are lost.

use crate::rules::path::Leg;

/// How many in each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Legs([u64; Leg::ALL.len()]);

impl Legs {
    /// Counts one.
    pub fn add(&mut self, leg: Leg) {
        self.0[leg as usize] += 1;
    }

    /// How many in one.
    #[must_use]
    pub fn get(&self, leg: Leg) -> u64 {
        self.0[leg as usize]
    }

    /// Each that has some, in the order of the way.
    pub fn iter(&self) -> impl Iterator<Item = (Leg, u64)> {
        Leg::ALL.into_iter().map(|leg| (leg, self.get(leg))).filter(|&(_, count)| count != 0)
    }
}
