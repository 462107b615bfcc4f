//! What the runtime lists, to what is new of it and what is gone.

use std::collections::{BTreeMap, HashMap};

use super::list::List;
use super::message::{Container, PodSandbox, PodSandboxStatus, SANDBOX_READY};
use super::pod;
use crate::owner::fact::{ContainerFact, Fact, PodFact, Text};

/// Names of containers are labels; those of images have no bound, but are shorter.
const CONTAINER_NAME_LEN_MAX: usize = 63;
const IMAGE_LEN_MAX: usize = 512;

/// What the runtime says at one time.
#[derive(Default)]
pub(super) struct Listing {
    pub(super) sandboxes: List<PodSandbox>,
    pub(super) containers: List<Container>,
    /// Of sandboxes whose status was [wanted](Known::wants), by their ids.
    pub(super) statuses: HashMap<String, PodSandboxStatus>,
}

/// What has been told.
#[derive(Default)]
pub(super) struct Known {
    pods: BTreeMap<Text, Pod>,
    containers: BTreeMap<Text, ContainerFact>,
    /// How much of the last listing made no sense, or was too much.
    pub(super) skipped: u64,
    has_listed: bool,
}

struct Pod {
    fact: PodFact,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Without addresses yet.
    Begun,
    Whole,
    /// The runtime keeps it, but nothing of it runs any more.
    Ended,
}

impl Known {
    /// Pods that are there.
    pub(super) fn pods(&self) -> usize {
        self.pods.values().filter(|pod| pod.stage != Stage::Ended).count()
    }

    /// Containers that are there, or have ended and are kept.
    pub(super) fn containers(&self) -> usize {
        self.containers.len()
    }

    /// Whether the list alone does not say everything of this sandbox.
    pub(super) fn wants(&self, sandbox: &PodSandbox) -> bool {
        let is_pod = || pod::listed(sandbox).is_some();
        let wants = self.pods.get(sandbox.id.as_str()).map_or_else(is_pod, |pod| pod.stage == Stage::Begun);
        sandbox.state == SANDBOX_READY && wants
    }

    /// Takes a listing, and returns what is to be told of it: first what is gone, as its addresses may have gone over.
    pub(super) fn learn(&mut self, listing: &Listing) -> Vec<Fact> {
        self.skipped = listing.sandboxes.skipped + listing.containers.skipped;
        let mut news = Vec::new();
        let mut pods = BTreeMap::new();
        for sandbox in &listing.sandboxes.items {
            let Some(pod) = self.pod(sandbox, listing.statuses.get(&sandbox.id), &mut news) else {
                self.skipped += 1;
                continue;
            };
            pods.insert(sandbox.id.as_str().into(), pod);
        }
        let containers = self.listed_containers(listing, &pods);
        news.extend(containers.values().filter(|fact| self.is_news(fact)).cloned().map(Fact::Container));
        let mut facts = self.gone(&pods, &containers);
        facts.append(&mut news);
        (self.pods, self.containers, self.has_listed) = (pods, containers, true);
        facts
    }

    fn pod(&self, sandbox: &PodSandbox, status: Option<&PodSandboxStatus>, news: &mut Vec<Fact>) -> Option<Pod> {
        let before = self.pods.get(sandbox.id.as_str());
        // Its times are the clock's difference at the time of the listing: they are taken once.
        let mut fact = before.map(|pod| pod.fact.clone()).or_else(|| pod::listed(sandbox))?;
        let was = before.map(|pod| pod.stage);
        if sandbox.state != SANDBOX_READY {
            // One that has lived between two listings is worth knowing, one from before the first is not.
            if was.is_none() && self.has_listed {
                news.extend([Fact::Pod(fact.clone()), gone(&fact)]);
            }
            return Some(Pod { fact, stage: Stage::Ended });
        }
        let is_whole = was == Some(Stage::Whole) || status.is_some_and(|status| pod::complete(&mut fact, status));
        if was.is_none_or(|was| was == Stage::Ended) || before.is_some_and(|before| before.fact != fact) {
            news.push(Fact::Pod(fact.clone()));
        }
        Some(Pod { fact, stage: if is_whole { Stage::Whole } else { Stage::Begun } })
    }

    fn listed_containers(&mut self, listing: &Listing, pods: &BTreeMap<Text, Pod>) -> BTreeMap<Text, ContainerFact> {
        let mut containers = BTreeMap::new();
        for container in &listing.containers.items {
            match of_container(container, pods) {
                Some(fact) => drop(containers.insert(fact.id.clone(), fact)),
                None => self.skipped += 1,
            }
        }
        containers
    }

    fn is_news(&self, container: &ContainerFact) -> bool {
        self.containers.get(&container.id) != Some(container)
    }

    fn gone(&self, pods: &BTreeMap<Text, Pod>, containers: &BTreeMap<Text, ContainerFact>) -> Vec<Fact> {
        let is_there = |id: &Text| pods.get(id).is_some_and(|pod| pod.stage != Stage::Ended);
        let were_there = self.pods.iter().filter(|(_, pod)| pod.stage != Stage::Ended);
        let pods = were_there.filter(|(id, _)| !is_there(id)).map(|(_, pod)| gone(&pod.fact));
        let ids = self.containers.keys().filter(|id| !containers.contains_key(*id));
        ids.map(|id| Fact::ContainerGone { id: id.clone() }).chain(pods).collect()
    }
}

fn gone(pod: &PodFact) -> Fact {
    Fact::PodGone { uid: pod.uid.clone(), sandbox: pod.sandbox.clone() }
}

fn of_container(container: &Container, pods: &BTreeMap<Text, Pod>) -> Option<ContainerFact> {
    let Container { id, pod_sandbox_id, metadata, image, labels } = container;
    let in_metadata = metadata.as_ref().map_or("", |metadata| metadata.name.as_str());
    let name = if in_metadata.is_empty() { pod::label(labels, "io.kubernetes.container.name") } else { in_metadata };
    let image = image.as_ref().map(|image| [&image.user_specified_image, &image.image]);
    let image = image.and_then(|names| names.into_iter().find_map(|name| pod::text(name, IMAGE_LEN_MAX)));
    let sandbox = pod::is_container_id(pod_sandbox_id).then(|| Text::from(pod_sandbox_id.as_str()));
    let of_sandbox = sandbox.as_ref().and_then(|sandbox| pods.get(sandbox)).map(|pod| pod.fact.uid.clone());
    let in_labels = || Some(pod::label(labels, "io.kubernetes.pod.uid")).filter(|uid| pod::is_uid(uid)).map(Text::from);
    let pod = of_sandbox.or_else(in_labels);
    let is_whole = pod::is_container_id(id) && pod.is_some();
    let name = pod::text(name, CONTAINER_NAME_LEN_MAX).filter(|_| is_whole)?;
    Some(ContainerFact { id: id.as_str().into(), name: Some(name), image, pod, sandbox })
}
