//! One OCI bundle: a folder that the container runtime makes for a sandbox or a container.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use super::found::is_young;
use super::netns;
use super::spec::{self, Spec};
use crate::capture::BootTime;
use crate::capture::live::boot_time_of;
use crate::owner::fact::{PodFact, Text};
use crate::owner::sources::host::{HostRoot, Stamp};

/// Where a runtime keeps bundles, and what their files are called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root {
    pub(super) folder: &'static str,
    pub(super) config: &'static str,
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
pub(super) struct Kept {
    pub(super) root: Root,
    pub(super) stamp: Option<Stamp>,
    pub(super) content: Content,
    /// Of a sandbox, while it has one.
    pub(super) netns: Option<u32>,
    /// Its netns is gone, and its addresses may be others' by now.
    pub(super) stopped: bool,
    since: Option<BootTime>,
}

#[derive(Debug)]
pub(super) enum Content {
    /// Nothing is written there yet.
    Missing,
    Unusable,
    /// Not Kubernetes'.
    Foreign,
    Of(Spec),
}

impl Root {
    /// The bundle of a container.
    pub(super) fn bundle(&self, id: &str) -> PathBuf {
        Path::new(self.folder).join(id)
    }
}

impl Kept {
    /// Reads it as it is now.
    pub(super) fn read(host: &HostRoot, id: &str, root: Root) -> Self {
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
    pub(super) fn find_netns(&mut self, host: &HostRoot, id: &str) {
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

    /// What a sandbox's says of its pod.
    pub(super) fn pod(&self, uid: Text, spec: &Spec) -> PodFact {
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

    /// Whether something is to come yet.
    pub(super) fn is_unfinished(&self) -> bool {
        match &self.content {
            Content::Missing | Content::Unusable => true,
            Content::Foreign => false,
            Content::Of(spec) => spec.is_sandbox && !spec.host_network && self.netns.is_none(),
        }
    }

    /// Whether it was made just now.
    pub(super) fn is_young(&self, host: &HostRoot, id: &str) -> bool {
        let stamp = self.stamp.or_else(|| host.stamp(self.root.bundle(id)).ok());
        stamp.is_some_and(|stamp| is_young(stamp.modified))
    }
}
