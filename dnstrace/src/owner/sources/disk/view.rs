//! Everything the node's files say, and what of it was told.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::bundle;
use super::bundles::Bundles;
use super::cgroup_tree::{Tree, Walk};
use super::cni::{self, Cni};
use super::conntrack::Tracking;
use super::found::{Found, count};
use super::kubelet::{self, Folders, Pods};
use super::kubelet_process::Kubelet;
use super::netns::OwnNetns;
use super::resolv_conf::ResolvConfs;
use super::told::Told;
use super::watch::Place;
use super::{kubelet_config, logs, node};
use crate::capture::BootTime;
use crate::owner::fact::{CgroupOf, Fact, NodeFact, PodFact, Source};
use crate::owner::sources::host::HostRoot;
use crate::owner::sources::{Report, State, Update};

const REMEDY: &str = "mount cgroup v2, or make the node's /sys/fs/cgroup visible here";

/// What the node's files say.
pub(super) struct View {
    own: OwnNetns,
    pub(super) told: Told,
    reports: BTreeMap<Source, Report>,
    kubelet: Option<Kubelet>,
    node: NodeFact,
    pub(super) tree: Option<Tree>,
    pub(super) walk: Walk,
    pub(super) asked: BTreeMap<u64, CgroupOf>,
    pub(super) bundles: Bundles,
    cni: Cni,
    folders: Folders,
    resolv_confs: ResolvConfs,
    tracking: Tracking,
    pub(super) looked_for_netns: Option<BootTime>,
}

/// What changed since the last look.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) updates: Vec<Update>,
    /// Something is not whole yet.
    pub(super) again: bool,
}

impl View {
    pub(super) fn new(own: OwnNetns) -> Self {
        Self {
            own,
            told: Told::default(),
            reports: BTreeMap::new(),
            kubelet: None,
            node: NodeFact::default(),
            tree: None,
            walk: Walk::default(),
            asked: BTreeMap::new(),
            bundles: Bundles::default(),
            cni: Cni::default(),
            folders: Folders::default(),
            resolv_confs: ResolvConfs::default(),
            tracking: Tracking::default(),
            looked_for_netns: None,
        }
    }

    /// Looks at some places, and at what depends on them.
    pub(super) fn look(&mut self, host: &HostRoot, places: &BTreeSet<Place>) -> Look {
        let mut look = Look::default();
        if places.contains(&Place::Node) {
            self.look_at_node(host, &mut look);
        }
        let kernel = [Place::Node, Place::Cgroups].iter().any(|place| places.contains(place));
        let kernel = kernel.then(|| self.look_at_cgroups(host));
        let bundles = places.contains(&Place::Bundles) || kernel.is_some() && self.lacks_a_bundle();
        if bundles {
            self.look_at_bundles(host, &mut look);
        }
        if bundles || places.contains(&Place::Network) {
            let index_of = self.is_in_nodes_netns().then_some(self.own.index_of);
            let cni = self.cni.look(host, &self.bundles, index_of);
            self.found(Source::Cni, cni, &mut look);
        }
        // Who hears of a container's cgroup knows the container by then.
        if let Some(kernel) = kernel {
            self.found(Source::Kernel, kernel, &mut look);
        }
        if places.contains(&Place::Logs) {
            self.found(Source::Logs, logs::look(host), &mut look);
        }
        let folders = self.folders.look(host, &self.root_dir(), &self.pods());
        self.found(Source::Kubelet, folders, &mut look);
        look
    }

    /// Connection tracking is that of a netns, and read of ours: it says nothing of the node's when that is another.
    pub(super) fn look_at_tracking(&mut self, host: &HostRoot) -> Look {
        let pid = self.kubelet.as_ref().map_or(1, |kubelet| kubelet.pid);
        let tracking = self.is_in_nodes_netns().then(|| self.tracking.look(host, pid)).flatten();
        let update = tracking.map(|tracking| Update::Fact(Source::Kernel, Fact::Conntrack(tracking)));
        Look { updates: update.into_iter().collect(), again: false }
    }

    fn is_in_nodes_netns(&self) -> bool {
        self.own.inode.is_some() && self.own.inode == self.node.netns
    }

