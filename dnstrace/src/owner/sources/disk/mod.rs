//! What the node's files say: CNI results, OCI bundles, kubelet's folders, the cgroup tree, `/proc`. Nobody is asked, so
//! it works when API server and runtime are down.

mod annotations;
mod answers;
mod bundle;
mod bundles;
mod cgroup_id;
mod cgroup_path;
mod cgroup_tree;
mod cni;
mod cni_result;
mod conntrack;
mod found;
mod kubelet;
mod kubelet_config;
mod kubelet_process;
mod logs;
mod netns;
mod node;
mod resolv_conf;
mod spec;
mod told;
mod uid;
mod view;
mod watch;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, interval, sleep_until};

pub use self::netns::OwnNetns;
pub use self::node::name as node_name;
use self::view::{Look, View};
use self::watch::{Place, Watch};
use super::host::HostRoot;
use super::{Ask, NobodyListens, Teller, Update};

/// What comes at once is looked at once: a runtime writes several files for a pod.
const SETTLE: Duration = Duration::from_millis(10);

/// After a look, so many times as long without one: where something changes all the time, this takes a fifth of the
/// time at most. A look at a node of 250 pods takes 5 to 20 ms; asks do not wait.
const PAUSES: u32 = 4;

/// For what no event tells: other mounts, a full queue, files of `/proc`.
const RESCAN: Duration = Duration::from_secs(30);

/// Connection tracking is full within seconds, and as soon has room again.
const TRACKING: Duration = Duration::from_secs(5);

/// What is not whole yet is looked at again after this time, then after twice as long.
const AGAIN: Duration = Duration::from_millis(20);

/// In all 1.3 s: a bundle is whole by then, or never.
const AGAIN_MAX: u32 = 6;

/// Everything that is to be told of a node as it is now.
#[must_use]
pub fn scan(host: &HostRoot, own: OwnNetns) -> Vec<Update> {
    let mut view = View::new(own);
    let mut updates = view.look(host, &Place::all()).updates;
    updates.extend(view.look_at_tracking(host).updates);
    updates
}

/// Tells what there is, then what changes, and answers. It ends when nobody listens any more.
pub async fn run(host: Arc<HostRoot>, teller: Teller, asks: Receiver<Ask>) -> Result<(), NobodyListens> {
    run_in(OwnNetns::here(), host, teller, asks).await
}

async fn run_in(
    own: OwnNetns,
    host: Arc<HostRoot>,
    teller: Teller,
    mut asks: Receiver<Ask>,
) -> Result<(), NobodyListens> {
    let (mut view, mut watch, mut turn) = (View::new(own), Watch::new(), Turn::new());
    watch.follow(&host, view.folders());
    let mut tracking = interval(TRACKING);
    loop {
        let look = tokio::select! {
            // Nothing is known before the first look, and what is asked then would be answered wrongly.
            Some(ask) = asks.recv(), if turn.looked => view.answer(&host, ask),
            places = watch.changed() => {
                turn.changed(places);
                continue;
            }
            _ = tracking.tick(), if turn.looked => view.look_at_tracking(&host),
            () = teller.closed() => return Err(NobodyListens),
            () = sleep_until(turn.due) => {
                let look = view.look(&host, &turn.take());
                turn.seen(&look);
                turn.changed_unseen(watch.follow(&host, view.folders()));
                look
            }
        };
        for update in look.updates {
            teller.pass_on(update).await?;
        }
    }
}

/// What is to be looked at next, and when.
struct Turn {
    places: BTreeSet<Place>,
    due: Instant,
    /// Not before this time, unless asked.
    earliest: Instant,
    /// When the last look began.
    began: Instant,
    rescan: Instant,
    tries: u32,
    /// Whether there was a first look.
    looked: bool,
}

impl Turn {
    /// Everything, at once.
    fn new() -> Self {
        let now = Instant::now();
        Self {
            places: Place::all(),
            due: now,
            earliest: now,
            began: now,
            rescan: now + RESCAN,
            tries: 0,
            looked: false,
        }
    }

    fn changed(&mut self, places: BTreeSet<Place>) {
        self.tries = 0;
        self.changed_unseen(places);
    }

    fn changed_unseen(&mut self, places: BTreeSet<Place>) {
        if !places.is_empty() {
            self.places.extend(places);
            self.due = self.due.min((Instant::now() + SETTLE).max(self.earliest));
        }
    }

    /// The places whose turn it is.
    fn take(&mut self) -> BTreeSet<Place> {
        let now = Instant::now();
        if now >= self.rescan {
            self.places = Place::all();
            self.rescan = now + RESCAN;
        }
        self.due = self.rescan;
        self.began = now;
        std::mem::take(&mut self.places)
    }

    fn seen(&mut self, look: &Look) {
        let now = Instant::now();
        self.looked = true;
        self.earliest = now + (now - self.began) * PAUSES;
        if look.again && self.tries < AGAIN_MAX {
            self.places.extend([Place::Bundles, Place::Network]);
            self.due = self.due.min((now + AGAIN * (1 << self.tries)).max(self.earliest));
            self.tries += 1;
        }
    }
}
