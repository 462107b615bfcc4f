//! Results of CNI plugins, which libcni keeps for every runtime that uses it: a file for each interface of a sandbox.
//!
//! Files outlive a crash of the node. One whose sandbox has neither a bundle nor a netns any more says nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::bundles::Bundles;
use super::cni_result::CniResult;
use super::found::{Found, count, is_young};
use super::{netns, uid};
use crate::capture::BootTime;
use crate::capture::live::boot_time_of;
use crate::owner::fact::{Fact, PodFact, Text};
use crate::owner::sources::host::{HostRoot, Stamp};

/// libcni's folder, which no distribution is known to change.
pub(super) const FOLDER: &str = "var/lib/cni/results";

/// A kilobyte is usual; a network's configuration stands in it, too.
const FILE_MAX: usize = 1 << 20;

/// What a file says, as it was when it was read.
#[derive(Debug)]
struct Kept {
    stamp: Option<Stamp>,
    content: Result<Option<Attachment>, Unusable>,
}

/// Not JSON, or not what libcni writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unusable;

/// One interface of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Attachment {
    sandbox: Text,
    pod: PodFact,
    netns: Option<Text>,
    node_ends: Vec<Text>,
}

/// The results, by their files' names.
#[derive(Debug, Default)]
pub(super) struct Cni(BTreeMap<String, Kept>);

impl Cni {
    /// Reads what changed since the last look. Without `index_of`, interfaces stay unknown.
    pub(super) fn look(
        &mut self,
        host: &HostRoot,
        bundles: &Bundles,
        index_of: Option<fn(&str) -> Option<u32>>,
    ) -> Found {
        let (entries, more) = match host.entries(FOLDER) {
            Ok(entries) => entries,
            Err(error) => return Found::error("/var/lib/cni/results", &error),
        };
        let names: BTreeSet<&str> = entries.iter().filter_map(|entry| entry.text()).collect();
        self.0.retain(|name, _| names.contains(name.as_str()));
        for name in &names {
            self.refresh(host, name);
        }
        let broken = self.0.values().filter(|kept| kept.content.is_err());
        let again = broken.clone().any(|kept| kept.stamp.is_none_or(|stamp| is_young(stamp.modified)));
        let skipped = broken.count() + (entries.len() - names.len()) + usize::from(more);
        let facts = self.facts(host, bundles, index_of);
        let found = format!("{} in /var/lib/cni/results", count(facts.len(), "pod"));
        Found { again, ..Found::ready(facts, found).skipping(skipped as u64) }
    }

    fn refresh(&mut self, host: &HostRoot, name: &str) {
        let path = Path::new(FOLDER).join(name);
        let now = host.stamp(&path).ok();
        if self.0.get(name).is_some_and(|kept| now.is_some() && kept.stamp == now) {
            return;
        }
        let kept = match host.read_stamped(&path, FILE_MAX) {
            Ok((stamp, bytes)) => {
                let content = parse(&bytes, boot_time_of(stamp.modified));
                Kept { stamp: Some(stamp), content }
            }
            // What is no file will be none at the next look either.
            Err(_) => Kept { stamp: now, content: Err(Unusable) },
        };
        self.0.insert(name.to_owned(), kept);
    }

    fn facts(&self, host: &HostRoot, bundles: &Bundles, index_of: Option<fn(&str) -> Option<u32>>) -> Vec<Fact> {
        let shared = self.shared();
        let mut pods: BTreeMap<Text, PodFact> = BTreeMap::new();
        for attachment in self.attachments() {
            let Some(mut pod) = attachment.pod(host, bundles) else { continue };
            let own = attachment.node_ends.iter().filter(|name| !shared.contains(*name));
            pod.interfaces = own.filter_map(|name| index_of?(name)).collect();
            pods.entry(attachment.sandbox.clone()).and_modify(|known| merge(known, &pod)).or_insert(pod);
        }
        pods.into_values().map(Fact::Pod).collect()
    }

    fn attachments(&self) -> impl Iterator<Item = &Attachment> {
        self.0.values().filter_map(|kept| kept.content.as_ref().ok()?.as_ref())
    }

    /// Interfaces that lead to more than one sandbox.
    fn shared(&self) -> BTreeSet<Text> {
        let mut of: BTreeMap<&Text, &Text> = BTreeMap::new();
        let mut shared = BTreeSet::new();
        for attachment in self.attachments() {
            for name in &attachment.node_ends {
                if *of.entry(name).or_insert(&attachment.sandbox) != &attachment.sandbox {
                    shared.insert(name.clone());
                }
            }
        }
        shared
    }
}

