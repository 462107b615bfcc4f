//! Further responses to an answered query, told apart.

use super::identity::Seen;
use super::open::PATH_MAX;
use crate::capture::Point;

/// Further responses told apart per transaction; a flood of forged ones is counted all the same.
const DUPLICATES_MAX: usize = 8;

/// The further responses to one query, the newest last.
#[derive(Default)]
pub(super) struct Duplicates(Vec<Duplicate>);

struct Duplicate {
    identity: u64,
    points: Vec<Point>,
}

impl Duplicates {
    /// Adds a sighting; `true` when it is the first of its response: a point sees a message once.
    pub(super) fn add(&mut self, seen: &Seen<'_>) -> bool {
        let point = seen.observation.point;
        let same = |known: &&mut Duplicate| known.identity == seen.identity && !known.points.contains(&point);
        if let Some(known) = self.0.iter_mut().rev().find(same) {
            if known.points.len() < PATH_MAX {
                known.points.push(point);
            }
            return false;
        }
        if self.0.len() >= DUPLICATES_MAX {
            self.0.remove(0);
        }
        self.0.push(Duplicate { identity: seen.identity, points: vec![point] });
        true
    }
}
