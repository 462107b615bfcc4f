//! `loop-*`: what goes in a circle, and what only looks so.

use std::net::SocketAddr;

use hickory_proto::rr::RecordType::{A, HINFO};

use super::*;
use crate::capture::{Process, Socket};
use crate::owner::fact::NodeFact;

const NODE: &str = "10.244.0.1";
const PROBE: &str = "7930307850743042177.286062316746661525";

/// One lap, from `client` to `server`, without response; each has its own port.
fn lap(at: u64, client: &str, server: &str) -> Ask {
    let client = SocketAddr::new(client.parse().unwrap(), 40_000 + u16::try_from(at).unwrap());
    Ask::new(at, &client.to_string(), server, "ok.example", A)
}

fn socket(tgid: u32) -> Socket {
    Socket { process: Some(Process { tgid, uid: None, comm: [0; 16] }), ..Socket::default() }
}

/// The same with the processes at both ends.
fn between(ask: Ask, client: u32, server: u32) -> Ask {
    ask.with(|transaction| {
        transaction.client_socket = socket(client);
        transaction.server_socket = socket(server);
    })
}

/// The same with the cgroups at both ends.
fn of_services(ask: Ask, client: u64, server: u64) -> Ask {
    let socket = |cgroup_id| Socket { cgroup_id: Some(cgroup_id), ..Socket::default() };
    ask.with(move |transaction| {
        transaction.client_socket = socket(client);
        transaction.server_socket = socket(server);
    })
}

fn node() -> Fact {
    Fact::Node(NodeFact { addresses: vec![NODE.parse().unwrap(), "192.0.2.2".parse().unwrap()], ..NodeFact::default() })
}

#[test]
fn coredns_that_asks_itself_by_a_stubs_address() {
    let laps = (0..5).map(|at| between(lap(at, "127.0.0.1", "127.0.0.53:53"), 7, 7));
    check(Scene::cluster().asks(laps), &["loop-self-stub certain 127.0.0.1 4"]);
}

#[test]
fn in_a_capture_of_lo_the_rate_tells() {
    let laps = (0..40).map(|at| lap(at / 4, "::1", "[::1]:53").message_id(at.try_into().unwrap()));
    check(Scene::unknown().asks(laps), &["loop-self-stub likely ::1 25"]);
    // Some queries at once are those of an application that asks a silent cache.
    let some = (0..7).map(|at| lap(at, "127.0.0.1", "127.0.0.1:53"));
    check(Scene::unknown().asks(some), &["no-response certain 127.0.0.1:53 7"]);
    // Once in a while a slow cache is asked again.
    let slow = (0..9).map(|at| lap(at * 700, "127.0.0.1", "127.0.0.1:53"));
    check(Scene::unknown().asks(slow), &["no-response certain 127.0.0.1:53 9"]);
}

#[test]
fn application_that_asks_its_own_cache_is_no_loop() {
    let asks = (0..5).map(|at| between(lap(at, "127.0.0.1", "127.0.0.1:53"), 7, 8));
    check(Scene::cluster().asks(asks), &["no-response certain 127.0.0.1:53 5"]);
}

#[test]
fn loop_plugins_own_question_is_no_loop_while_nobody_answers() {
    let own =
        |at: u64| between(Ask::new(at, &format!("127.0.0.1:{}", 40_000 + at), "127.0.0.1:53", PROBE, HINFO), 7, 7);
    let on = |at: u64| Ask::new(at, &format!("10.244.0.53:{}", 50_000 + at), UPSTREAM, PROBE, HINFO);
    let asks = (0..5).flat_map(|second| [own(second * 1_000), on(second * 1_000 + 1)]);
    let found = Scene::cluster().asks(asks).finish().ids();
    assert!(!found.iter().any(|id| id.starts_with("loop-")), "{found:?}");
}

#[test]
fn loop_plugins_question_that_comes_back_is_one() {
    let laps = (1..3).map(|at| Ask::new(at, &format!("127.0.0.1:{}", 40_000 + at), "127.0.0.53:53", PROBE, HINFO));
    let own = Ask::new(0, "127.0.0.1:47000", "127.0.0.1:53", PROBE, HINFO);
    let found = Scene::unknown().ask(own).asks(laps).finish().ids();
    assert!(found.contains(&"loop-self-stub certain 127.0.0.1 1".to_owned()), "{found:?}");
}

#[test]
fn cluster_dns_and_the_nodes_resolver_ask_each_other() {
    let asks = (0..3).flat_map(|at| {
        [lap(at * 10, "10.244.0.53", "10.244.0.1:53"), lap(at * 10 + 1, "192.0.2.2", SERVICE).behind(COREDNS)]
    });
    let found = Scene::cluster().fact(node()).asks(asks).finish();
    let expected = "loop-node-forwarder certain node: is asked by cluster DNS, and asks it the same again: this node -> \
                    10.96.0.10 -> kube-system/coredns-1 -> 10.244.0.1 -> this node";
    assert!(found.found().contains(&expected.to_owned()), "{:#?}", found.found());
}

