//! inotify on the node's folders: which places something changed in.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::owner::sources::host::{HostRoot, path_of};

/// A node of 250 pods has as many cgroups that are watched, and some ten folders. Beyond, the slow rescan remains.
const WATCHES_MAX: usize = 4096;

/// Parts of the node that are looked at together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Node,
    Cgroups,
    Bundles,
    Network,
    Logs,
    Kubelet,
}

impl Place {
    /// All of them.
    pub(super) fn all() -> BTreeSet<Self> {
        [Self::Node, Self::Cgroups, Self::Bundles, Self::Network, Self::Logs, Self::Kubelet].into()
    }

    /// Files of the cgroup tree are written all the time; only directories that come and go say something.
    fn events(self) -> AddWatchFlags {
        let names = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_DELETE | AddWatchFlags::IN_ONLYDIR;
        match self {
            Self::Cgroups => names,
            _ => names | AddWatchFlags::IN_MOVE | AddWatchFlags::IN_CLOSE_WRITE,
        }
    }
}

/// Tells that something changed; without inotify it never does.
#[derive(Default)]
pub(super) struct Watch {
    inotify: Option<AsyncFd<Events>>,
    followed: BTreeMap<(Place, PathBuf), WatchDescriptor>,
    places: HashMap<WatchDescriptor, BTreeSet<Place>>,
}

/// tokio wants the descriptor by an older trait, too.
struct Events(Inotify);

impl AsFd for Events {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Events {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl Watch {
    /// The kernel may have no instance left for us: then only the slow rescan finds what is new.
    pub(super) fn new() -> Self {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok();
        let register = |inotify| {
            // SAFETY: `Events` owns the descriptor, gives out that one always, and closes it when it is dropped.
            unsafe { AsyncFd::register_with_interest(Events(inotify), Interest::READABLE) }
        };
        Self { inotify: inotify.and_then(|inotify| register(inotify).ok()), ..Self::default() }
    }

    /// Follows these folders from now on; one that is not there by the folder that it will appear in. Gives the places
    /// that have one more: something may have happened there since they were looked at.
    pub(super) fn follow(&mut self, host: &HostRoot, folders: Vec<(Place, PathBuf)>) -> BTreeSet<Place> {
        let mut more = BTreeSet::new();
        for (place, folder) in folders {
            if self.followed.contains_key(&(place, folder.clone())) {
                continue;
            }
            let there = folder.ancestors().find(|above| host.exists(above) || above.as_os_str().is_empty());
            let there = there.filter(|there| !there.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if !self.followed.contains_key(&(place, there.to_owned())) && self.add(host, place, there).is_ok() {
                more.insert(place);
            }
        }
        more
    }

    fn add(&mut self, host: &HostRoot, place: Place, folder: &Path) -> io::Result<()> {
        let Some(inotify) = self.inotify.as_ref().filter(|_| self.followed.len() < WATCHES_MAX) else {
            return Err(io::ErrorKind::StorageFull.into());
        };
        let open = host.open_below(folder, OFlag::O_PATH | OFlag::O_DIRECTORY)?;
        // A second watch of a folder replaces the first, which is the same but for cgroups, and those share none.
        let descriptor = inotify.get_ref().0.add_watch(&path_of(&open), place.events())?;
        self.followed.insert((place, folder.to_owned()), descriptor);
        self.places.entry(descriptor).or_default().insert(place);
        Ok(())
    }

    /// Waits until something changes.
    pub(super) async fn changed(&mut self) -> BTreeSet<Place> {
        let Some(inotify) = &self.inotify else { return std::future::pending().await };
        let events = loop {
            let Ok(mut ready) = inotify.readable().await else { return std::future::pending().await };
            if let Ok(events) = ready.try_io(|inotify| inotify.get_ref().0.read_events().map_err(io::Error::from)) {
                break events.unwrap_or_default();
            }
        };
        events.iter().flat_map(|event| self.places(event)).collect()
    }

    fn places(&mut self, event: &InotifyEvent) -> BTreeSet<Place> {
        if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
            return Place::all();
        }
        let places = self.places.get(&event.wd).cloned().unwrap_or_default();
        // The folder is gone, and may come again.
        if event.mask.contains(AddWatchFlags::IN_IGNORED) {
            self.places.remove(&event.wd);
            self.followed.retain(|_, descriptor| *descriptor != event.wd);
        }
        places
    }
}
