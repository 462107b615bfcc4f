//! The API server: this node's pods as they change, the cluster's Services and its DNS, and pods of other nodes if that
//! is asked for. What comes out are facts, and a report whenever one of these begins or ceases to be known.
//!
//! A node costs the server a watch of its own pods and a few lists, from its cache where that will do.

mod asks;
mod body;
mod cluster;
mod connect;
mod credentials;
mod dns;
mod failure;
mod list;
mod loose;
mod node;
mod object;
mod pace;
mod parts;
mod pod;
mod pods;
mod progress;
mod remote;
mod server;
mod services;
mod watch;
mod workload;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use tokio::sync::mpsc;

use self::credentials::{Lacking, Surroundings};
use self::pace::Pace;
use self::parts::Parts;
use super::teller::NobodyListens;
use super::{Ask, KubeOption, RemoteOption, State, Teller};
use crate::owner::fact::Text;

/// What is to be asked of it.
#[derive(Clone, Debug)]
pub(super) struct ApiOptions {
    /// Whose credentials.
    pub(super) kube: KubeOption,
    /// Whether pods of other nodes are wanted.
    pub(super) remote: RemoteOption,
    /// This node's name in the cluster.
    pub(super) node: Option<Text>,
    /// Where an administrator's kubeconfig may lie, which is mentioned and not used.
    pub(super) host_root: PathBuf,
}

/// Tells what it says, for ever; ends where it is not to be asked. It is never waited for by those who ask.
pub(super) async fn run(options: ApiOptions, teller: Teller, asks: mpsc::Receiver<Ask>) -> Result<(), NobodyListens> {
    let around = Surroundings::ours(&options.host_root);
    run_at(Pace::default(), around, (options, teller, asks)).await
}

type Start = (ApiOptions, Teller, mpsc::Receiver<Ask>);

async fn run_at(pace: Pace, around: Surroundings, (options, teller, asks): Start) -> Result<(), NobodyListens> {
    let server = match credentials::find(&options.kube, &around).await {
        Ok(config) => connect::connect(config, pace).await,
        Err(lacking) => Err(lacking),
    };
    match server {
        Ok(server) => Box::pin(Parts::new(server, &options, teller).run(asks)).await,
        Err(Lacking::Absent { reason, remedy }) => teller.report(State::Absent, reason.into(), &remedy, 0).await,
        Err(Lacking::Failed { reason, remedy }) => teller.report(State::Failed, reason, remedy, 0).await,
    }
}
