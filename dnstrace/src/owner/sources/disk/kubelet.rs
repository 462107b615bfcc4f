//! kubelet's folders of pods to addresses: `<uid>/etc-hosts`, which kubelet writes for each pod.
//!
//! It is mounted into the pod, which may write to it: it is asked for pods only of which nothing better says an address,
//! and only while something of them lives, as folders stay when a pod has finished.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::cni_result::ADDRESSES_MAX;
use super::found::{Found, count};
use super::uid;
use crate::owner::fact::{Fact, PodFact, Text};
use crate::owner::sources::host::{HostRoot, Stamp};

/// kubelet's own folder when `--root-dir` does not say another.
pub(super) const ROOT_DIR: &str = "var/lib/kubelet";

/// Some ten lines are usual, host aliases may add hundreds.
const FILE_MAX: usize = 256 * 1024;

/// `pkg/kubelet/kubelet_pods.go`.
const MANAGED: &str = "# Kubernetes-managed hosts file";
const HOST_NETWORK: &str = "(host network)";
const ALIASES: &str = "# Entries added by HostAliases";

/// What `etc-hosts` says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hosts {
    host_network: bool,
    addresses: Vec<IpAddr>,
}

/// The folders, by their pods' UIDs.
#[derive(Debug, Default)]
pub(super) struct Folders(BTreeMap<Text, (Stamp, Option<Hosts>)>);

/// Whose folders are asked.
pub(super) struct Pods {
    /// UIDs of which a cgroup or a bundle is there.
    pub(super) alive: BTreeSet<Text>,
    /// UIDs whose network is known from better sources.
    pub(super) known: BTreeSet<Text>,
}

impl Folders {
    /// Reads what changed since the last look.
    pub(super) fn look(&mut self, host: &HostRoot, root_dir: &Path, pods: &Pods) -> Found {
        let folder = root_dir.join("pods");
        let place = format!("/{}", folder.display());
        let (entries, more) = match host.entries(&folder) {
            Ok(entries) => entries,
            Err(error) => return Found::error(&place, &error),
        };
        let uids: BTreeSet<Text> = entries.iter().filter_map(|entry| uid::given(entry.text()?)).collect();
        let unnamed = entries.len() - uids.len();
        self.0.retain(|uid, _| uids.contains(uid));
        let mut unusable = 0;
        for uid in uids.intersection(&pods.alive) {
            unusable += usize::from(!self.refresh(host, uid, folder.join(&**uid).join("etc-hosts")));
        }
        let asked = self.0.iter().filter(|(uid, _)| pods.alive.contains(*uid) && !pods.known.contains(*uid));
        let facts: Vec<Fact> = asked.filter_map(|(uid, (_, hosts))| Some(fact(uid, hosts.as_ref()?))).collect();
        let found = format!("{} in {place}, {} of use", count(uids.len(), "pod"), facts.len());
        Found::ready(facts, found).skipping((unnamed + unusable) as u64 + u64::from(more))
    }

    /// Whether the file makes sense; one that is not there yet does.
    fn refresh(&mut self, host: &HostRoot, uid: &Text, path: PathBuf) -> bool {
        let Ok(now) = host.stamp(&path) else {
            self.0.remove(uid);
            return true;
        };
        if self.0.get(uid).is_none_or(|(stamp, _)| *stamp != now) {
            let hosts = host.read_text(path, FILE_MAX).ok().and_then(|text| parse(&text));
            self.0.insert(uid.clone(), (now, hosts));
        }
        self.0.get(uid).is_some_and(|(_, hosts)| hosts.is_some())
    }
}

fn fact(uid: &Text, hosts: &Hosts) -> Fact {
    let (host_network, addresses) = (Some(hosts.host_network), hosts.addresses.clone());
    Fact::Pod(PodFact { uid: uid.clone(), host_network, addresses, ..PodFact::default() })
}

/// `None` is a file that kubelet does not manage.
fn parse(text: &str) -> Option<Hosts> {
    let first = text.lines().next().filter(|line| line.starts_with(MANAGED))?;
    let host_network = first.contains(HOST_NETWORK);
    let own = text.lines().skip(1).take_while(|line| !host_network && !line.starts_with(ALIASES));
    let addresses = own.filter_map(entry).take(ADDRESSES_MAX).collect();
    Some(Hosts { host_network, addresses })
}

/// The pod's own lines come after those of every hosts file: `localhost`, `ip6-allnodes`.
fn entry(line: &str) -> Option<IpAddr> {
    let mut words = line.split_ascii_whitespace();
    let (address, name) = (words.next()?, words.next()?);
    let address: IpAddr = address.parse().ok()?;
    (!address.is_loopback() && !name.starts_with("ip6-")).then(|| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: &str = "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n\
        fe00::0\tip6-localnet\nfe00::2\tip6-allrouters\n10.244.1.2\tweb-1\n2001:db8::2\tweb-1\n\n\
        # Entries added by HostAliases.\n10.0.0.99\tother\n";

    #[test]
    fn own_lines_are_the_pods_addresses() {
        let hosts = parse(POD).unwrap();
        assert_eq!(hosts.addresses, ["10.244.1.2", "2001:db8::2"].map(|text| text.parse::<IpAddr>().unwrap()));
        assert!(!hosts.host_network);
    }

    #[test]
    fn pod_with_the_nodes_network_claims_no_address() {
        let text = POD.replace("file.", "file (host network).");
        assert_eq!(parse(&text), Some(Hosts { host_network: true, addresses: vec![] }));
        assert_eq!(parse("127.0.0.1 localhost\n10.244.1.2 web-1\n"), None);
    }
}
