//! OCI bundles, which the container runtime keeps for each sandbox and container while it is there.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use super::cgroup_path::is_id;
use super::found::{Found, count, is_young};
use super::netns;
use super::spec::{self, Spec};
use crate::capture::BootTime;
use crate::capture::live::boot_time_of;
use crate::owner::fact::{ContainerFact, Fact, PodFact, Text};
use crate::owner::sources::host::{HostRoot, Stamp};

/// Where a runtime keeps bundles, and what their files are called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root {
    pub(super) folder: &'static str,
    config: &'static str,
    pid: &'static str,
    /// Whether bundles stay when their containers have ended.
    stay: bool,
}

const fn containerd(folder: &'static str) -> Root {
    Root { folder, config: "config.json", pid: "init.pid", stay: false }
}

/// containerd, as such and as k3s, RKE2, k0s and `MicroK8s` configure it; CRI-O.
pub(super) const ROOTS: [Root; 5] = [
    containerd("run/containerd/io.containerd.runtime.v2.task/k8s.io"),
    containerd("run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io"),
    containerd("var/snap/microk8s/common/run/containerd/io.containerd.runtime.v2.task/k8s.io"),
    containerd("run/k0s/containerd/io.containerd.runtime.v2.task/k8s.io"),
    Root {
        folder: "run/containers/storage/overlay-containers",
        config: "userdata/config.json",
        pid: "userdata/pidfile",
        stay: true,
    },
];

/// Some 20 KiB are usual; environment and arguments have 2 MiB at most by the kernel's own bound.
const CONFIG_MAX: usize = 8 << 20;

/// A bundle, as it was when it was read.
#[derive(Debug)]
struct Kept {
    root: Root,
    stamp: Option<Stamp>,
    content: Content,
    /// Of a sandbox, while it has one.
    netns: Option<u32>,
    /// Its netns is gone, and its addresses may be others' by now.
    stopped: bool,
    since: Option<BootTime>,
}

#[derive(Debug)]
enum Content {
    /// Nothing is written there yet.
    Missing,
    Unusable,
    /// Not Kubernetes'.
    Foreign,
    Of(Spec),
}

/// The bundles, by their containers' IDs.
#[derive(Debug, Default)]
pub(super) struct Bundles {
    kept: BTreeMap<Text, Kept>,
    /// Names that are no text, folders with too many.
    skipped: u64,
}

