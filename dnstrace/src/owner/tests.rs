//! Who is who: facts and sockets in, names out; the same from what a recording was told.

use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::{Receiver, sync_channel};

use super::fact::{
    CgroupOf, ClusterDnsFact, Conntrack, ContainerFact, Fact, NodeFact, PodFact, RemotePod, ResolvConf, ServiceFact,
    Source,
};
use super::sources::Ask;
use super::{Note, Owner, Party, Role, Told, Used, WallClock, Who};
use crate::capture::{BootTime, Direction, Hook, Point, Process, Socket};
use crate::join::{Hop, MessageKind, Transaction};

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

#[test]
fn who_asks_in_the_order_of_trust() {
    let cases = [
        ("netns and cgroup", "10.244.0.7", socket(Some(7), Some(77)), "shop/web nginx by netns"),
        ("netns before address", "10.244.0.5", socket(Some(7), None), "shop/web - by netns"),
        ("a debugger in the pod's netns", "10.244.0.7", socket(Some(7), Some(99)), "shop/web - by netns"),
        ("another pod's cgroup in the netns", "10.244.0.7", socket(Some(7), Some(88)), "shop/web - by netns"),
        ("the node's network", "192.0.2.2", socket(Some(NODE), Some(88)), "kube-system/agent agent by cgroup"),
        ("a unit", "192.0.2.2", socket(Some(NODE), Some(99)), "node kubelet.service by cgroup"),
        ("an address", "10.244.0.7", Socket::default(), "shop/web - by address"),
        ("an IPv6 address", "[fd00::7]", Socket::default(), "shop/web - by address"),
        ("an IPv4-mapped address", "[::ffff:10.244.0.7]", Socket::default(), "shop/web - by address"),
        ("the node's address", "192.0.2.2", Socket::default(), "node - by address"),
        ("a pod of another node", "10.244.9.9", Socket::default(), "far/away elsewhere"),
        ("nobody", "198.51.100.1", Socket::default(), "nobody"),
    ];
    for (case, client, socket, expected) in cases {
        let (mut owner, _asks) = owner(node());
        let who = given(&mut owner, asks(client, socket), SECOND).unwrap();
        assert_eq!(shown(who.client.as_ref()), expected, "{case}");
        assert_eq!(owner.counts().index.conflicts, u64::from(case.starts_with("another")), "{case}");
    }
}

#[test]
fn interface_tells_whose_a_forged_address_is() {
    let (mut owner, _asks) = owner(node());
    let point = Point { hook: Hook::Device, direction: Direction::In, ifindex: 70, netns: NODE };
    let mut forged = asks("10.244.0.5", Socket::default());
    let (time, src, dst) = (forged.time, forged.client, forged.server);
    forged.path.push(Hop { time, point, message: MessageKind::Query, attempt: 0, src, dst, vlan: None });
    let who = given(&mut owner, forged, SECOND).unwrap();
    assert_eq!(shown(who.client.as_ref()), "shop/web - by interface");
}

#[test]
fn role_is_what_it_is_to_cluster_dns() {
    let server: SocketAddr = "192.0.2.53:53".parse().unwrap();
    let dns = "10.244.0.5:53".parse().ok();
    let to = |transaction: Transaction| Transaction { server, ..transaction };
    let cases = [
        ("a pod asks it", asks("10.244.0.7", socket(Some(7), Some(77))), Role::Client),
        ("the node asks it", asks("192.0.2.2", socket(Some(NODE), Some(99))), Role::Client),
        ("its pod asks upstream", to(asks("10.244.0.5", socket(Some(5), None))), Role::Upstream),
        ("the node asks others", to(asks("192.0.2.2", socket(Some(NODE), Some(99)))), Role::Node),
        ("a pod with the node's network asks others", to(asks("192.0.2.2", socket(Some(NODE), Some(88)))), Role::Node),
        ("a pod asks others", to(asks("10.244.0.7", socket(Some(7), Some(77)))), Role::Other),
    ];
    for (case, transaction, role) in cases {
        let (mut owner, _asks) = owner(node());
        // Its pod is known by where NAT sends queries, which were answered.
        let response = Some(crate::join::MessageCopy {
            bytes: bytes::Bytes::new(),
            wire_len: 12,
            header: crate::decode::Header { id: 0, flags: 0x8000, counts: [0; 4] },
        });
        let first = Transaction { server_after_nat: dns, response, ..asks("10.244.0.7", Socket::default()) };
        given(&mut owner, first, 0).unwrap();
        assert_eq!(given(&mut owner, transaction, SECOND).unwrap().role, role, "{case}");
    }
}

