//! Facts and sockets in, names out.

use std::net::SocketAddr;

use super::{NODE, SECOND, asks, given, node, owner, shown, socket};
use crate::capture::{BootTime, Direction, Hook, Point, Process, Socket};
use crate::join::{Hop, MessageKind, Transaction};
use crate::owner::fact::{Fact, NodeFact, Source};
use crate::owner::sources::Ask;
use crate::owner::{Owner, Role, Who};

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
fn interface_does_not_tell_whose_a_frame_is_that_a_bridge_gave_to_everybody() {
    let (mut owner, _asks) = owner(node());
    let mut flooded = asks("10.244.9.9", Socket::default());
    let point = Point { hook: Hook::Device, direction: Direction::Out, ifindex: 70, netns: NODE };
    let (time, src) = (flooded.time, flooded.client);
    // The interface is that of shop/web.
    for (asked, expected) in
        [("10.244.0.5:53", "kube-system/coredns - by address"), ("10.244.0.7:53", "shop/web - by interface")]
    {
        flooded.server_after_nat = asked.parse().ok();
        let dst = asked.parse().unwrap();
        flooded.path = vec![Hop { time, point, message: MessageKind::Query, attempt: 0, src, dst, vlan: None }];
        let who = given(&mut owner, flooded.clone(), SECOND).unwrap();
        assert_eq!(shown(who.server.as_ref()), expected, "{asked}");
    }
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
