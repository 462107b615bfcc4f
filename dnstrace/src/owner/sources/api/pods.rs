//! The watch of this node's pods → facts, each when it changes.

use std::collections::{HashMap, HashSet};

use kube::runtime::watcher::Config;
use tokio::sync::watch;

use super::failure::{Cause, Failure};
use super::pod::Pod;
use super::progress::{Desk, Part, count};
use super::server::Call;
use super::watch::{Event, Watch};
use crate::owner::fact::{ContainerFact, Fact, PodFact, Text};
use crate::owner::sources::teller::NobodyListens;

/// kubelet runs 110 pods, some clouds' 250, and tests of scale 500; the rest are those that ended and were not removed.
const PODS_MAX: usize = 10_000;

/// What the other parts wait for: an outage is found out by one of them only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// The server has not said anything yet.
    Shut,
    /// It has, even if that was a refusal.
    Answered,
    /// There are so many pods on this node.
    Listed(usize),
}

/// What was told.
#[derive(Default)]
struct Told {
    pods: HashMap<Text, (PodFact, Vec<ContainerFact>)>,
    /// Of the list that is being read.
    listed: HashSet<Text>,
    skipped: u64,
}

/// Follows this node's pods, for ever.
pub(super) struct Pods<'a> {
    watch: Watch,
    node: &'a str,
    desk: &'a Desk,
    gate: watch::Sender<Gate>,
    told: Told,
}

impl<'a> Pods<'a> {
    pub(super) fn new(desk: &'a Desk, node: &'a str, gate: watch::Sender<Gate>) -> Self {
        // From the server's cache, as kubelet asks: the server need not read all pods of the cluster for it.
        let config = Config::default().any_semantic().fields(&format!("spec.nodeName={node}"));
        // It does not page what it has in its cache, and the client asks for the cache only where pages are not asked for.
        let config = Config { page_size: None, ..config };
        let watch = Watch::new(&desk.server, Call::Pods, config);
        Self { watch, node, desk, gate, told: Told::default() }
    }

    pub(super) async fn follow(mut self) -> Result<(), NobodyListens> {
        loop {
            match self.watch.next().await {
                Event::Begin => self.told.listed.clear(),
                Event::Listed(pod) => self.desk.tell(self.told.apply(&pod)).await?,
                Event::Changed(pod) => self.change(&pod).await?,
                Event::Deleted(pod) => self.delete(&pod).await?,
                Event::End => self.end().await?,
                Event::Nonsense => self.told.skipped += 1,
                Event::Recovered => self.report().await?,
                Event::Failed(failure) => self.fail(failure).await?,
            }
        }
    }

    async fn change(&mut self, pod: &Pod) -> Result<(), NobodyListens> {
        let was_empty = self.told.pods.is_empty();
        self.desk.tell(self.told.apply(pod)).await?;
        // A node that seemed not to exist has pods now.
        if was_empty { self.report().await } else { Ok(()) }
    }

    async fn delete(&mut self, pod: &Pod) -> Result<(), NobodyListens> {
        let facts = pod.uid().map(|uid| self.told.remove(&uid));
        self.desk.tell(facts.into_iter().flatten()).await
    }

    async fn end(&mut self) -> Result<(), NobodyListens> {
        self.desk.tell(self.told.end()).await?;
        self.report().await?;
        self.gate.send_replace(Gate::Listed(self.told.pods.len()));
        Ok(())
    }

    async fn report(&mut self) -> Result<(), NobodyListens> {
        let found = format!("{} of {}", count(self.told.pods.len(), "pod"), self.node);
        self.desk.good(Part::Pods, found, self.told.skipped).await
    }

    async fn fail(&mut self, failure: Failure) -> Result<(), NobodyListens> {
        if failure.cause != Cause::Outage {
            self.gate.send_if_modified(|gate| std::mem::replace(gate, open(*gate)) == Gate::Shut);
        }
        self.desk.bad(Part::Pods, failure, self.told.skipped).await
    }
}

fn open(gate: Gate) -> Gate {
    if gate == Gate::Shut { Gate::Answered } else { gate }
}

impl Told {
    fn apply(&mut self, pod: &Pod) -> Vec<Fact> {
        let Some(fact) = pod.fact().filter(|fact| self.has_room(fact)) else {
            self.skipped += 1;
            return Vec::new();
        };
        let uid = Text::clone(&fact.uid);
        self.listed.insert(Text::clone(&uid));
        let containers = pod.container_facts(&uid);
        let now = (fact, containers);
        let before = self.pods.insert(uid, now.clone());
        changes(before.as_ref(), &now)
    }

    fn has_room(&self, fact: &PodFact) -> bool {
        self.pods.len() < PODS_MAX || self.pods.contains_key(&fact.uid)
    }

    fn remove(&mut self, uid: &Text) -> Vec<Fact> {
        let Some((pod, containers)) = self.pods.remove(uid) else { return Vec::new() };
        let containers = containers.into_iter().map(|container| Fact::ContainerGone { id: container.id });
        containers.chain([Fact::PodGone { uid: pod.uid, sandbox: None }]).collect()
    }

    /// What the list did not have is gone.
    fn end(&mut self) -> Vec<Fact> {
        let listed = std::mem::take(&mut self.listed);
        let gone: Vec<Text> = self.pods.keys().filter(|uid| !listed.contains(*uid)).cloned().collect();
        gone.iter().flat_map(|uid| self.remove(uid)).collect()
    }
}

type Known = (PodFact, Vec<ContainerFact>);

fn changes(before: Option<&Known>, (pod, containers): &Known) -> Vec<Fact> {
    let had: &[ContainerFact] = before.map_or(&[], |(_pod, containers)| containers);
    let changed = before.is_none_or(|(before, _containers)| before != pod);
    let pod = changed.then(|| Fact::Pod(pod.clone()));
    let new = containers.iter().filter(|container| !had.contains(container)).cloned().map(Fact::Container);
    let has = |id: &Text| containers.iter().any(|container| container.id == *id);
    let gone = had.iter().filter(|container| !has(&container.id));
    let gone = gone.map(|container| Fact::ContainerGone { id: Text::clone(&container.id) });
    pod.into_iter().chain(new).chain(gone).collect()
}