#[test]
fn pod_that_just_began_is_waited_for_in_order() {
    let (mut owner, asked) =
        owner(vec![(Source::Kernel, Fact::Node(NodeFact { netns: Some(NODE), ..NodeFact::default() }))]);
    let process = Some(Process { tgid: 4711, uid: None, comm: [0; 16] });
    let first = asks("10.244.0.7", Socket { process, ..socket(Some(7), Some(77)) });
    assert_eq!(given(&mut owner, first, SECOND), None);
    assert_eq!(given(&mut owner, asks("198.51.100.1", Socket::default()), SECOND), None);
    assert_eq!(asked.try_recv(), Ok(Ask::Cgroup { id: 77, tgid: Some(4711) }));
    for (source, fact) in node() {
        owner.apply(source, fact, BootTime(SECOND + 1));
    }
    let mut found = Vec::new();
    owner.expire(BootTime(SECOND + 2), |_, _, who| found.push(shown(who.client.as_ref())));
    assert_eq!(found, ["shop/web nginx by netns", "nobody"]);
}

#[test]
fn who_nobody_knows_is_waited_for_once_and_shortly() {
    let (mut owner, asked) =
        owner(vec![(Source::Kernel, Fact::Node(NodeFact { netns: Some(NODE), ..NodeFact::default() }))]);
    let unknown = || asks("10.244.0.7", socket(Some(7), Some(77)));
    assert_eq!(given(&mut owner, unknown(), SECOND), None);
    let mut given_out = 0;
    owner.expire(BootTime(2 * SECOND - 1), |_, _, _| given_out += 1);
    assert_eq!(given_out, 0);
    owner.expire(BootTime(2 * SECOND), |_, _, _| given_out += 1);
    assert_eq!(given_out, 1);
    assert_eq!(given(&mut owner, unknown(), 2 * SECOND).map(|who| shown(who.client.as_ref())), Some("nobody".into()));
    assert_eq!(asked.try_iter().filter(|ask| matches!(ask, Ask::Cgroup { .. })).count(), 1);
    // What nobody knew is asked for again after a while, and not waited for.
    assert!(given(&mut owner, unknown(), 12 * SECOND).is_some());
    assert_eq!(asked.try_iter().filter(|ask| matches!(ask, Ask::Cgroup { .. })).count(), 1);
}

#[test]
fn without_sources_nobody_is_waited_for() {
    let mut owner = Owner::files(1);
    let who = given(&mut owner, asks("10.244.0.7", socket(Some(7), Some(77))), SECOND).unwrap();
    assert_eq!(who, Who::default());
}

#[test]
fn machines_of_the_same_numbers_are_told_apart_by_address() {
    let mut owner = Owner::files(2);
    for (source, fact) in node() {
        owner.apply(source, fact, BootTime(0));
    }
    let who = given(&mut owner, asks("10.244.0.5", socket(Some(7), Some(77))), SECOND).unwrap();
    assert_eq!(shown(who.client.as_ref()), "kube-system/coredns - by address");
}

/// Applies what is told to an owner of a file.
fn retell(from: &Owner, told: &mut Told, used: &Used<'_>, to: &mut Owner) {
    from.tell(used, told, WallClock::default(), |note| {
        let note = Note::read(&note.line()).unwrap();
        let time = note.time(BootTime(0));
        to.apply(note.source, note.fact, time);
    });
}

