//! The best of some candidates, and whether it is the only best.

use super::index::Slot;

/// Collects candidates; ranks that are greater are better.
pub(super) struct Best<R> {
    best: Option<(Slot, R)>,
    equals: u32,
}

impl<R: Ord + Copy> Best<R> {
    /// No candidates.
    pub(super) fn new() -> Self {
        Self { best: None, equals: 0 }
    }

    /// Adds a candidate; of equal ones the last stays.
    pub(super) fn offer(&mut self, slot: Slot, rank: R) {
        match self.best {
            Some((_, best)) if rank < best => {}
            Some((_, best)) if rank == best => (self.best, self.equals) = (Some((slot, rank)), self.equals + 1),
            _ => (self.best, self.equals) = (Some((slot, rank)), 0),
        }
    }

    /// The best candidate, the last of equal ones.
    pub(super) fn any(&self) -> Option<(Slot, R)> {
        self.best
    }

    /// The best candidate, unless another is as good.
    pub(super) fn only(&self) -> Option<Slot> {
        self.best.filter(|_| self.equals == 0).map(|(slot, _)| slot)
    }

    /// How good the best is.
    pub(super) fn rank(&self) -> Option<R> {
        self.best.map(|(_, rank)| rank)
    }
}
