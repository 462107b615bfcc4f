//! This node, asked for once → its name and addresses, and whether there is one of that name.

use k8s_openapi::api::core::v1;
use kube::Api;
use kube::core::ApiResource;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::sleep;

use super::failure::{Cause, Failure};
use super::loose::{self, Fields};
use super::object::{Metadata, Object, Read};
use super::pace::BackOff;
use super::pod::addresses;
use super::pods::Gate;
use super::progress::{Desk, Part};
use super::server::Call;
use crate::owner::fact::{Fact, NodeFact};
use crate::owner::sources::teller::NobodyListens;

/// What we read of a node.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Node {
    #[serde(deserialize_with = "loose::loose")]
    metadata: Metadata,
    #[serde(deserialize_with = "loose::loose")]
    status: Status,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    #[serde(deserialize_with = "loose::loose")]
    addresses: Vec<Address>,
}

/// An address, or a name that stands among them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Address {
    #[serde(deserialize_with = "loose::loose")]
    address: String,
}

impl Fields for Node {}
impl Fields for Status {}
impl Fields for Address {}

impl Read for Node {
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

/// What to do about a name that is none of a node's.
pub(super) const REMEDY: &str = "say this node's name with --node-name";

/// Asks until the server answers, whatever it says; who may not ask for nodes does without.
pub(super) async fn learn(desk: &Desk, name: &str, gate: watch::Receiver<Gate>) -> Result<(), NobodyListens> {
    let server = &desk.server;
    let kind = ApiResource::erase::<v1::Node>(&());
    let api: Api<Object<Node>> = Api::all_with(server.line(Call::Node).client, &kind);
    let mut back_off = BackOff::new(&server.pace);
    loop {
        match api.get(name).await {
            Ok(node) => return desk.tell([fact(&node.read, name)]).await,
            Err(error) => match Failure::of(&error, Call::Node, server).cause {
                Cause::Outage => sleep(back_off.next()).await,
                Cause::Missing if *gate.borrow() == Gate::Listed(0) => {
                    return desk.bad(Part::Pods, none(name), 0).await;
                }
                _ => return Ok(()),
            },
        }
    }
}

/// Nobody has pods of a node that does not exist.
pub(super) fn none(name: &str) -> Failure {
    let text = format!("the cluster has no node {name}");
    Failure { cause: Cause::Missing, text, remedy: REMEDY.into() }
}

fn fact(node: &Node, name: &str) -> Fact {
    let addresses = addresses(node.status.addresses.iter().map(|address| &address.address));
    Fact::Node(NodeFact { name: Some(name.into()), addresses, ..NodeFact::default() })
}