impl Attachment {
    /// `None` when its sandbox is gone, or nobody knows whose it was.
    fn pod(&self, host: &HostRoot, bundles: &Bundles) -> Option<PodFact> {
        let alive = bundles.runs(&self.sandbox) || self.netns.as_deref().is_some_and(|path| host.exists(path));
        let uid = if self.pod.uid.is_empty() { bundles.uid(&self.sandbox)? } else { self.pod.uid.clone() };
        let mounted = self.netns.as_deref().and_then(|path| netns::of_file(host, Path::new(path)));
        let netns = mounted.or_else(|| bundles.netns(&self.sandbox));
        alive.then(|| PodFact { uid, netns, ..self.pod.clone() })
    }
}

/// With several networks, a sandbox has a file for each.
fn merge(known: &mut PodFact, more: &PodFact) {
    let new = more.addresses.iter().filter(|address| !known.addresses.contains(address));
    let new: Vec<_> = new.copied().collect();
    known.addresses.extend(new);
    known.interfaces.extend(&more.interfaces);
    known.interfaces.sort_unstable();
    known.interfaces.dedup();
    known.netns = known.netns.or(more.netns);
    known.since = known.since.min(more.since);
}

/// The parts of `cniCacheV1` that are of use.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cached {
    kind: String,
    #[serde(default)]
    container_id: String,
    #[serde(default)]
    network_name: String,
    #[serde(default)]
    cni_args: Option<Vec<(String, String)>>,
    #[serde(default)]
    result: Option<CniResult>,
}

/// `None` is a file that is no pod's.
fn parse(bytes: &[u8], since: BootTime) -> Result<Option<Attachment>, Unusable> {
    let cached: Cached = serde_json::from_slice(bytes).map_err(|_error| Unusable)?;
    if cached.kind != "cniCacheV1" {
        return Err(Unusable);
    }
    let sandbox = uid::word(&cached.container_id).ok_or(Unusable)?;
    let args = cached.cni_args.unwrap_or_default();
    let argument = |key: &str| args.iter().find(|pair| pair.0 == key).and_then(|pair| uid::word(&pair.1));
    let Some(name) = argument("K8S_POD_NAME").filter(|_| cached.network_name != "cni-loopback") else {
        return Ok(None);
    };
    let result = cached.result.unwrap_or_default();
    let pod = PodFact {
        uid: argument("K8S_POD_UID").and_then(|text| uid::given(&text)).unwrap_or_default(),
        sandbox: Some(sandbox.clone()),
        namespace: argument("K8S_POD_NAMESPACE"),
        name: Some(name),
        host_network: Some(false),
        addresses: result.addresses().ok_or(Unusable)?,
        since: Some(since),
        ..PodFact::default()
    };
    Ok(Some(Attachment { sandbox, pod, netns: result.netns(), node_ends: result.node_ends() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULT: &str = r#"{"kind":"cniCacheV1","containerId":"aa","ifName":"eth0","networkName":"pods",
        "cniArgs":[["IgnoreUnknown","1"],["K8S_POD_NAMESPACE","shop"],["K8S_POD_NAME","web-1"],["K8S_POD_UID","u-1"]],
        "result":{"ips":[{"address":"10.244.1.2/24"},{"address":"2001:db8::2/64"}]}}"#;

    #[test]
    fn result_names_the_pod_and_its_addresses() {
        let attachment = parse(RESULT.as_bytes(), BootTime(7)).unwrap().unwrap();
        let PodFact { uid, sandbox, namespace, name, addresses, since, .. } = attachment.pod;
        assert_eq!((&*uid, sandbox.as_deref(), since), ("u-1", Some("aa"), Some(BootTime(7))));
        assert_eq!((namespace.as_deref(), name.as_deref(), addresses.len()), (Some("shop"), Some("web-1"), 2));
    }

    #[test]
    fn what_is_no_pods_is_passed_over() {
        let loopback = RESULT.replace(r#""pods""#, r#""cni-loopback""#);
        assert_eq!(parse(loopback.as_bytes(), BootTime(0)), Ok(None));
        assert_eq!(parse(br#"{"kind":"cniCacheV1","containerId":"aa","cniArgs":null}"#, BootTime(0)), Ok(None));
    }

    #[test]
    fn malformed_result_is_unusable() {
        for bytes in [&RESULT.as_bytes()[..90], b"", b"[]", b"{}", br#"{"kind":"x"}"#, br#"{"kind":"cniCacheV1"}"#] {
            assert_eq!(parse(bytes, BootTime(0)), Err(Unusable), "{}", String::from_utf8_lossy(bytes));
        }
        assert_eq!(parse(RESULT.replace("10.244.1.2", "10.244").as_bytes(), BootTime(0)), Err(Unusable));
    }
}
