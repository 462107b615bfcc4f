//! OCI bundles, which the container runtime keeps for each sandbox and container while it is there.

use std::collections::BTreeMap;

use super::bundle::{Content, Kept, ROOTS, Root};
use super::cgroup_path::is_id;
use super::found::{Found, count};
use super::spec::Spec;
use crate::owner::fact::{ContainerFact, Fact, Text};
use crate::owner::sources::host::HostRoot;

/// The bundles, by their containers' IDs.
#[derive(Debug, Default)]
pub(super) struct Bundles {
    kept: BTreeMap<Text, Kept>,
    /// Names that are no text, folders with too many.
    skipped: u64,
}

/// Whose something is.
#[derive(Clone, Debug)]
pub(super) struct OfPod {
    pub(super) uid: Option<Text>,
    pub(super) namespace: Text,
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

    /// Whether there is one that was read, whatever it says.
    pub(super) fn has(&self, id: &str) -> bool {
        self.kept.get(id).is_some_and(|kept| !matches!(kept.content, Content::Missing))
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

    /// Whether a sandbox has one, and has not ended.
    pub(super) fn runs(&self, sandbox: &str) -> bool {
        self.kept.get(sandbox).is_some_and(|kept| !kept.stopped)
    }

    /// UIDs of pods that have a sandbox.
    pub(super) fn pods(&self) -> impl Iterator<Item = Text> {
        let running = self.kept.iter().filter(|(_, kept)| !kept.stopped);
        running.filter_map(|(id, _)| self.spec(id).filter(|spec| spec.is_sandbox)?.pod.clone())
    }

    /// The node's file that is a pod's resolv.conf, with the pod.
    pub(super) fn pods_resolv_conf(&self) -> impl Iterator<Item = (Text, OfPod)> {
        let specs = self.kept.keys().filter_map(|id| self.spec(id));
        specs.filter_map(|spec| {
            let sandbox = spec.sandbox.as_deref().and_then(|sandbox| self.spec(sandbox));
            let namespace = spec.namespace.clone().or_else(|| sandbox?.namespace.clone());
            let uid = spec.pod.clone().or_else(|| sandbox?.pod.clone());
            Some((spec.resolv_conf.clone()?, OfPod { uid, namespace: namespace? }))
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