impl Bundles {
    /// Reads what changed since the last look.
    pub(super) fn look(&mut self, host: &HostRoot) -> Found {
        let (mut seen, mut places, mut failed) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        self.skipped = 0;
        for root in ROOTS {
            match host.entries(root.folder) {
                Ok((entries, more)) => {
                    places.push(root.folder);
                    let names = entries.iter().map(|entry| entry.text());
                    self.skipped += names.clone().filter(Option::is_none).count() as u64 + u64::from(more);
                    seen.extend(names.flatten().filter(|name| is_id(name)).map(|name| (Text::from(name), root)));
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => drop(failed.insert(root.folder, error)),
            }
        }
        self.skipped += failed.len() as u64;
        self.kept.retain(|id, kept| seen.contains_key(id) || failed.contains_key(kept.root.folder));
        if let (Some((folder, error)), []) = (failed.first_key_value(), &*places) {
            return Found::error(&format!("/{folder}"), error);
        }
        for (id, root) in seen {
            self.refresh(host, &id, root);
        }
        self.found(host, &places)
    }

    fn found(&self, host: &HostRoot, places: &[&str]) -> Found {
        if places.is_empty() {
            return Found::absent("no bundles of containerd or CRI-O".to_owned());
        }
        let unusable = self.kept.values().filter(|kept| matches!(kept.content, Content::Unusable)).count();
        let facts = self.facts();
        let pods = facts.iter().filter(|fact| matches!(fact, Fact::Pod(_))).count();
        let containers = count(facts.len() - 2 * pods, "container");
        let found = format!("{} and {containers} in /{}", count(pods, "pod"), places.join(", /"));
        let again = self.kept.iter().any(|(id, kept)| kept.is_unfinished() && kept.is_young(host, id));
        Found { again, ..Found::ready(facts, found).skipping(unusable as u64 + self.skipped) }
    }

    fn refresh(&mut self, host: &HostRoot, id: &Text, root: Root) {
        let path = root.bundle(id).join(root.config);
        let now = host.stamp(&path).ok();
        let unchanged = self.kept.get(id).is_some_and(|kept| kept.stamp == now && kept.root.folder == root.folder);
        if !unchanged {
            self.kept.insert(id.clone(), Kept::read(host, id, root));
        }
        if let Some(kept) = self.kept.get_mut(id) {
            kept.find_netns(host, id);
        }
    }

    /// Whether there is one, whatever it says.
    pub(super) fn has(&self, id: &str) -> bool {
        self.kept.contains_key(id)
    }

    /// What is known of a container.
    fn spec(&self, id: &str) -> Option<&Spec> {
        match &self.kept.get(id)?.content {
            Content::Of(spec) => Some(spec),
            _ => None,
        }
    }

    /// The UID of a sandbox's pod.
    pub(super) fn uid(&self, sandbox: &str) -> Option<Text> {
        self.spec(sandbox)?.pod.clone()
    }

    /// The netns of a sandbox.
    pub(super) fn netns(&self, sandbox: &str) -> Option<u32> {
        self.kept.get(sandbox)?.netns
    }

    fn specs(&self) -> impl Iterator<Item = &Spec> {
        self.kept.keys().filter_map(|id| self.spec(id))
    }

    /// Whether a sandbox has one, and has not ended.
    pub(super) fn runs(&self, sandbox: &str) -> bool {
        self.kept.get(sandbox).is_some_and(|kept| !kept.stopped)
    }

    /// UIDs of pods that have a sandbox.
    pub(super) fn pods(&self) -> impl Iterator<Item = Text> {
        let running = self.kept.iter().filter(|(_, kept)| !kept.stopped);
        running.filter_map(|(id, _)| self.spec(id).filter(|spec| spec.is_sandbox)?.pod.clone())
    }

    /// The node's file that is a pod's resolv.conf, with the pod's Kubernetes namespace.
    pub(super) fn pods_resolv_conf(&self) -> impl Iterator<Item = (Text, Text)> {
        self.specs().filter_map(|spec| {
            let sandbox = spec.sandbox.as_deref().and_then(|sandbox| self.spec(sandbox));
            let namespace = spec.namespace.clone().or_else(|| sandbox?.namespace.clone());
            Some((spec.resolv_conf.clone()?, namespace?))
        })
    }

    fn facts(&self) -> Vec<Fact> {
        let mut facts = Vec::new();
        for (id, kept) in &self.kept {
            let Content::Of(spec) = &kept.content else { continue };
            let sandbox = spec.sandbox.clone();
            let pod = spec.pod.clone().or_else(|| self.uid(sandbox.as_deref()?));
            facts.extend(pod.clone().filter(|_| spec.is_sandbox).map(|uid| Fact::Pod(kept.pod(uid, spec))));
            let (name, image) = (spec.container.clone(), spec.image.clone());
            facts.push(Fact::Container(ContainerFact { id: id.clone(), name, image, pod, sandbox }));
        }
        facts
    }
}

impl Root {
    fn bundle(&self, id: &str) -> PathBuf {
        Path::new(self.folder).join(id)
    }
}

impl Kept {
    fn read(host: &HostRoot, id: &str, root: Root) -> Self {
        let mut kept = Self { root, stamp: None, content: Content::Missing, netns: None, stopped: false, since: None };
        match host.read_stamped(root.bundle(id).join(root.config), CONFIG_MAX) {
            Ok((stamp, mut bytes)) => {
                kept.stamp = Some(stamp);
                kept.since = Some(boot_time_of(stamp.modified));
                kept.content = match spec::parse(id, &bytes) {
                    Ok(Some(spec)) => Content::Of(spec),
                    Ok(None) => Content::Foreign,
                    Err(_) => Content::Unusable,
                };
                // It holds secrets, and memory that is given back is given out again.
                bytes.fill(0);
                black_box(&bytes);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(_) => {
                kept.stamp = host.stamp(root.bundle(id).join(root.config)).ok();
                kept.content = Content::Unusable;
            }
        }
        kept
    }

    /// The runtime mounts it on a file, or it is that of the sandbox's own process. It is looked for each time: when it is
    /// gone its inode may be another's.
    fn find_netns(&mut self, host: &HostRoot, id: &str) {
        let Content::Of(spec) = &self.content else { return };
        if spec.is_sandbox && !spec.host_network {
            let file = spec.netns.as_deref().map(Path::new);
            let pid = self.root.bundle(id).join(self.root.pid);
            let of_process = || netns::of_container(host, &pid, id);
            self.netns = file.and_then(|file| netns::of_file(host, file)).or_else(of_process);
            let gone = file.is_some_and(|file| !host.exists(file));
            self.stopped = self.root.stay && self.netns.is_none() && gone;
        }
    }

    fn pod(&self, uid: Text, spec: &Spec) -> PodFact {
        PodFact {
            uid,
            sandbox: spec.sandbox.clone(),
            namespace: spec.namespace.clone(),
            name: spec.name.clone(),
            host_network: Some(spec.host_network),
            addresses: if spec.host_network || self.stopped { Vec::new() } else { spec.addresses.clone() },
            netns: self.netns,
            labels: spec.labels.clone(),
            since: self.since,
            ..PodFact::default()
        }
    }

    fn is_unfinished(&self) -> bool {
        match &self.content {
            Content::Missing | Content::Unusable => true,
            Content::Foreign => false,
            Content::Of(spec) => spec.is_sandbox && !spec.host_network && self.netns.is_none(),
        }
    }

    fn is_young(&self, host: &HostRoot, id: &str) -> bool {
        let stamp = self.stamp.or_else(|| host.stamp(self.root.bundle(id)).ok());
        stamp.is_some_and(|stamp| is_young(stamp.modified))
    }
}
