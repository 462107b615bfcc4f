//! `server-not-listening`.

use hickory_proto::rr::RecordType::{A, AAAA, HINFO};

use super::ways::*;
use super::*;
use crate::join::MessageKind::Response;

#[test]
fn endpoint_rejects() {
    let ask = sent_on(0, "10.244.0.11:40000").sign(rejected(0, "10.244.0.53"));
    check(Scene::cluster().ask(ask), &["server-not-listening certain kube-system/coredns-1 1"]);
}

#[test]
fn endpoint_rejects_over_ipv6() {
    let ask = Ask::new(0, "[fd00:10::10]:40000", SERVICE_V6, "a.example", AAAA).behind("[fd00:10::53]:53");
    let scene = Scene::unknown().ask(ask.sign(rejected(0, "fd00:10::53")));
    check(scene, &["server-not-listening certain [fd00:10::53]:53 1"]);
}

#[test]
fn endpoint_has_no_socket() {
    let ask = sent_on(0, "10.244.0.11:40000").sign(dropped(0, "NO_SOCKET", "__udp4_lib_rcv"));
    check(Scene::cluster().ask(ask), &["server-not-listening certain kube-system/coredns-1 1"]);
}

#[test]
fn upstream_server_rejects_and_explains_the_client() {
    let client = sent_on(0, "10.244.0.11:40000").rcode(3, 2);
    let upstream = Ask::new(1, "10.244.0.53:50000", UPSTREAM, "web.prod.svc.cluster.local", A).because(&client);
    let scene = Scene::cluster().asks([client, upstream.sign(rejected(0, "192.0.2.53"))]);
    check(scene, &["server-not-listening certain 192.0.2.53:53 1"]);
}

#[test]
fn service_address_that_rejects_itself_may_be_the_node() {
    let ask = stuck(0, "10.244.0.10:40000").sign(rejected(0, "10.96.0.10"));
    check(Scene::with_service_only().ask(ask), &["server-not-listening likely 10.96.0.10:53 1"]);
}

#[test]
fn service_that_sends_queries_to_another_port_may_send_them_to_a_closed_one() {
    let facts = |port| {
        let ask = stuck(0, "10.244.0.10:40000").sign(rejected(0, "10.96.0.10"));
        let scene = endpoint_on(port).ask(ask).finish();
        assert_eq!(scene.ids(), ["server-not-listening likely 10.96.0.10:53 1"]);
        scene.findings()[0].facts.clone()
    };
    assert_eq!(facts(53), [] as [&str; 0]);
    assert!(facts(8053)[0].contains("port 8053"), "{:?}", facts(8053));
}

#[test]
fn client_that_closed_its_port_before_the_response_is_no_server() {
    let ask = answered(0, "10.244.0.11:40000").sign(|transaction| {
        let mut sign = rejected(2, "10.244.0.11")(transaction);
        (sign.message, sign.src, sign.dst) = (Response, transaction.server, transaction.client);
        sign
    });
    check(Scene::cluster().ask(ask), &[]);
}

#[test]
fn coredns_that_probes_itself_before_it_listens_is_starting() {
    let ask = Ask::new(0, "127.0.0.1:40000", "127.0.0.1:53", "7930307850743042177.286062316746661525", HINFO);
    check(Scene::cluster().ask(ask.sign(dropped(0, "NO_SOCKET", "__udp4_lib_rcv"))), &[]);
}

#[test]
fn icmp_errors_are_limited_in_rate() {
    let at = |at: u64| stuck(at, &format!("10.244.0.10:{}", 10_000 + at));
    let rejected = |time: u64| at(time).sign(rejected(0, "10.96.0.10"));
    let scene = || Scene::with_service_only().asks([rejected(0), at(1_000), at(1_001), rejected(3_000), at(4_000)]);
    check(scene(), &["server-not-listening likely 10.96.0.10:53 2"]);
    let later = scene().asks([at(30_000), at(30_001)]);
    check(later, &["server-not-listening likely 10.96.0.10:53 2", "policy-drop suspected 10.244.0.10 2"]);
}
