//! Pods and containers, put together from what each source says of them.

use std::sync::Arc;

use crate::capture::BootTime;
use crate::owner::fact::{ContainerFact, PodFact, Source, Text};
use crate::owner::named::{Container, Pod};
use crate::owner::workload;

/// Sandboxes that one source may know of one pod: a pod gets another one when its old one dies.
const SANDBOXES_MAX: usize = 16;

/// A pod, with what each source says of it.
#[derive(Debug)]
pub(super) struct PodEntry {
    /// By source, the most trusted first, and of each the newest first.
    said: Vec<(Source, PodFact)>,
    /// What was said and taken back, and when.
    ended: Vec<(Source, PodFact, BootTime)>,
    pub(super) given: Arc<Pod>,
    /// When the last source stopped knowing it.
    pub(super) gone: Option<BootTime>,
    /// Changes with what is said,
    pub(super) version: u64,
    /// and that was when.
    pub(super) changed: BootTime,
}

impl PodEntry {
    pub(super) fn new(uid: &Text) -> Self {
        let given = Arc::new(merge(uid, &[]));
        Self { said: Vec::new(), ended: Vec::new(), given, gone: None, version: 0, changed: BootTime::default() }
    }

    /// What `source` said of the same sandbox before.
    pub(super) fn before(&self, source: Source, sandbox: Option<&str>) -> Option<&PodFact> {
        self.said.iter().find(|said| is_of(said, source, sandbox)).map(|said| &said.1)
    }

    /// Every source's word.
    pub(super) fn said(&self) -> &[(Source, PodFact)] {
        &self.said
    }

    /// What was taken back, and when.
    pub(super) fn ended(&self) -> &[(Source, PodFact, BootTime)] {
        &self.ended
    }

    /// Whether the same was said before.
    pub(super) fn knows(&self, source: Source, fact: &PodFact) -> bool {
        self.gone.is_none() && self.before(source, fact.sandbox.as_deref()) == Some(fact)
    }

    pub(super) fn add(&mut self, source: Source, fact: PodFact, now: BootTime) {
        self.said.retain(|said| !is_of(said, source, fact.sandbox.as_deref()));
        let at = self.said.partition_point(|said| said.0 < source);
        self.said.insert(at, (source, fact));
        let of_source = self.said.iter().filter(|said| said.0 == source).count();
        if of_source > SANDBOXES_MAX {
            self.said.remove(at + of_source - 1);
        }
        (self.gone, self.changed) = (None, now);
        self.merge();
    }

    /// Takes back what a source said of a sandbox. What is known of a pod stays known after its end.
    pub(super) fn remove(&mut self, source: Source, sandbox: Option<&str>, now: BootTime) -> Option<PodFact> {
        let at = self.said.iter().position(|said| is_of(said, source, sandbox))?;
        let removed = self.said.remove(at).1;
        if self.ended.len() >= SANDBOXES_MAX {
            self.ended.remove(0);
        }
        self.ended.push((source, removed.clone(), now));
        if self.said.is_empty() {
            self.gone = Some(now);
        } else {
            self.merge();
        }
        (self.version, self.changed) = (self.version + 1, now);
        Some(removed)
    }

    fn merge(&mut self) {
        self.version += 1;
        let merged = merge(&self.given.uid, &self.said);
        if *self.given != merged {
            self.given = Arc::new(merged);
        }
    }
}

fn is_of(said: &(Source, PodFact), source: Source, sandbox: Option<&str>) -> bool {
    said.0 == source && said.1.sandbox.as_deref() == sandbox
}

/// Of each thing, what the most trusted source says that says anything.
fn merge(uid: &Text, said: &[(Source, PodFact)]) -> Pod {
    let facts = || said.iter().map(|said| &said.1);
    let named = said.iter().find(|said| said.1.name.is_some());
    let name = named.and_then(|said| said.1.name.clone());
    let by_name = || workload::from_name(name.as_deref()?);
    let workload = facts().filter_map(|fact| fact.workload.as_ref()).min_by_key(|workload| workload.by);
    let mut addresses: Vec<_> = facts().flat_map(|fact| &fact.addresses).copied().collect();
    addresses.sort_unstable();
    addresses.dedup();
    Pod {
        uid: uid.clone(),
        namespace: facts().find_map(|fact| fact.namespace.clone()),
        workload: workload.cloned().or_else(by_name),
        name,
        host_network: facts().find_map(|fact| fact.host_network),
        labels: facts().map(|fact| &fact.labels).find(|labels| !labels.is_empty()).cloned().unwrap_or_default(),
        addresses,
        source: named.or(said.first()).map_or(Source::Kernel, |said| said.0),
    }
}

/// A container, with what each source says of it.
#[derive(Debug)]
pub(super) struct ContainerEntry {
    /// By source, the most trusted first. What is known of a container stays known after its end.
    said: Vec<(Source, ContainerFact)>,
    /// Those of them that do not know it any more.
    ended: Vec<Source>,
    pub(super) given: Arc<Container>,
    pub(super) gone: Option<BootTime>,
    /// Changes with what is said,
    pub(super) version: u64,
    /// and that was when.
    pub(super) changed: BootTime,
}

impl ContainerEntry {
    pub(super) fn new(id: &Text) -> Self {
        let given = Arc::new(Container { id: id.clone(), name: None, image: None, pod: None });
        Self { said: Vec::new(), ended: Vec::new(), given, gone: None, version: 0, changed: BootTime::default() }
    }

    pub(super) fn said(&self) -> &[(Source, ContainerFact)] {
        &self.said
    }

    pub(super) fn knows(&self, source: Source, fact: &ContainerFact) -> bool {
        !self.ended.contains(&source) && self.said.iter().any(|said| said.0 == source && said.1 == *fact)
    }

    /// `pod_of` tells the pod of a sandbox.
    pub(super) fn add(
        &mut self,
        (source, fact): (Source, ContainerFact),
        now: BootTime,
        pod_of: impl Fn(&str) -> Option<Text>,
    ) {
        self.said.retain(|said| said.0 != source);
        self.ended.retain(|ended| *ended != source);
        let at = self.said.partition_point(|said| said.0 < source);
        self.said.insert(at, (source, fact));
        (self.gone, self.version, self.changed) = (None, self.version + 1, now);
        let facts = || self.said.iter().map(|said| &said.1);
        let by_sandbox = || facts().find_map(|fact| pod_of(fact.sandbox.as_deref()?));
        let merged = Container {
            id: self.given.id.clone(),
            name: facts().find_map(|fact| fact.name.clone()),
            image: facts().find_map(|fact| fact.image.clone()),
            pod: facts().find_map(|fact| fact.pod.clone()).or_else(by_sandbox),
        };
        if *self.given != merged {
            self.given = Arc::new(merged);
        }
    }

    pub(super) fn remove(&mut self, source: Source, now: BootTime) {
        if !self.ended.contains(&source) {
            self.ended.push(source);
        }
        if self.said.iter().all(|said| self.ended.contains(&said.0)) {
            self.gone.get_or_insert(now);
        }
    }
}
