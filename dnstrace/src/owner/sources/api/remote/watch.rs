//! All pods of the cluster → the pod behind each address, and when there is none any more.

use std::net::IpAddr;

use foldhash::{HashMap, HashSet};
use k8s_openapi::api::core::v1;
use kube::Api;
use kube::api::ListParams;
use kube::core::ApiResource;
use kube::runtime::watcher::Config;
use tokio::time::sleep;

use super::remote_pod;
use crate::owner::fact::Fact;
use crate::owner::sources::api::failure::{Cause, Failure};
use crate::owner::sources::api::object::Object;
use crate::owner::sources::api::pace::BackOff;
use crate::owner::sources::api::pod::Pod;
use crate::owner::sources::api::progress::{Desk, Part, count};
use crate::owner::sources::api::server::Call;
use crate::owner::sources::api::watch::{Event, Watch};
use crate::owner::sources::teller::NobodyListens;

/// The list of more is 100 MB for the server to send, to each node that asks for it, and again with every outage.
pub(super) const PODS_MAX: usize = 20_000;

/// A pod's UID.
type Uid = u128;

/// What is needed to tell that an address is nobody's any more.
#[derive(Default)]
struct Told {
    addresses: HashMap<Uid, Box<[IpAddr]>>,
    holders: HashMap<IpAddr, Uid>,
    listed: HashSet<Uid>,
    skipped: u64,
}

/// Follows them, for ever; not at all where there are too many.
pub(in crate::owner::sources::api) async fn follow(desk: &Desk, node: Option<&str>) -> Result<(), NobodyListens> {
    if !may_be_watched(desk).await? {
        return Ok(());
    }
    let mut watch = Watch::new(&desk.server, Call::RemotePods, Config::default());
    let mut told = Told::default();
    loop {
        match watch.next().await {
            Event::Begin => told.listed.clear(),
            Event::Listed(pod) | Event::Changed(pod) if node.is_none() || pod.node() != node => {
                desk.tell(told.apply(&pod)).await?;
            }
            // This node's are told as what they are.
            Event::Listed(_) | Event::Changed(_) => {}
            Event::Deleted(pod) => desk.tell(told.delete(&pod)).await?,
            Event::End => {
                desk.tell(told.end()).await?;
                told.report(desk).await?;
            }
            Event::Nonsense => told.skipped += 1,
            Event::Recovered => told.report(desk).await?,
            Event::Failed(failure) => desk.bad(Part::RemotePods, failure, told.skipped).await?,
        }
    }
}

/// One pod is listed for it, which says how many more there are.
async fn may_be_watched(desk: &Desk) -> Result<bool, NobodyListens> {
    let server = &desk.server;
    let kind = ApiResource::erase::<v1::Pod>(&());
    let api: Api<Object<Pod>> = Api::all_with(server.line(Call::RemotePods).client, &kind);
    let mut back_off = BackOff::new(&server.pace);
    loop {
        match api.list(&ListParams::default().limit(1)).await {
            Ok(page) => {
                let count = page.metadata.remaining_item_count.and_then(|more| usize::try_from(more).ok()).unwrap_or(0);
                if count <= PODS_MAX {
                    return Ok(true);
                }
                desk.bad(Part::RemotePods, too_many(count), 0).await?;
                return Ok(false);
            }
            Err(error) => {
                desk.bad(Part::RemotePods, Failure::of(&error, Call::RemotePods, server), 0).await?;
                sleep(back_off.next()).await;
            }
        }
    }
}

fn too_many(count: usize) -> Failure {
    let text = format!("the cluster has {count} pods, more than the {PODS_MAX} that are watched");
    Failure { cause: Cause::TooMany, text, remedy: "--resolve-remote=ask asks for single addresses".into() }
}

impl Told {
    fn apply(&mut self, pod: &Pod) -> Vec<Fact> {
        let Some((uid, remote)) = uid(pod).filter(|uid| self.has_room(*uid)).zip(remote_pod(pod)) else {
            self.skipped += 1;
            return Vec::new();
        };
        self.listed.insert(uid);
        let addresses: Box<[IpAddr]> = pod.addresses().into();
        let before = self.addresses.insert(uid, addresses.clone()).unwrap_or_default();
        let mut facts = self.release(uid, before.iter().filter(|address| !addresses.contains(address)));
        for address in addresses {
            if self.holders.insert(address, uid) != Some(uid) {
                facts.push(Fact::Remote { address, pod: Some(remote.clone()) });
            }
        }
        facts
    }

    fn delete(&mut self, pod: &Pod) -> Vec<Fact> {
        uid(pod).map(|uid| self.remove(uid)).unwrap_or_default()
    }

    fn remove(&mut self, uid: Uid) -> Vec<Fact> {
        let addresses = self.addresses.remove(&uid).unwrap_or_default();
        self.release(uid, addresses.iter())
    }

    /// An address may be another pod's by now, which is then known of before the end of the first.
    fn release<'a>(&mut self, uid: Uid, addresses: impl Iterator<Item = &'a IpAddr>) -> Vec<Fact> {
        let mut facts = Vec::new();
        for address in addresses {
            if self.holders.get(address) == Some(&uid) {
                self.holders.remove(address);
                facts.push(Fact::Remote { address: *address, pod: None });
            }
        }
        facts
    }

    fn end(&mut self) -> Vec<Fact> {
        let listed = std::mem::take(&mut self.listed);
        let gone: Vec<Uid> = self.addresses.keys().filter(|uid| !listed.contains(*uid)).copied().collect();
        gone.into_iter().flat_map(|uid| self.remove(uid)).collect()
    }

    /// A cluster may grow after it was found small enough, though hardly to its double.
    fn has_room(&self, uid: Uid) -> bool {
        self.addresses.len() < 2 * PODS_MAX || self.addresses.contains_key(&uid)
    }

    async fn report(&self, desk: &Desk) -> Result<(), NobodyListens> {
        desk.good(Part::RemotePods, format!("{} of other nodes", count(self.addresses.len(), "pod")), self.skipped)
            .await
    }
}

/// UUIDs; an API server gives no others.
fn uid(pod: &Pod) -> Option<Uid> {
    let digits: String = pod.metadata.uid.split('-').collect();
    Uid::from_str_radix(&digits, 16).ok()
}