    fn look_at_node(&mut self, host: &HostRoot, look: &mut Look) {
        let known = self.kubelet.as_ref().and_then(|kubelet| Kubelet::at(host, kubelet.pid));
        self.kubelet = known.or_else(|| Kubelet::find(host));
        self.node = node::look(host, self.kubelet.as_ref(), &self.own);
        let configuration = kubelet_config::look(host, self.kubelet.as_ref());
        self.found(Source::KubeletConfig, configuration, look);
    }

    fn look_at_bundles(&mut self, host: &HostRoot, look: &mut Look) {
        let bundles = self.bundles.look(host);
        self.found(Source::Oci, bundles, look);
        let resolv_confs = self.resolv_confs.look(host, &self.bundles);
        self.found(Source::ResolvConf, resolv_confs, look);
    }

    /// A container's bundle is there before its cgroup is.
    fn lacks_a_bundle(&self) -> bool {
        let mut cgroups = self.walk.cgroups.values();
        cgroups.any(|of| matches!(of, CgroupOf::Container { id, .. } if !self.bundles.has(id)))
    }

    fn look_at_cgroups(&mut self, host: &HostRoot) -> Found {
        self.tree = self.tree.take().filter(|tree| host.exists(tree.mount())).or_else(|| Tree::find(host));
        self.walk = self.tree.as_ref().map(|tree| tree.walk(host)).unwrap_or_default();
        let (ids, whole) = (&self.walk.ids, self.walk.skipped == 0);
        self.asked.retain(|id, _| ids.contains(id) || !whole);
        let cgroups = self.asked.iter().chain(&self.walk.cgroups);
        let mut facts: Vec<Fact> = cgroups.map(|(id, of)| Fact::Cgroup { id: *id, of: of.clone() }).collect();
        facts.push(Fact::Node(self.node.clone()));
        match &self.tree {
            Some(tree) => {
                let pods = count(self.walk.cgroups.len(), "cgroup");
                let found = format!("{pods} of pods and containers in /{}", tree.mount().display());
                Found::ready(facts, found).skipping(self.walk.skipped)
            }
            None => Found { facts, remedy: REMEDY, ..Found::absent("no cgroup v2 is mounted".to_owned()) },
        }
    }

    /// Turns what a source says now into what is new of it.
    fn found(&mut self, source: Source, found: Found, look: &mut Look) {
        let Found { state, facts, yielded, remedy, skipped, again } = found;
        if state != State::Failed {
            let changes = self.told.replace(source, facts);
            look.updates.extend(changes.into_iter().map(|fact| Update::Fact(source, fact)));
        }
        look.again |= again;
        let report = Report { source, state, found: yielded, remedy: remedy.to_owned(), skipped };
        // What is not whole yet is skipped only when it stays so.
        let before = self.reports.get(&source);
        if before.is_none() || !again && before != Some(&report) {
            look.updates.push(Update::Report(report.clone()));
            self.reports.insert(source, report);
        }
    }

    fn root_dir(&self) -> PathBuf {
        self.kubelet.as_ref().and_then(|kubelet| kubelet.path("root-dir")).unwrap_or_else(|| kubelet::ROOT_DIR.into())
    }

    fn pods(&self) -> Pods {
        let of_cgroups = self.walk.cgroups.values().filter_map(|of| match of {
            CgroupOf::Pod { uid } => Some(uid.clone()),
            CgroupOf::Container { pod, .. } => pod.clone(),
            CgroupOf::Host { .. } | CgroupOf::Unknown => None,
        });
        let network = |pod: &PodFact| pod.host_network == Some(true) || !pod.addresses.is_empty();
        let known = self.told.pods(|source, pod| source != Source::Kubelet && network(pod));
        Pods {
            alive: of_cgroups.chain(self.bundles.pods()).collect(),
            known: known.map(|pod| pod.uid.clone()).collect(),
        }
    }

    /// Directories in which something appears when there is something new.
    pub(super) fn folders(&self) -> Vec<(Place, PathBuf)> {
        let mut folders = vec![
            (Place::Network, cni::FOLDER.into()),
            // A sandbox begins and ends with its netns, where the runtime mounts it.
            (Place::Bundles, Path::new("run/netns").into()),
            (Place::Logs, logs::FOLDER.into()),
            (Place::Kubelet, self.root_dir().join("pods")),
        ];
        folders.extend(bundle::ROOTS.map(|root| (Place::Bundles, root.folder.into())));
        folders.extend(self.walk.watched.iter().map(|folder| (Place::Cgroups, folder.clone())));
        folders
    }
}
