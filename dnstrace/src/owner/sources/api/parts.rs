//! Everything that is asked of the API server, at once and on one task: none waits for another's answers.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::ApiOptions;
use super::asks::{self, Asks};
use super::cluster::Cluster;
use super::failure::{Cause, Failure, line};
use super::node;
use super::pods::{Gate, Pods};
use super::progress::{self, Desk, Note, Part, Progress};
use super::remote::{self, Questions};
use super::server::Server;
use crate::owner::sources::teller::NobodyListens;
use crate::owner::sources::{Ask, RemoteOption, Teller};

/// A node's name is a DNS name; anything else would say something else in the watch's selector.
const NODE_NAME: &[u8] = b"-._";

/// What the parts have in common.
pub(super) struct Parts<'a> {
    options: &'a ApiOptions,
    desk: Desk,
    teller: Teller,
    notes: mpsc::Receiver<Note>,
}

impl<'a> Parts<'a> {
    pub(super) fn new(server: Server, options: &'a ApiOptions, teller: Teller) -> Self {
        let (sender, notes) = mpsc::channel(progress::NOTES_MAX);
        Self { options, desk: Desk::new(server, teller.clone(), sender), teller, notes }
    }

    pub(super) async fn run(self, asks: mpsc::Receiver<Ask>) -> Result<(), NobodyListens> {
        let Self { options, desk, teller, notes } = self;
        let (remote, queue) = mpsc::channel(asks::QUEUE_MAX);
        let remote = (options.remote == RemoteOption::Ask).then_some(remote);
        let services = watch::Sender::default();
        let hears = Asks {
            services: services.subscribe(),
            wanted: Arc::default(),
            remote,
            dropped: Arc::default(),
            strangers: HashSet::new(),
        };
        let questions = Questions { queue, dropped: Arc::clone(&hears.dropped), services: services.subscribe() };
        let cluster = Cluster::new(&desk, services, Arc::clone(&hears.wanted));
        let (gate, opened) = watch::channel(Gate::Shut);
        let others = async {
            wait(opened.clone()).await;
            let node = learn_node(&desk, options, opened);
            tokio::try_join!(cluster.follow(), node, resolve_remote(&desk, options, questions))
        };
        let progress = Progress::new(desk.server.clone(), &parts(options.remote)).run(teller, notes);
        tokio::try_join!(progress, follow_pods(&desk, options, gate), others, hears.hear(asks)).map(drop)
    }
}

fn parts(remote: RemoteOption) -> Vec<Part> {
    let mut parts = vec![Part::Pods, Part::Services, Part::ClusterDns];
    parts.extend((remote != RemoteOption::Off).then_some(Part::RemotePods));
    parts
}

fn is_node_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || NODE_NAME.contains(&byte))
}

/// Until the server has said anything: one part finds out about an outage, and the others need not.
async fn wait(mut gate: watch::Receiver<Gate>) {
    // An error is that the part has ended, with the rest.
    let _ended = gate.wait_for(|gate| *gate != Gate::Shut).await;
}

async fn follow_pods(desk: &Desk, options: &ApiOptions, gate: watch::Sender<Gate>) -> Result<(), NobodyListens> {
    match options.node.as_deref() {
        Some(node) if is_node_name(node) => return Pods::new(desk, node, gate).follow().await,
        Some(node) if !node.is_empty() => desk.bad(Part::Pods, node::none(&line(node)), 0).await?,
        _ => desk.bad(Part::Pods, untold(), 0).await?,
    }
    gate.send_replace(Gate::Answered);
    Ok(())
}

fn untold() -> Failure {
    let text = "this node's name in the cluster is not known".into();
    Failure { cause: Cause::Untold, text, remedy: node::REMEDY.into() }
}

async fn learn_node(desk: &Desk, options: &ApiOptions, gate: watch::Receiver<Gate>) -> Result<(), NobodyListens> {
    match options.node.as_deref() {
        Some(node) if is_node_name(node) => node::learn(desk, node, gate).await,
        _ => Ok(()),
    }
}

async fn resolve_remote(desk: &Desk, options: &ApiOptions, questions: Questions) -> Result<(), NobodyListens> {
    match options.remote {
        RemoteOption::Off => Ok(()),
        RemoteOption::Ask => remote::answer(desk, questions).await,
        RemoteOption::Watch => remote::follow(desk, options.node.as_deref()).await,
    }
}
