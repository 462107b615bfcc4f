//! Interface indexes to names, as observed: what is not known stays a number.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use nix::net::if_::if_nameindex;

use crate::capture::file::FileInterface;
use crate::capture::{BootTime, Hook, Point};

/// An interface that is gone before its name was read would otherwise have every packet read the list anew.
const REFRESH_AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// A node of the largest size has some 250 pods with a few interfaces each; names of interfaces that are gone stay
/// known, as their packets may still be on their way through the join.
const INTERFACES_MAX: usize = 16_384;

/// Names of interfaces by netns and index, as known at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interfaces {
    /// Inode of the netns that needs no mention; 0 for files, which do not know theirs.
    pub netns: u32,
    names: BTreeMap<(u32, u32), Box<str>>,
}

impl Interfaces {
    /// The name of the interface a point lies at, unescaped.
    #[must_use]
    pub fn name(&self, point: Point) -> Option<&str> {
        self.names.get(&(point.netns, point.ifindex)).map(AsRef::as_ref)
    }
}

/// Keeps the names of interfaces; what it gives out is shared, not copied, until the next change.
pub struct Owner {
    interfaces: Arc<Interfaces>,
    read: fn() -> Vec<(u32, String)>,
    read_at: Option<BootTime>,
}

impl Owner {
    /// For the interfaces of the netns we run in, whose inode is `netns`.
    #[must_use]
    pub fn live(netns: u32) -> Self {
        Self::reading(netns, list)
    }

    /// For a capture file, which names its interfaces itself: see [`add`](Self::add).
    #[must_use]
    pub fn file() -> Self {
        Self::reading(0, Vec::new)
    }

    fn reading(netns: u32, read: fn() -> Vec<(u32, String)>) -> Self {
        Self { interfaces: Arc::new(Interfaces { netns, ..Interfaces::default() }), read, read_at: None }
    }

    /// Adds what a capture file says about its interfaces.
    pub fn add(&mut self, interfaces: &[FileInterface]) {
        for interface in interfaces {
            self.insert(interface.ifindex, &interface.name);
        }
    }

    /// The names known at `now`; reads the list again when one of `points` is not among them.
    pub fn interfaces(&mut self, mut points: impl Iterator<Item = Point>, now: BootTime) -> Arc<Interfaces> {
        if points.any(|point| self.lacks(point)) && self.may_read(now) {
            for (ifindex, name) in (self.read)() {
                self.insert(ifindex, &name);
            }
        }
        Arc::clone(&self.interfaces)
    }

    fn lacks(&self, point: Point) -> bool {
        let here = point.hook == Hook::Device && point.netns == self.interfaces.netns && point.ifindex != 0;
        here && self.interfaces.name(point).is_none()
    }

    fn may_read(&mut self, now: BootTime) -> bool {
        let may = self.read_at.is_none_or(|last| now.since(last) >= REFRESH_AT_MOST_EVERY);
        if may {
            self.read_at = Some(now);
        }
        may
    }

    fn insert(&mut self, ifindex: u32, name: &str) {
        let key = (self.interfaces.netns, ifindex);
        let known = self.interfaces.names.get(&key);
        if known.is_some_and(|known| **known == *name) || self.interfaces.names.len() >= INTERFACES_MAX {
            return;
        }
        Arc::make_mut(&mut self.interfaces).names.insert(key, name.into());
    }
}

/// An unreadable list is an empty one: numbers are shown then, and reading is tried again.
fn list() -> Vec<(u32, String)> {
    let Ok(list) = if_nameindex() else { return Vec::new() };
    list.iter().map(|interface| (interface.index(), interface.name().to_string_lossy().into_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Direction;

    const NETNS: u32 = 7;

    fn point(ifindex: u32) -> Point {
        Point { hook: Hook::Device, direction: Direction::In, ifindex, netns: NETNS }
    }

    fn two() -> Vec<(u32, String)> {
        vec![(1, "lo".into()), (2, "eth0".into())]
    }

    #[test]
    fn names_are_read_when_an_unknown_interface_appears() {
        let mut owner = Owner::reading(NETNS, two);
        assert_eq!(owner.interfaces(std::iter::empty(), BootTime(0)).name(point(2)), None);
        let names = owner.interfaces([point(2)].into_iter(), BootTime(0));
        assert_eq!(
            (names.name(point(1)), names.name(point(2)), names.name(point(3))),
            (Some("lo"), Some("eth0"), None)
        );
        assert_eq!(names.name(Point { netns: 8, ..point(2) }), None);
    }

    #[test]
    fn unknown_interface_does_not_read_the_list_for_every_packet() {
        let mut owner = Owner::reading(NETNS, two);
        owner.interfaces([point(9)].into_iter(), BootTime(0));
        assert!(!owner.may_read(BootTime(999_999_999)));
        assert!(owner.may_read(BootTime(1_000_000_000)));
    }

    #[test]
    fn what_was_given_out_does_not_change() {
        let mut owner = Owner::file();
        let before = owner.interfaces(std::iter::empty(), BootTime(0));
        owner.add(&[FileInterface { ifindex: 1, name: "eth0".into() }]);
        let at = Point { netns: 0, ..point(1) };
        assert_eq!(before.name(at), None);
        assert_eq!(owner.interfaces(std::iter::empty(), BootTime(0)).name(at), Some("eth0"));
    }

    #[test]
    fn own_netns_has_a_loopback() {
        assert!(list().iter().any(|(_, name)| name == "lo"));
    }
}
