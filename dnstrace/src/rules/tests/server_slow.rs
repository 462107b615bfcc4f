//! `server-slow`.

use hickory_proto::rr::RecordType::A;

use super::*;
use crate::capture::Direction;
use crate::join::MessageKind;

const CLIENT: &str = "10.244.0.10:40000";
const NAME: &str = "kubernetes.default.svc.cluster.local";

/// CoreDNS takes `time` for a name of the cluster.
fn own(at: u64, time: u64) -> Ask {
    to_coredns(at, CLIENT, NAME).rcode(time, 0).authoritative().address("10.96.0.1").at_server(time)
}

fn each(count: u64, time: u64) -> Vec<Ask> {
    (0..count).map(|at| own(at * 200, time)).collect()
}

#[test]
fn many_slow_answers_of_its_own() {
    // From the fifth on it is no chance.
    check(Scene::cluster().asks(each(8, 150)), &["server-slow certain kube-system/coredns-1 4"]);
}

#[test]
fn seen_on_the_way_only_it_is_less_certain() {
    let ask = |at: u64| {
        let ask = Ask::new(at * 200, "[fd00::10]:40000", "[fd00::53]:53", "web.shop.svc.corp.test", A);
        let ask = ask.rcode(150, 0).authoritative().address("10.96.0.1");
        let ask = ask.hop(at_device(0, Direction::Out, 4, MessageKind::Query));
        ask.hop(at_device(150, Direction::In, 4, MessageKind::Response))
    };
    check(Scene::unknown().asks((0..8).map(ask)), &["server-slow likely [fd00::53]:53 4"]);
}

#[test]
fn one_slow_answer_is_chance() {
    check(Scene::cluster().asks(each(4, 150)), &[]);
}

#[test]
fn fast_ones_make_up_for_slow_ones() {
    let asks = (0..2_000).map(|at| own(at, if at % 250 == 0 { 150 } else { 0 }));
    check(Scene::cluster().asks(asks), &[]);
}

#[test]
fn upstream_server_that_is_slow_is_another_matter() {
    let asked = |at: u64| {
        let client = to_coredns(at * 200, CLIENT, &format!("n{at}.example"));
        let asked = asked_on(&client, 1, UPSTREAM).rcode(148, 0).address("198.51.100.1");
        [asked, client.rcode(150, 0).address("198.51.100.1").at_server(150)]
    };
    check(Scene::cluster().asks((0..9).flat_map(asked)), &[]);
}

#[test]
fn slow_on_the_way_is_not_the_server() {
    let asks = (0..9).map(|at| to_coredns(at * 200, CLIENT, NAME).rcode(150, 0).authoritative().address("10.96.0.1"));
    check(Scene::cluster().asks(asks.map(|ask| ask.at_server(1))), &[]);
}

#[test]
fn who_is_used_to_more_says_so() {
    let slow_from = |millis| Scene::cluster().slow_from(std::time::Duration::from_millis(millis)).asks(each(8, 150));
    check(slow_from(151), &[]);
    let scene = slow_from(20).finish();
    let said = "server-slow certain kube-system/coredns-1: takes more than 20 ms to answer what it knows itself";
    assert_eq!(scene.found(), [said]);
}

#[test]
fn evidence_says_where_the_time_went() {
    let scene = Scene::cluster().asks(each(8, 150)).finish();
    assert_eq!(scene.findings()[0].evidence[0].fate, "NOERROR after 150 ms, 150 ms of it at the server's socket");
}
