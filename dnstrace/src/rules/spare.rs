//! Cases that nobody holds any more, to be used again: each transaction takes one, and what was in use a moment ago is
//! still in the processor's cache.

use std::sync::Arc;

use super::case::Case;

/// As many as come back together, when a lookup of many queries is over; the rest goes.
const SPARE_MAX: usize = 64;

/// The newest of them.
#[derive(Debug, Default)]
pub(super) struct Spare(Vec<Arc<Case>>);

impl Spare {
    /// Makes a case that can be shared.
    pub(super) fn share(&mut self, case: Case) -> Arc<Case> {
        let Some(mut spare) = self.0.pop() else { return Arc::new(case) };
        match Arc::get_mut(&mut spare) {
            Some(place) => *place = case,
            None => return Arc::new(case),
        }
        spare
    }

    /// Takes one back, if nobody else holds it.
    pub(super) fn take_back(&mut self, mut case: Arc<Case>) {
        if self.0.len() < SPARE_MAX && Arc::get_mut(&mut case).is_some() {
            self.0.push(case);
        }
    }
}
