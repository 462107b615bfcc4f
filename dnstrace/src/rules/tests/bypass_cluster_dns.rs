//! `bypass-cluster-dns`: fires, and does not.

use hickory_proto::rr::RecordType::{A, AAAA};

use super::*;

const OUTSIDE: &str = "8.8.8.8:53";

fn outside(at: u64, client: &str, name: &str) -> [Ask; 2] {
    [(A, 4_711), (AAAA, 60_112)]
        .map(|(qtype, id)| Ask::new(at, client, OUTSIDE, name, qtype).message_id(id).rcode(9, 3).soa("."))
}

fn walk(client: &str) -> Vec<Ask> {
    let names = ["api.shop.svc.cluster.local", "api.svc.cluster.local", "api.cluster.local", "api"];
    (0..).step_by(10).zip(names).flat_map(|(at, name)| outside(at, client, name)).collect()
}

#[test]
fn names_of_the_cluster_elsewhere_are_certain_where_cluster_dns_is_known() {
    check(Scene::cluster().asks(walk("10.244.0.10:40000")), &["bypass-cluster-dns certain shop/web 1"]);
}

#[test]
fn without_names_it_is_likely() {
    check(Scene::unknown().asks(walk("[2001:db8::10]:40000")), &["bypass-cluster-dns likely 2001:db8::10 1"]);
}

#[test]
fn one_try_by_hand_is_none() {
    let [a, _] = outside(0, "10.244.0.10:40000", "api.shop.svc.cluster.local");
    check(Scene::cluster().ask(a), &[]);
    let now_and_then = |turn: u64| outside(turn * 100_000, "10.244.0.10:40000", "api.shop.svc.cluster.local");
    check(Scene::cluster().asks((0..5).flat_map(now_and_then)), &[]);
}

#[test]
fn names_outside_may_be_asked_of_anybody() {
    let asks = (0..9).flat_map(|at| outside(at * 10, "10.244.0.10:40000", &format!("a{at}.example.com")));
    check(Scene::cluster().asks(asks), &[]);
}

#[test]
fn server_that_knows_the_cluster_is_no_bypass() {
    let known = |at: u64| {
        outside(at * 10, "10.244.0.10:40000", "none.shop.svc.cluster.local").map(|ask| ask.nxdomain("cluster.local"))
    };
    check(Scene::cluster().asks((0..2).flat_map(known)), &[]);
}

#[test]
fn endpoint_asked_directly_is_cluster_dns() {
    let direct = |at: u64| {
        let ask = Ask::new(at * 10, "10.244.0.10:40000", COREDNS, "none.shop.svc.cluster.local", A);
        ask.rcode(1, 3).soa("local")
    };
    check(Scene::cluster().asks((0..2).map(direct)), &[]);
}

#[test]
fn cluster_dns_itself_asks_outside() {
    check(Scene::cluster().asks(walk("10.244.0.53:40000")), &[]);
}
