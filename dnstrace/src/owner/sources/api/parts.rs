//! Everything that is asked of the API server, at once and on one task: none waits for another's answers.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::sync::{Notify, mpsc, watch};

use super::ApiOptions;
use super::asks::{self, Asks};
use super::cluster::Cluster;
use super::failure::{Cause, Failure};
use super::node;
use super::pods::{Gate, Pods};
use super::progress::{self, Desk, Note, Part, Progress};
use super::remote;
use super::server::Server;
use crate::owner::sources::teller::NobodyListens;
use crate::owner::sources::{Ask, RemoteOption, Teller};

/// A node's name is a DNS name; anything else would say something else in the watch's selector.
const NODE_NAME: &[u8] = b"-._";

/// What the parts have in common.
pub(super) struct Parts<'a> {
    server: Server,
    options: &'a ApiOptions,
    desk: Desk,
    teller: Teller,
    notes: mpsc::Receiver<Note>,
    /// Addresses of Services.
    known: watch::Sender<Arc<HashSet<IpAddr>>>,
    wanted: Arc<Notify>,
    dropped: Arc<AtomicU64>,
}

impl<'a> Parts<'a> {
    pub(super) fn new(server: Server, options: &'a ApiOptions, teller: Teller) -> Self {
        let (sender, notes) = mpsc::channel(progress::NOTES_MAX);
        let desk = Desk::new(teller.clone(), sender);
        let known = watch::Sender::default();
        Self { server, options, desk, teller, notes, known, wanted: Arc::default(), dropped: Arc::default() }
    }

    pub(super) async fn run(self, asks: mpsc::Receiver<Ask>) -> Result<(), NobodyListens> {
        let Self { server, options, desk, teller, notes, known, wanted, dropped } = self;
        let (remote, queue) = mpsc::channel(asks::QUEUE_MAX);
        let remote = (options.remote == RemoteOption::Ask).then_some(remote);
        let hears =
            Asks { known: known.subscribe(), wanted: Arc::clone(&wanted), remote, dropped: Arc::clone(&dropped) };
        let (gate, opened) = watch::channel(Gate::Shut);
        let progress = Progress::new(server.clone(), &parts(options.remote));
        let node = options.node.as_deref().filter(|name| is_node_name(name));
        let others = async {
            wait(opened.clone()).await;
            tokio::try_join!(
                Cluster::new(&server, &desk, known, wanted).follow(),
                learn_node(&server, node, (&desk, opened)),
                resolve_remote(&server, options, (&desk, queue, dropped)),
            )
        };
        let pods = follow_pods(&server, options, (&desk, gate));
        tokio::try_join!(progress.run(teller, notes), pods, others, hears.hear(asks)).map(drop)
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

async fn follow_pods(
    server: &Server,
    options: &ApiOptions,
    (desk, gate): (&Desk, watch::Sender<Gate>),
) -> Result<(), NobodyListens> {
    match options.node.as_deref() {
        Some(node) if is_node_name(node) => return Pods::new(server, node, desk, gate).follow().await,
        Some(node) => desk.bad(Part::Pods, node::none(&node.escape_debug().to_string()), 0).await?,
        None => desk.bad(Part::Pods, untold(), 0).await?,
    }
    gate.send_replace(Gate::Answered);
    Ok(())
}

fn untold() -> Failure {
    let text = "this node's name in the cluster is not known".into();
    Failure { cause: Cause::Untold, text, remedy: node::REMEDY.into() }
}

async fn learn_node(
    server: &Server,
    node: Option<&str>,
    (desk, gate): (&Desk, watch::Receiver<Gate>),
) -> Result<(), NobodyListens> {
    match node {
        Some(node) => node::learn(server, node, (desk, gate)).await,
        None => Ok(()),
    }
}

async fn resolve_remote(
    server: &Server,
    options: &ApiOptions,
    (desk, queue, dropped): (&Desk, mpsc::Receiver<IpAddr>, Arc<AtomicU64>),
) -> Result<(), NobodyListens> {
    match options.remote {
        RemoteOption::Off => Ok(()),
        RemoteOption::Ask => remote::answer(server, desk, (queue, dropped)).await,
        RemoteOption::Watch => remote::follow(server, options.node.as_deref(), desk).await,
    }
}
