//! resolv.conf files: whom a node asks, what pods' own say, and what follows of cluster DNS.
//!
//! A pod's is a file of the node that the runtime mounts into it. It is read there, and not through the pod's own root,
//! whose file systems may be of the pod's making and hang.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use super::bundles::{Bundles, OfPod};
use super::found::{Found, count};
use super::kubelet_config::domain;
use super::uid;
use crate::owner::fact::{ClusterDnsFact, Fact, ResolvConf, Text};
use crate::owner::sources::host::{HostRoot, Stamp};

/// Search lists have 2,048 bytes at most with kubelet.
const FILE_MAX: usize = 64 * 1024;

/// Pods of one cluster name one server or two; a pod may write to its file, and shall not fill the fact.
const SERVERS_MAX: usize = 8;

/// kubelet writes 32 search domains at most; who writes more himself is still seen to.
const SEARCH_MAX: usize = 64;

/// There are some fifteen.
const OPTIONS_MAX: usize = 32;

const PORT: u16 = 53;

/// Where a file says no address of its own, systemd-resolved keeps them here.
const BEHIND_RESOLVED: &str = "run/systemd/resolve/resolv.conf";

/// What pods name.
#[derive(Debug, Default)]
struct Votes {
    /// Servers and domains, with how many pods name each.
    named: BTreeMap<(SocketAddr, Text), usize>,
    /// How many name any server over IPv4, and over IPv6: some have one family only.
    pods: [usize; 2],
}

/// Pods' files, by their paths.
#[derive(Debug, Default)]
pub(super) struct ResolvConfs(BTreeMap<Text, (Stamp, Option<ResolvConf>)>);

impl ResolvConfs {
    /// Reads what changed since the last look.
    pub(super) fn look(&mut self, host: &HostRoot, bundles: &Bundles) -> Found {
        let pods: BTreeMap<Text, OfPod> = bundles.pods_resolv_conf().collect();
        self.0.retain(|path, _| pods.contains_key(path));
        for path in pods.keys() {
            self.refresh(host, path);
        }
        let skipped = self.0.values().filter(|(_, file)| file.is_none()).count() as u64;
        let mut votes = Votes::default();
        let mut facts = Vec::new();
        for (path, pod) in &pods {
            let Some(file) = self.0.get(path).and_then(|(_, file)| file.as_ref()) else { continue };
            votes.add(cluster_dns(file, &pod.namespace).collect());
            facts.extend(pod.uid.clone().map(|pod| Fact::ResolvConf(ResolvConf { pod, ..file.clone() })));
        }
        if votes.named.is_empty() {
            let why = format!("none of {} names cluster DNS", count(pods.len(), "pod"));
            return Found { facts, ..Found::absent(why).skipping(skipped) };
        }
        facts.push(Fact::ClusterDns(votes.fact()));
        let found = format!("cluster DNS in /etc/resolv.conf of {}", count(pods.len(), "pod"));
        Found::ready(facts, found).skipping(skipped)
    }

    fn refresh(&mut self, host: &HostRoot, path: &Text) {
        let Ok(now) = host.stamp(&**path) else {
            self.0.remove(path);
            return;
        };
        if self.0.get(path).is_none_or(|(stamp, _)| *stamp != now) {
            let file = host.read_text(&**path, FILE_MAX).ok().map(|text| parse(&text));
            self.0.insert(path.clone(), (now, file));
        }
    }
}

/// resolv.conf(5): the last `search` counts, and every `options`.
fn parse(text: &str) -> ResolvConf {
    let mut file = ResolvConf::default();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            // A scope is of no use to others.
            Some("nameserver") => {
                file.nameservers.extend(words.next().and_then(|word| word.split('%').next()?.parse::<IpAddr>().ok()));
            }
            Some("search" | "domain") => file.search = words.filter_map(domain).take(SEARCH_MAX).collect(),
            Some("options") => file.options.extend(words.filter_map(uid::word)),
            _ => {}
        }
    }
    file.nameservers.truncate(SERVERS_MAX);
    file.options.truncate(OPTIONS_MAX);
    file
}

/// Servers and cluster domain, when the search list is that of `dnsPolicy: ClusterFirst`.
fn cluster_dns(file: &ResolvConf, namespace: &str) -> impl Iterator<Item = (SocketAddr, Text)> {
    let own = format!("{namespace}.svc.");
    let domain: Option<Text> = file.search.iter().find_map(|domain| domain.strip_prefix(&*own)).map(Into::into);
    let servers = file.nameservers.iter();
    servers.filter_map(move |address| Some((SocketAddr::new(address.to_canonical(), PORT), domain.clone()?)))
}

impl Votes {
    /// A pod names these.
    fn add(&mut self, servers: BTreeSet<(SocketAddr, Text)>) {
        for family in [false, true] {
            self.pods[usize::from(family)] += usize::from(servers.iter().any(|(server, _)| server.is_ipv6() == family));
        }
        for vote in servers {
            *self.named.entry(vote).or_default() += 1;
        }
    }

    /// What more than half of the pods of a family name: one that names others beside cluster DNS, or somebody else
    /// altogether, does not say it of the cluster. Where there is no such, those that most pods name.
    fn fact(self) -> ClusterDnsFact {
        let of_family = |family| self.named.iter().filter(move |((server, _), _)| server.is_ipv6() == family);
        let most = [false, true].map(|family| of_family(family).map(|vote| *vote.1).max().unwrap_or_default());
        let is_enough = |server: SocketAddr, count: usize| {
            let family = usize::from(server.is_ipv6());
            count >= most[family].min(self.pods[family] / 2 + 1)
        };
        let mut votes: Vec<_> = self.named.iter().filter(|((server, _), count)| is_enough(*server, **count)).collect();
        votes.sort_by(|one, other| other.1.cmp(one.1).then_with(|| one.0.cmp(other.0)));
        let domain = votes.first().map(|((_, domain), _)| domain.clone());
        let mut servers: Vec<SocketAddr> = Vec::new();
        for ((server, _), _) in votes {
            if servers.len() < SERVERS_MAX && !servers.contains(server) {
                servers.push(*server);
            }
        }
        ClusterDnsFact { servers, domain, ..ClusterDnsFact::default() }
    }
}