#[test]
fn recording_has_what_was_used_and_gives_the_same_names() {
    let (mut live, _asks) = owner(node());
    let mut file = Owner::files(1);
    let mut told = Told::default();
    let dual_stack =
        Transaction { server: "[fd00::a]:53".parse().unwrap(), ..asks("[fd00::7]", socket(Some(7), Some(77))) };
    let all = [
        asks("10.244.0.7", socket(Some(7), Some(77))),
        dual_stack,
        asks("192.0.2.2", socket(Some(NODE), Some(88))),
        asks("192.0.2.2", socket(Some(NODE), Some(99))),
        asks("10.244.9.9", Socket::default()),
        // The first again: what was told later must not have changed it.
        asks("10.244.0.7", socket(Some(7), Some(77))),
    ];
    for transaction in all {
        let who = given(&mut live, transaction.clone(), SECOND).unwrap();
        let used = Used {
            parties: [who.client.as_ref(), who.server.as_ref(), None],
            cgroups: [transaction.client_socket.cgroup_id, None],
            addresses: [transaction.client.ip(), transaction.server.ip()],
        };
        retell(&live, &mut told, &used, &mut file);
        let mut again = 0;
        live.tell(&used, &mut told, WallClock::default(), |_| again += 1);
        assert_eq!(again, 0, "told twice");
        assert_eq!(given(&mut file, transaction, SECOND), Some(who));
    }
    assert!(file.index().pods().iter().all(|pod| pod.name.as_deref() != Some("coredns")), "who was not used");
}

#[test]
fn recording_has_the_resolv_conf_of_pods_it_knows() {
    let (mut live, _asks) = owner(node());
    let (mut file, mut told) = (Owner::files(1), Told::default());
    let search = |domain: &str, pod: &str| {
        Fact::ResolvConf(ResolvConf { pod: pod.into(), search: vec![domain.into()], ..ResolvConf::default() })
    };
    let who = given(&mut live, asks("10.244.0.7", Socket::default()), SECOND).unwrap();
    let nobody = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    let used = Used { parties: [who.client.as_ref(), None, None], cgroups: [None; 2], addresses: [nobody; 2] };
    for domain in ["old.example", "new.example"] {
        live.apply(Source::ResolvConf, search(domain, "u-web"), BootTime(SECOND));
        live.apply(Source::ResolvConf, search(domain, "u-other"), BootTime(SECOND));
        retell(&live, &mut told, &used, &mut file);
        let known = file.index().resolv_conf("u-web").map(|file| file.search.clone());
        assert_eq!(known, Some(vec![domain.into()]));
    }
    assert_eq!(file.index().resolv_conf("u-other"), None, "whose name was not used");
}

#[test]
fn recording_has_the_netns_that_nobody_knows() {
    let (mut live, _asks) = owner(node());
    let nobody = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    let used = Used { parties: [None; 3], cgroups: [None; 2], addresses: [nobody; 2] };
    let clock = WallClock { time: BootTime(0), wall: crate::capture::WallTime(0) };
    let mut told = Told::default();
    let mut unknown = |live: &Owner| {
        let mut unknown = Vec::new();
        live.tell(&used, &mut told, clock, |note| {
            if let Fact::NetnsUnknown { netns } = note.fact {
                unknown.push((netns, note.at));
            }
        });
        unknown
    };
    for netns in [7, 8] {
        live.apply(Source::Kernel, Fact::NetnsUnknown { netns }, BootTime(SECOND));
        assert_eq!(unknown(&live), [(netns, Some(SECOND))], "each is told once");
    }
}

#[test]
fn recording_has_what_connection_tracking_said_last() {
    let (mut live, _asks) = owner(node());
    let (mut file, mut told) = (Owner::files(1), Told::default());
    let nobody = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    let used = Used { parties: [None; 3], cgroups: [None; 2], addresses: [nobody; 2] };
    for count in [10, 99] {
        let said = Conntrack { count, max: 100, ..Conntrack::default() };
        live.apply(Source::Kernel, Fact::Conntrack(said), BootTime(SECOND));
        retell(&live, &mut told, &used, &mut file);
        assert_eq!(file.index().conntrack(), Some(&said));
    }
}

