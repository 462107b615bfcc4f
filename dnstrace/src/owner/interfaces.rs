//! Interface indexes to names, as observed: what is not known stays a number.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::sync::Arc;
use std::time::Duration;

use crate::capture::file::FileInterface;
use crate::capture::{BootTime, Point};

/// An interface that is gone before its name was read would otherwise have every packet ask for it anew.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Interfaces without a name that are remembered: as many may be gone before anybody asked. Beyond, all are asked anew.
const NAMELESS_MAX: usize = 4096;

/// A node of the largest size has some 250 pods with a few interfaces each; names of interfaces that are gone stay
/// known, as their packets may still be on their way through the join.
const INTERFACES_MAX: usize = 16_384;

/// Names of interfaces by netns and index, as known at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interfaces {
    /// Inode of the netns that needs no mention; 0 for files that do not know theirs.
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
pub(super) struct InterfaceNames {
    interfaces: Arc<Interfaces>,
    ask: fn(u32) -> Option<String>,
    /// When it was asked for a name in vain.
    nameless: BTreeMap<u32, BootTime>,
}

impl InterfaceNames {
    /// For the interfaces of the netns we run in, whose inode is `netns`.
    #[must_use]
    pub(super) fn live(netns: u32) -> Self {
        Self::asking(netns, name)
    }

    /// For a capture file, which names its interfaces itself: see [`add`](Self::add).
    #[must_use]
    pub(super) fn file() -> Self {
        Self::asking(0, |_| None)
    }

    fn asking(netns: u32, ask: fn(u32) -> Option<String>) -> Self {
        let interfaces = Arc::new(Interfaces { netns, ..Interfaces::default() });
        Self { interfaces, ask, nameless: BTreeMap::new() }
    }

    /// Adds what a capture file says about an interface.
    pub(super) fn add(&mut self, interface: &FileInterface) {
        let FileInterface { netns, ifindex, ref name } = *interface;
        if netns != 0 && self.interfaces.netns == 0 {
            Arc::make_mut(&mut self.interfaces).netns = netns;
        }
        self.insert((netns, ifindex), name);
    }

    /// The names known at `now`, those of `points` among them, as far as these interfaces exist.
    pub(super) fn interfaces(&mut self, points: impl Iterator<Item = Point>, now: BootTime) -> Arc<Interfaces> {
        for point in points {
            if self.lacks(point) && self.may_ask(point.ifindex, now) {
                match (self.ask)(point.ifindex) {
                    Some(name) => self.insert((point.netns, point.ifindex), &name),
                    None => drop(self.nameless.insert(point.ifindex, now)),
                }
            }
        }
        Arc::clone(&self.interfaces)
    }

    /// The name of the interface a point lies at, as far as it is known already.
    pub(super) fn name(&self, point: Point) -> Option<&str> {
        self.interfaces.name(point)
    }

    /// Sockets in the netns we run in are at its interfaces, too.
    fn lacks(&self, point: Point) -> bool {
        let here = point.netns == self.interfaces.netns && point.ifindex != 0;
        here && self.interfaces.name(point).is_none()
    }

    fn may_ask(&mut self, ifindex: u32, now: BootTime) -> bool {
        if self.nameless.len() >= NAMELESS_MAX {
            self.nameless.clear();
        }
        self.nameless.get(&ifindex).is_none_or(|last| now.since(*last) >= ASK_AGAIN_AFTER)
    }

    fn insert(&mut self, key: (u32, u32), name: &str) {
        let known = self.interfaces.names.get(&key);
        if known.is_some_and(|known| **known == *name) || self.interfaces.names.len() >= INTERFACES_MAX {
            return;
        }
        Arc::make_mut(&mut self.interfaces).names.insert(key, name.into());
    }
}

/// An interface that is gone has no name: its number is shown then.
fn name(ifindex: u32) -> Option<String> {
    let mut buffer = [0; libc::IF_NAMESIZE];
    // SAFETY: the buffer has the length that the function needs, and what it writes there ends with a zero.
    let found = unsafe { libc::if_indextoname(ifindex, buffer.as_mut_ptr()) };
    let bytes = buffer.map(libc::c_char::cast_unsigned);
    let name = CStr::from_bytes_until_nul(&bytes).ok().filter(|_| !found.is_null())?;
    Some(name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Direction, Hook};

    const NETNS: u32 = 7;

    fn point(ifindex: u32) -> Point {
        Point { hook: Hook::Device, direction: Direction::In, ifindex, netns: NETNS }
    }

    fn two(ifindex: u32) -> Option<String> {
        [(1, "lo"), (2, "eth0")].into_iter().find(|known| known.0 == ifindex).map(|known| known.1.to_owned())
    }

    #[test]
    fn names_are_asked_for_when_an_unknown_interface_appears() {
        let mut owner = InterfaceNames::asking(NETNS, two);
        assert_eq!(owner.interfaces(std::iter::empty(), BootTime(0)).name(point(2)), None);
        let names = owner.interfaces([point(2)].into_iter(), BootTime(0));
        assert_eq!((names.name(point(1)), names.name(point(2))), (None, Some("eth0")));
        // One more interface does not wait for the next second.
        let names = owner.interfaces([point(3), point(1)].into_iter(), BootTime(1));
        assert_eq!((names.name(point(1)), names.name(point(3))), (Some("lo"), None));
        assert_eq!(names.name(Point { netns: 8, ..point(2) }), None);
    }

    #[test]
    fn interface_that_is_gone_is_not_asked_for_with_every_packet() {
        let mut owner = InterfaceNames::asking(NETNS, two);
        owner.interfaces([point(9)].into_iter(), BootTime(0));
        assert!(!owner.may_ask(9, BootTime(999_999_999)));
        assert!(owner.may_ask(9, BootTime(1_000_000_000)));
    }

    #[test]
    fn what_was_given_out_does_not_change() {
        let mut owner = InterfaceNames::file();
        let before = owner.interfaces(std::iter::empty(), BootTime(0));
        owner.add(&FileInterface { netns: 0, ifindex: 1, name: "eth0".into() });
        let at = Point { netns: 0, ..point(1) };
        assert_eq!(before.name(at), None);
        assert_eq!(owner.interfaces(std::iter::empty(), BootTime(0)).name(at), Some("eth0"));
    }

    #[test]
    fn own_netns_has_a_loopback() {
        assert_eq!((name(1).as_deref(), name(0)), (Some("lo"), None));
    }
}