/// dnsmasq asks once for all that it is asked.
#[test]
fn forwarder_that_merges_questions_makes_one_lap() {
    let laps = |dnsmasq| {
        let [asked, asks] = [lap(0, "10.244.0.53", "10.244.0.1:53"), lap(1, "192.0.2.2", COREDNS)];
        [between(asked, 7, 8), between(asks, dnsmasq, 7)].map(|ask| ask.rcode(4_000, 2))
    };
    let found = Scene::unknown().fact(node()).asks(laps(8)).finish().ids();
    assert!(found.iter().any(|id| id.starts_with("loop-node-forwarder certain node")), "{found:?}");
    // Another process of the node that asks the same.
    let found = Scene::unknown().fact(node()).asks(laps(9)).finish().ids();
    assert!(!found.iter().any(|id| id.starts_with("loop-")), "{found:?}");
}

/// Sockets that never answer have no process, but a cgroup.
#[test]
fn cluster_dns_on_the_nodes_network_and_the_nodes_resolver_ask_each_other() {
    let laps = |coredns, resolved| {
        let asked = of_services(lap(0, "127.0.0.1", "127.0.0.53:53"), 70, resolved);
        [asked, of_services(lap(1, "192.0.2.2", SERVICE).behind("10.244.0.1:53"), 80, coredns)]
    };
    let found = Scene::cluster().fact(node()).asks(laps(70, 80)).finish();
    let expected = "loop-node-forwarder certain node: is asked by cluster DNS, and asks it the same again: this node -> \
                    10.96.0.10 -> this node -> 127.0.0.53 -> this node";
    assert!(found.found().contains(&expected.to_owned()), "{:#?}", found.found());
    // The application that asks the node's resolver is another one than its server.
    let found = Scene::cluster().fact(node()).asks(laps(90, 80)).finish().ids();
    assert!(!found.iter().any(|id| id.starts_with("loop-")), "{found:?}");
    // In one cgroup, nobody knows which program asks which.
    let beside = [lap(0, "127.0.0.1", "127.0.0.1:53"), lap(1, "127.0.0.1", "127.0.0.2:53")];
    let found = Scene::unknown().asks(beside.map(|ask| of_services(ask, 70, 70))).finish().ids();
    assert!(!found.iter().any(|id| id.starts_with("loop-")), "{found:?}");
}

#[test]
fn two_resolvers_ask_each_other() {
    let asks = (0..4).flat_map(|at| [lap(at * 10, "10.244.0.53", COREDNS_2), lap(at * 10 + 1, "10.244.0.54", COREDNS)]);
    let found = Scene::unknown().ask(lap(0, WEB, COREDNS)).asks(asks).finish().ids();
    assert!(found.iter().any(|id| id.starts_with("loop-mutual certain 10.244.0.53")), "{found:?}");
}

#[test]
fn cluster_dns_that_asks_its_own_service() {
    let client = lap(0, WEB, SERVICE).behind(COREDNS);
    let asks = (1..4).map(|at| lap(at, "10.244.0.53", SERVICE).behind(COREDNS_2).because(&client));
    let found = Scene::cluster().ask(client.clone()).asks(asks).finish().ids();
    assert!(found.contains(&"loop-service-ip certain kube-system/coredns-1 3".to_owned()), "{found:?}");
}

/// A pod's `dnsConfig` may name the upstream server beside, or instead of, cluster DNS.
#[test]
fn upstream_server_that_a_pod_names_is_no_service_for_sure() {
    let client = lap(0, WEB, SERVICE).behind(COREDNS);
    let asked = lap(1, "10.244.0.53", UPSTREAM).because(&client).found("198.51.100.1");
    let named = ClusterDnsFact { servers: vec![UPSTREAM.parse().unwrap()], ..ClusterDnsFact::default() };
    let scene = Scene::cluster().said(Source::ResolvConf, Fact::ClusterDns(named));
    check(scene.asks([asked, client.found("198.51.100.1")]), &["loop-service-ip likely kube-system/coredns-1 1"]);
}

#[test]
fn tries_of_a_resolver_and_clients_beside_each_other_are_no_loop() {
    let tries = (0..4).map(|at| lap(at * 2_000, "10.244.0.53", UPSTREAM));
    let clients = (0..4).flat_map(|at| [lap(at, WEB, SERVICE).behind(COREDNS), lap(at, DB, SERVICE).behind(COREDNS)]);
    let found = Scene::cluster().asks(clients).asks(tries).finish().ids();
    assert!(!found.iter().any(|id| id.starts_with("loop-")), "{found:?}");
}

#[test]
fn stub_zones_that_differ_are_no_loop() {
    let ask = |at: u64, client: &str, server: &str, name: &str| {
        Ask::new(at, &format!("{client}:{}", 40_000 + at), server, name, A)
    };
    let asks = (0..4).flat_map(|at| {
        [ask(at, "10.244.0.53", COREDNS_2, "a.corp.test"), ask(at, "10.244.0.54", COREDNS, "a.shop.svc.cluster.local")]
    });
    let found = Scene::unknown().asks(asks).finish().ids();
    assert!(!found.iter().any(|id| id.starts_with("loop-")), "{found:?}");
}

#[test]
fn every_lap_is_counted_and_what_has_a_good_answer_is_not() {
    let laps = (0..5).map(|at| between(lap(at, "127.0.0.1", "127.0.0.53:53"), 7, 7));
    let answered = lap(9, "10.244.0.10", "192.0.2.99:53").found("198.51.100.1");
    assert_eq!(Scene::cluster().asks(laps).ask(answered).finish().heard.looping, 5);
}