#[test]
fn recording_says_when_each_fact_became_known() {
    let (mut live, _asks) = owner(node());
    let clock = WallClock { time: BootTime(0), wall: crate::capture::WallTime(1_000) };
    let (mut told, nobody) = (Told::default(), IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED));
    let mut times = |live: &Owner, who: &Who| {
        let parties = [who.client.as_ref(), None, None];
        let used = Used { parties, cgroups: [None; 2], addresses: [nobody; 2] };
        let mut times = Vec::new();
        live.tell(&used, &mut told, clock, |note| {
            if matches!(&note.fact, Fact::Pod(_)) {
                times.push((note.source, note.at));
            }
        });
        times
    };
    let who = given(&mut live, asks("10.244.0.7", Socket::default()), SECOND).unwrap();
    assert!(times(&live, &who).iter().all(|(_, at)| at.is_none()), "what was there at first");
    let fact = PodFact { uid: "u-web".into(), labels: vec![("app".into(), "web".into())], ..PodFact::default() };
    live.apply(Source::Api, Fact::Pod(fact.clone()), BootTime(2 * SECOND));
    // The same again is nothing new.
    live.apply(Source::Api, Fact::Pod(fact), BootTime(3 * SECOND));
    assert_eq!(times(&live, &who).last(), Some(&(Source::Api, Some(2 * SECOND + 1_000))));
}

#[test]
fn recording_is_told_what_became_of_those_it_knows() {
    let (mut live, _asks) = owner(node());
    let (mut file, mut told) = (Owner::files(1), Told::default());
    let transaction = || asks("10.244.0.7", Socket::default());
    let who = given(&mut live, transaction(), SECOND).unwrap();
    let nobody = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    let used = |party| Used { parties: [party, None, None], cgroups: [None; 2], addresses: [nobody, ip("10.96.0.10")] };
    retell(&live, &mut told, &used(who.client.as_ref()), &mut file);
    live.apply(Source::Cni, Fact::PodGone { uid: "u-web".into(), sandbox: None }, BootTime(SECOND));
    let gone = Fact::ServiceGone { namespace: "kube-system".into(), name: "kube-dns".into() };
    live.apply(Source::Api, gone, BootTime(SECOND));
    retell(&live, &mut told, &used(None), &mut file);
    let late = Transaction { time: BootTime(SECOND + 1), ..transaction() };
    let at_the_time = given(&mut file, transaction(), SECOND).unwrap();
    let after = given(&mut file, late, SECOND + 1).unwrap();
    assert_eq!([&at_the_time, &after].map(|who| shown(who.client.as_ref())), ["shop/web - by address", "nobody"]);
    assert_eq!(after.service, None);
}

#[test]
fn recording_waits_for_names_before_it_has_any() {
    let mut live = Owner::live(0, Some(Box::new(|_| {})));
    let (mut file, mut told) = (Owner::files(1), Told::default());
    let nobody = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    let used = Used { parties: [None; 3], cgroups: [None; 2], addresses: [nobody; 2] };
    retell(&live, &mut told, &used, &mut file);
    let transaction = asks("10.244.0.7", socket(Some(7), Some(77)));
    let waits = |owner: &mut Owner| given(owner, transaction.clone(), SECOND).is_none();
    assert_eq!([waits(&mut live), waits(&mut file)], [true; 2]);
}

#[test]
fn recording_has_what_a_source_said_of_a_container_that_ended() {
    let (mut live, _asks) = owner(node());
    let (mut file, mut told) = (Owner::files(1), Told::default());
    let fact = |image: &str| {
        let (id, name, pod) = ("c-web".into(), Some("nginx".into()), Some("u-web".into()));
        Fact::Container(ContainerFact { id, name, pod, image: Some(image.into()), ..ContainerFact::default() })
    };
    live.apply(Source::Cri, fact("nginx:1"), BootTime(0));
    live.apply(Source::Api, fact("sha256:00"), BootTime(0));
    live.apply(Source::Cri, Fact::ContainerGone { id: "c-web".into() }, BootTime(SECOND));
    let asked = || asks("10.244.0.7", socket(Some(7), Some(77)));
    let who = given(&mut live, asked(), SECOND).unwrap();
    let parties = [who.client.as_ref(), who.server.as_ref(), None];
    let used = Used { parties, cgroups: [Some(77), None], addresses: [ip("10.244.0.7"), ip("10.96.0.10")] };
    retell(&live, &mut told, &used, &mut file);
    assert_eq!(given(&mut file, asked(), SECOND), Some(who));
}
