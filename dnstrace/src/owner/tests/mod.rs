//! A node, and who its transactions are between.

mod names;
mod recording;

use std::net::IpAddr;
use std::sync::mpsc::{Receiver, sync_channel};

use super::fact::{CgroupOf, ClusterDnsFact, ContainerFact, Fact, NodeFact, PodFact, RemotePod, ServiceFact, Source};
use super::sources::Ask;
use super::{Owner, Party, Who};
use crate::capture::{BootTime, Socket};
use crate::join::Transaction;

/// Inode of the node's netns.
const NODE: u32 = 4_026_531_840;
const SECOND: u64 = 1_000_000_000;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A node with a pod `shop/web` (netns 7, interface 70, cgroup 77), a pod `kube-system/agent` with the node's network
/// (cgroup 88), a unit (cgroup 99), a Service of two families, and cluster DNS in a pod.
fn node() -> Vec<(Source, Fact)> {
    let pod = |uid: &str, namespace: &str, name: &str| PodFact {
        uid: uid.into(),
        namespace: Some(namespace.into()),
        name: Some(name.into()),
        ..PodFact::default()
    };
    let container = |id: &str, name: &str, pod: &str| {
        let (id, name, pod) = (id.into(), Some(name.into()), Some(pod.into()));
        Fact::Container(ContainerFact { id, name, pod, ..ContainerFact::default() })
    };
    let cgroup = |id, of| (Source::Kernel, Fact::Cgroup { id, of });
    let in_container = |id: &str, pod: &str| CgroupOf::Container { id: id.into(), pod: Some(pod.into()) };
    let addresses = vec![ip("10.244.0.7"), ip("fd00::7")];
    let web = PodFact { netns: Some(7), interfaces: vec![70], addresses, ..pod("u-web", "shop", "web") };
    let dns = PodFact { netns: Some(5), addresses: vec![ip("10.244.0.5")], ..pod("u-dns", "kube-system", "coredns") };
    let service = ServiceFact {
        namespace: "kube-system".into(),
        name: "kube-dns".into(),
        addresses: vec![ip("10.96.0.10"), ip("fd00::a")],
    };
    let cluster_dns = ClusterDnsFact {
        servers: vec!["10.96.0.10:53".parse().unwrap()],
        domain: Some("cluster.local".into()),
        ..ClusterDnsFact::default()
    };
    vec![
        (
            Source::Kernel,
            Fact::Node(NodeFact { netns: Some(NODE), addresses: vec![ip("192.0.2.2")], ..NodeFact::default() }),
        ),
        (Source::Cni, Fact::Pod(web)),
        (Source::Cni, Fact::Pod(dns)),
        (Source::Oci, Fact::Pod(PodFact { host_network: Some(true), ..pod("u-agent", "kube-system", "agent") })),
        (Source::Oci, container("c-web", "nginx", "u-web")),
        (Source::Oci, container("c-agent", "agent", "u-agent")),
        cgroup(77, in_container("c-web", "u-web")),
        cgroup(88, in_container("c-agent", "u-agent")),
        cgroup(99, CgroupOf::Host { unit: "kubelet.service".into() }),
        (Source::Api, Fact::Service(service)),
        (
            Source::Api,
            Fact::Remote {
                address: ip("10.244.9.9"),
                pod: Some(RemotePod { namespace: "far".into(), name: "away".into(), node: None }),
            },
        ),
        (Source::KubeletConfig, Fact::ClusterDns(cluster_dns)),
    ]
}

fn owner(facts: Vec<(Source, Fact)>) -> (Owner, Receiver<Ask>) {
    let (sender, asks) = sync_channel(64);
    let mut owner = Owner::live(NODE, Some(Box::new(move |ask| sender.try_send(ask).unwrap())));
    for (source, fact) in facts {
        owner.apply(source, fact, BootTime(0));
    }
    (owner, asks)
}

fn socket(netns: Option<u32>, cgroup_id: Option<u64>) -> Socket {
    Socket { cgroup_id, netns, ..Socket::default() }
}

fn asks(client: &str, socket: Socket) -> Transaction {
    let between = Transaction::between(format!("{client}:40000").parse().unwrap(), "10.96.0.10:53".parse().unwrap());
    Transaction { time: BootTime(SECOND), client_socket: socket, ..between }
}

/// Who it is between, if that need not be waited for.
fn given(owner: &mut Owner, transaction: Transaction, now: u64) -> Option<Who> {
    let mut found = None;
    owner.take(transaction, BootTime(now), |_, _, who| found = Some(who));
    found
}

fn shown(party: Option<&Party>) -> String {
    match party {
        Some(Party::Pod { pod, container, by }) => {
            let container = container.as_ref().and_then(|container| container.name.as_deref()).unwrap_or("-");
            format!(
                "{}/{} {container} by {}",
                pod.namespace.as_deref().unwrap_or("-"),
                pod.name.as_deref().unwrap_or("-"),
                by.name()
            )
        }
        Some(Party::Node { unit, by }) => format!("node {} by {}", unit.as_deref().unwrap_or("-"), by.name()),
        Some(Party::Remote(pod)) => format!("{}/{} elsewhere", pod.namespace, pod.name),
        Some(Party::Resolver) => "resolver".to_owned(),
        None => "nobody".to_owned(),
    }
}
