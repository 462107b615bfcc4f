//! `nodelocal-upstream-timeout` and `nodelocal-down`.

use hickory_proto::rr::RecordType::A;

use super::*;
use crate::capture::{BootTime, Direction, Hook, Point, Socket, WallTime};
use crate::join::{ConnectionOutcome, MessageKind};

const CACHE: &str = "169.254.20.10:53";
const CLIENT: &str = "10.244.0.10:40000";
const NAME: &str = "web.shop.svc.cluster.local";
const SERVFAIL: u16 = 2;

#[test]
fn cluster_dns_does_not_answer_the_cache() {
    let client = Ask::new(0, CLIENT, CACHE, NAME, A);
    let asked = [1, 2_001].map(|after| asked_on(&client, after, SERVICE).behind(COREDNS));
    let scene = Scene::cluster().ask(client.rcode(4_000, SERVFAIL)).asks(asked);
    check(scene, &["nodelocal-upstream-timeout certain 10.96.0.10:53 2"]);
}

#[test]
fn one_query_without_response_is_less_certain() {
    let client = Ask::new(0, CLIENT, CACHE, NAME, A);
    let asked = asked_on(&client, 1, SERVICE).behind(COREDNS);
    let scene = Scene::cluster().asks([client, asked]);
    check(scene, &["nodelocal-upstream-timeout likely 10.96.0.10:53 1"]);
}

#[test]
fn connection_of_the_cache_is_not_answered() {
    let client = Ask::new(1_000, CLIENT, CACHE, NAME, A).rcode(2_000, SERVFAIL);
    let scene = Scene::cluster().connect(&connection(ConnectionOutcome::NoAnswer)).ask(client);
    check(scene, &["nodelocal-upstream-timeout likely 10.96.0.10:53 1"]);
}

#[test]
fn connection_that_is_accepted_is_not_it() {
    let client = Ask::new(1_000, CLIENT, CACHE, NAME, A).rcode(2_000, SERVFAIL);
    let scene = Scene::cluster().connect(&connection(ConnectionOutcome::Accepted)).ask(client);
    check(scene, &["error-response certain 169.254.20.10:53 1"]);
}

#[test]
fn coredns_behind_the_cache_waits_for_its_own_upstream_server() {
    let client = Ask::new(0, CLIENT, CACHE, "a.example", A);
    let passed = asked_on(&client, 1, SERVICE).behind(COREDNS);
    let asked = [1, 2_001].map(|after| asked_on(&passed, after, UPSTREAM));
    let scene = Scene::cluster().asks([client.rcode(2_001, SERVFAIL), passed]).asks(asked);
    check(scene, &["upstream-timeout certain 192.0.2.53:53 2"]);
}

#[test]
fn closed_socket_of_the_cache() {
    let asks = [0, 1].map(|at| Ask::new(at, CLIENT, CACHE, NAME, A).sign(dropped(0, "NO_SOCKET", "__udp4_lib_rcv")));
    let rejected = Ask::new(2, CLIENT, CACHE, NAME, A).sign(rejected(0, "169.254.20.10"));
    check(Scene::cluster().asks(asks).ask(rejected), &["nodelocal-down certain 169.254.20.10:53 3"]);
}

/// A pod's `dnsConfig` may name the node, where nobody listens.
#[test]
fn address_that_a_pod_names_is_less_certain() {
    let node = crate::owner::fact::NodeFact {
        addresses: vec!["192.0.2.2".parse().unwrap()],
        ..crate::owner::fact::NodeFact::default()
    };
    let named = ClusterDnsFact { servers: vec!["192.0.2.2:53".parse().unwrap()], ..ClusterDnsFact::default() };
    let scene = Scene::cluster().said(Source::Kernel, Fact::Node(node));
    let scene = scene.said(Source::ResolvConf, Fact::ClusterDns(named));
    let ask = Ask::new(0, CLIENT, "192.0.2.2:53", NAME, A).sign(rejected(0, "192.0.2.2"));
    check(scene.ask(ask), &["nodelocal-down likely 192.0.2.2:53 1"]);
}

#[test]
fn ipv6_and_without_names() {
    let asks = [0, 1].map(|at| Ask::new(at, "[fd00::10]:40000", "[fe80::53]:53", NAME, A).again(5_000 + at));
    check(Scene::unknown().asks(asks), &["nodelocal-down likely [fe80::53]:53 2"]);
}

#[test]
fn cache_that_answers_others_is_not_down() {
    let lost = Ask::new(0, CLIENT, CACHE, NAME, A).again(2_500).again(5_000);
    let answered = Ask::new(6_000, CLIENT, CACHE, "kubernetes.default.svc.cluster.local", A).found("10.96.0.1");
    check(Scene::cluster().asks([answered, lost]), &["no-response certain 169.254.20.10:53 1"]);
}

#[test]
fn resolver_of_the_provider_is_no_cache() {
    let asks = [0, 1, 2].map(|at| Ask::new(at, CLIENT, "169.254.169.253:53", "a.example", A).again(5_000 + at));
    check(Scene::cluster().asks(asks), &["no-response certain 169.254.169.253:53 3"]);
}

fn connection(outcome: ConnectionOutcome) -> Connection {
    let point = Point { hook: Hook::Device, direction: Direction::Out, ifindex: 6, netns: 0 };
    let (client, server) = ("192.0.2.2:50000".parse().unwrap(), SERVICE.parse().unwrap());
    let time = BootTime(500_000_000);
    let path = vec![crate::join::Hop {
        time,
        point,
        message: MessageKind::Query,
        attempt: 0,
        src: client,
        dst: server,
        vlan: None,
    }];
    Connection {
        time,
        wall: WallTime(500_000_000),
        client,
        server,
        server_after_nat: None,
        outcome,
        attempts: Vec::new(),
        path,
        path_cut: 0,
        signs: Vec::new(),
        client_socket: Socket::default(),
        server_socket: Socket::default(),
        closed_by_server: None,
    }
}