/// Whom the node's own resolver asks: what stands behind systemd-resolved, where that is all that is named.
pub(super) fn of_node(host: &HostRoot) -> Vec<IpAddr> {
    let read = |path: &str| host.read_text(path, FILE_MAX).map(|text| parse(&text).nameservers);
    let named = read("etc/resolv.conf").unwrap_or_default();
    let behind = if named.iter().all(is_resolved) { read(BEHIND_RESOLVED).unwrap_or_default() } else { Vec::new() };
    let servers: BTreeSet<IpAddr> = if behind.is_empty() { named } else { behind }.into_iter().collect();
    servers.into_iter().take(SERVERS_MAX).map(|address| address.to_canonical()).collect()
}

fn is_resolved(address: &IpAddr) -> bool {
    ["127.0.0.53", "127.0.0.54"].iter().any(|stub| address.to_string() == *stub)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn search_list_of_the_pods_namespace_makes_it_cluster_dns() {
        let text = "search shop.svc.Cluster.local svc.cluster.local\nnameserver 10.96.0.10\nnameserver fd00::a%eth0\noptions ndots:5\n";
        let file = parse(text);
        let servers: Vec<_> = cluster_dns(&file, "shop").collect();
        assert_eq!(servers.len(), 2);
        assert_eq!(servers[0], ("10.96.0.10:53".parse().unwrap(), "cluster.local".into()));
        assert_eq!(cluster_dns(&file, "other").count(), 0);
    }

    #[test]
    fn whole_file_is_told_within_bounds() {
        let text = "domain old.example\nsearch a.example B.example.\noptions ndots:2 edns0\noptions timeout:1\n";
        let file = parse(text);
        assert_eq!((&*file.search, file.ndots()), (&["a.example".into(), "b.example".into()][..], 2));
        assert_eq!(file.options, ["ndots:2", "edns0", "timeout:1"].map(Text::from));
        let long = format!("search {}\n{}", "x.example ".repeat(100), "nameserver 192.0.2.1\n".repeat(100));
        let file = parse(&long);
        assert_eq!((file.search.len(), file.nameservers.len()), (SEARCH_MAX, SERVERS_MAX));
    }

    /// Cluster DNS, where so many pods each name these.
    fn servers(pods: &[(usize, &[&str])]) -> Vec<String> {
        let vote = |text: &&str| (text.parse().unwrap(), Text::from("cluster.local"));
        let mut votes = Votes::default();
        for (count, named) in pods {
            (0..*count).for_each(|_| votes.add(named.iter().map(vote).collect()));
        }
        votes.fact().servers.iter().map(ToString::to_string).collect()
    }

    const RIGHT: &str = "10.96.0.10:53";
    const RIGHT_V6: &str = "[fd00::a]:53";

    #[test]
    fn server_of_one_pod_is_not_the_clusters() {
        assert_eq!(servers(&[(1, &["10.0.0.1:53"]), (5, &[RIGHT])]), [RIGHT]);
        assert_eq!(servers(&[(2, &["192.0.2.53:53", RIGHT]), (3, &[RIGHT])]), [RIGHT]);
        assert_eq!(servers(&[(1, &["[2001:db8::53]:53"]), (5, &[RIGHT, RIGHT_V6])]), [RIGHT, RIGHT_V6]);
    }

    #[test]
    fn servers_of_both_families_are_the_clusters() {
        assert_eq!(servers(&[(6, &[RIGHT, RIGHT_V6])]), [RIGHT, RIGHT_V6]);
    }

    #[test]
    fn pods_of_one_family_count_by_themselves() {
        assert_eq!(servers(&[(6, &[RIGHT]), (1, &[RIGHT_V6])]), [RIGHT, RIGHT_V6]);
    }

    #[test]
    fn where_pods_do_not_agree_most_of_them_count() {
        assert_eq!(servers(&[(1, &["10.0.0.1:53"]), (1, &[RIGHT])]), ["10.0.0.1:53", RIGHT]);
        assert_eq!(servers(&[(1, &["10.0.0.1:53"]), (2, &["10.0.0.2:53"]), (2, &[RIGHT])]), ["10.0.0.2:53", RIGHT]);
    }

    #[test]
    fn what_stands_behind_resolved_is_whom_the_node_asks() {
        let folder = tempfile::tempdir().unwrap();
        let host = HostRoot::open(folder.path()).unwrap();
        assert_eq!(of_node(&host), Vec::<IpAddr>::new());
        fs::create_dir_all(folder.path().join("run/systemd/resolve")).unwrap();
        fs::create_dir_all(folder.path().join("etc")).unwrap();
        fs::write(folder.path().join("etc/resolv.conf"), "nameserver 127.0.0.53\n").unwrap();
        assert_eq!(of_node(&host), ["127.0.0.53".parse::<IpAddr>().unwrap()]);
        fs::write(folder.path().join(BEHIND_RESOLVED), "nameserver 192.0.2.1\n").unwrap();
        assert_eq!(of_node(&host), ["192.0.2.1".parse::<IpAddr>().unwrap()]);
    }
}
