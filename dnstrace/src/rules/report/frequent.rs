//! The most frequent names among any number, in bounded memory.
//!
//! Space-Saving (Metwally, Agrawal, El Abbadi, "Efficient Computation of Frequent and Top-k Elements in Data Streams",
//! 2005): a name that finds no room takes the place of the least frequent one and inherits its count, which may be too
//! much by that. Of N names counted in all, every one that came more than N / `NAMES_MAX` times is there.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use foldhash::fast::RandomState;

/// Names that are counted, up to 0.6 KiB each: what is more frequent than one query in a thousand is found.
const NAMES_MAX: usize = 1_024;

/// A name and how often it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// In wire format and lower case.
    pub name: Box<[u8]>,
    /// How often it came, at most.
    pub count: u64,
    /// How much less that may have been.
    pub excess: u64,
    /// Since it is counted here: with NXDOMAIN,
    pub nxdomain: u64,
    /// with another rcode than NOERROR and NXDOMAIN,
    pub errors: u64,
    /// without a response,
    pub no_response: u64,
    /// with one that did not come to its client,
    pub response_lost: u64,
    /// and in how many lookups.
    pub lookups: u64,
}

/// Names with their counts.
#[derive(Debug)]
pub struct Frequent {
    entries: Vec<Counted>,
    places: HashMap<Box<[u8]>, usize, RandomState>,
    /// Counts with places in `entries`, the least first.
    order: BTreeSet<(u64, usize)>,
}

impl Frequent {
    pub(super) fn new() -> Self {
        Self { entries: Vec::new(), places: HashMap::default(), order: BTreeSet::new() }
    }

    /// Counts `name`; what else is to be counted of it goes into what this gives.
    pub fn add(&mut self, name: &[u8]) -> &mut Counted {
        self.add_times(name, 1)
    }

    /// Counts `name` so many times at once.
    pub fn add_times(&mut self, name: &[u8], times: u64) -> &mut Counted {
        let place = self.places.get(name).copied().unwrap_or_else(|| self.make_room(name));
        let entry = &mut self.entries[place];
        self.order.remove(&(entry.count, place));
        entry.count += times;
        self.order.insert((entry.count, place));
        entry
    }

    fn make_room(&mut self, name: &[u8]) -> usize {
        let (name_kept, count, excess) = (name.into(), 0, 0);
        let (nxdomain, errors, no_response, response_lost, lookups) = Default::default();
        let mut new = Counted { name: name_kept, count, excess, nxdomain, errors, no_response, response_lost, lookups };
        let place = match self.order.first() {
            Some(&(least, place)) if self.entries.len() >= NAMES_MAX => {
                (new.count, new.excess) = (least, least);
                self.places.remove(&self.entries[place].name);
                self.entries[place] = new;
                place
            }
            _ => {
                self.entries.push(new);
                self.entries.len() - 1
            }
        };
        self.places.insert(name.into(), place);
        place
    }

    /// The most frequent first, equal ones by name.
    #[must_use]
    pub fn most(&self) -> Vec<&Counted> {
        let mut all: Vec<_> = self.entries.iter().collect();
        all.sort_by_key(|entry| (Reverse(entry.count), &entry.name));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_names_are_counted_exactly() {
        let mut names = Frequent::new();
        for name in [b"b", b"a", b"b", b"c", b"c"] {
            names.add(name);
        }
        let counted: Vec<_> =
            names.most().iter().map(|counted| (&*counted.name, counted.count, counted.excess)).collect();
        assert_eq!(counted, [(&b"b"[..], 2, 0), (b"c", 2, 0), (b"a", 1, 0)]);
    }

    #[test]
    fn frequent_names_are_found_among_ten_times_what_fits() {
        let mut names = Frequent::new();
        for number in 0..10 * NAMES_MAX {
            names.add(number.to_string().as_bytes());
            if number % 100 == 0 {
                names.add(b"often");
            }
        }
        assert_eq!(names.entries.len(), NAMES_MAX);
        assert_eq!((names.places.len(), names.order.len()), (NAMES_MAX, NAMES_MAX));
        let most = names.most();
        let often = most.iter().find(|counted| *counted.name == *b"often").unwrap();
        let really = (10 * NAMES_MAX).div_ceil(100) as u64;
        assert!(often.count >= really && often.count - often.excess <= really, "{often:?}");
        assert_eq!(*most[0].name, *b"often");
    }
}
