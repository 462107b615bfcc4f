//! What sources would say of a large node in a large cluster.

use std::net::{IpAddr, Ipv4Addr};

use dnstrace::capture::{BootTime, Socket};
use dnstrace::owner::fact::{
    CgroupOf, ContainerFact, Fact, NodeFact, PodFact, RemotePod, Source, Text, Workload, WorkloadBy,
};

use super::names::{self, CONTAINERS, HOST_NETWORK, NODE, PODS, addresses, has_host_network, netns};

/// The largest cluster that Kubernetes is tested with.
pub(super) const REMOTE_PODS: u32 = 150_000;

const NODE_NETNS: u32 = 4_026_531_840;

/// Sources that know pods of a node.
const OF_PODS: [Source; 6] = [Source::Cni, Source::Oci, Source::Cri, Source::Kubelet, Source::Logs, Source::Api];
/// Of those, the ones that know containers.
const OF_CONTAINERS: [Source; 4] = [Source::Oci, Source::Cri, Source::Logs, Source::Api];

/// All that is said of this node's pods. Each source has read its own text: nothing is shared between them.
pub(super) fn of_node() -> impl Iterator<Item = (Source, Fact)> {
    let node = NodeFact { netns: Some(NODE_NETNS), name: Some(NODE.into()), ..NodeFact::default() };
    let pods = (0..PODS).flat_map(|number| OF_PODS.map(|source| (source, Fact::Pod(pod(source, number)))));
    let containers = (0..PODS + CONTAINERS)
        .flat_map(|number| OF_CONTAINERS.map(|source| (source, Fact::Container(container(source, number)))));
    let cgroups = (0..PODS + CONTAINERS).map(|number| (Source::Kernel, cgroup(number)));
    [(Source::Kernel, Fact::Node(node))].into_iter().chain(pods).chain(containers).chain(cgroups)
}

/// A pod of another node behind each address.
pub(super) fn of_others() -> impl Iterator<Item = (Source, Fact)> {
    (0..REMOTE_PODS).map(|number| {
        let pod = RemotePod {
            namespace: format!("team-{:03}", number % 500).into(),
            name: format!("service-{:04}-6b5c7d8f9-{number:05x}", number / 40).into(),
            node: Some(format!("ip-10-9-{}-{}.internal", number / 30 / 250, number / 30 % 250).into()),
        };
        let address = IpAddr::from(Ipv4Addr::from_bits(0x0a40_0000 + number));
        (Source::Api, Fact::Remote { address, pod: Some(pod) })
    })
}

/// A socket of one of the pods with a network of its own.
pub(super) fn socket(random: u64) -> Socket {
    let pod = own_network(random);
    Socket { netns: Some(netns(pod)), cgroup_id: Some(cgroup_id(pod)), ..Socket::default() }
}

/// A socket of one of the others.
pub(super) fn host_socket(random: u64) -> Socket {
    let pod = below(random, PODS / HOST_NETWORK) * HOST_NETWORK;
    Socket { netns: Some(NODE_NETNS), cgroup_id: Some(cgroup_id(pod)), ..Socket::default() }
}

/// An address of one of the pods.
pub(super) fn address(random: u64) -> IpAddr {
    addresses(own_network(random))[usize::from(random & 1 == 0)]
}

/// xorshift64: the same numbers in every run.
pub(super) fn random() -> impl Iterator<Item = u64> {
    std::iter::successors(Some(0x9e37_79b9_7f4a_7c15_u64), |last| {
        let next = last ^ (last << 13);
        let next = next ^ (next >> 7);
        Some(next ^ (next << 17))
    })
}

fn own_network(random: u64) -> u32 {
    let pod = below(random >> 8, PODS);
    if has_host_network(pod) { pod + 1 } else { pod }
}

fn below(random: u64, bound: u32) -> u32 {
    u32::try_from(random % u64::from(bound)).unwrap_or(0)
}

fn pod(source: Source, number: u32) -> PodFact {
    let host_network = has_host_network(number);
    let deployment = names::deployment(number);
    let workload = Workload { kind: "Deployment".into(), name: deployment.as_str().into(), by: WorkloadBy::Owner };
    let label = |name: &str| (Text::from(name), Text::from(deployment.as_str()));
    let says_more = matches!(source, Source::Cri | Source::Api);
    PodFact {
        uid: uid(number),
        sandbox: matches!(source, Source::Cni | Source::Oci | Source::Cri).then(|| container_id(number)),
        namespace: Some(names::namespace(number).into()),
        name: Some(names::pod(number).into()),
        host_network: Some(host_network),
        addresses: if host_network { Vec::new() } else { addresses(number).to_vec() },
        netns: (source == Source::Cni && !host_network).then(|| netns(number)),
        interfaces: if source == Source::Cni && !host_network { vec![100 + number] } else { Vec::new() },
        workload: says_more.then_some(workload),
        labels: if says_more { names::LABELS.map(label).to_vec() } else { Vec::new() },
        since: Some(BootTime(1)),
    }
}

fn container(source: Source, number: u32) -> ContainerFact {
    let pod = number % PODS;
    ContainerFact {
        id: container_id(number),
        name: (number >= PODS).then(|| names::container(number).into()),
        image: (source != Source::Logs).then(|| names::image(pod).into()),
        pod: Some(uid(pod)),
        sandbox: Some(container_id(pod)),
    }
}

fn cgroup(number: u32) -> Fact {
    let of = CgroupOf::Container { id: container_id(number), pod: Some(uid(number % PODS)) };
    Fact::Cgroup { id: u64::from(10_000 + number), of }
}

/// Of the pod's first container.
fn cgroup_id(pod: u32) -> u64 {
    u64::from(10_000 + PODS + pod)
}

fn uid(pod: u32) -> Text {
    names::uid(pod).into()
}

fn container_id(number: u32) -> Text {
    names::container_id(number).into()
}

#[cfg(test)]
mod tests {
    use dnstrace::owner::Owner;

    use super::*;

    #[test]
    fn every_pod_is_known_by_its_address_and_no_other() {
        let mut owner = Owner::live(0, Some(Box::new(|_| {})));
        of_node().for_each(|(source, fact)| owner.apply(source, fact, BootTime(1)));
        assert_eq!(owner.index().pods().len(), usize::try_from(PODS).unwrap());
        assert!(random().take(1_000).all(|random| owner.at_address(address(random), BootTime(2)).is_some()));
        assert_eq!(owner.at_address(addresses(PODS)[0], BootTime(2)), None);
    }
}
