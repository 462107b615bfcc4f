//! `stale-conntrack-endpoint`.

use hickory_proto::rr::RecordType::A;

use super::ways::*;
use super::*;
use crate::capture::Direction::{In, Out};
use crate::join::MessageKind::Query;

const GONE: &str = "10.244.0.99:53";

fn to(endpoint: &str, at: u64, client: &str) -> Ask {
    let ask = Ask::new(at, client, SERVICE, "web.prod.svc.cluster.local", A).behind(endpoint);
    ask.hop(at_device(0, In, WEB_IF, Query)).hop(at_device(0, Out, 8, Query))
}

/// Queries from one port, one a second, that have no response.
fn kept(endpoint: &'static str, begin: u64, count: u64) -> impl Iterator<Item = Ask> {
    (0..count).map(move |at| to(endpoint, begin + at * 1_000, "10.244.0.10:33333"))
}

#[test]
fn endpoint_that_the_api_does_not_list_is_certain() {
    let scene = Scene::cluster().asks(others(2)).asks(kept(GONE, 0, 12));
    check(scene, &["stale-conntrack-endpoint certain shop/web 12"]);
}

#[test]
fn endpoint_of_a_service_that_only_a_pod_names_is_in_no_list() {
    let other = "10.96.0.77:53";
    let asks = (0..12).map(|at| {
        let ask = Ask::new(at * 1_000, "10.244.0.10:33333", other, "a.example", A).behind(GONE);
        ask.hop(at_device(0, In, WEB_IF, Query)).hop(at_device(0, Out, 8, Query))
    });
    let scene = Scene::cluster().named_by_pods(other).asks(others(2)).asks(asks);
    check(scene, &["no-response certain 10.244.0.99:53 12"]);
}

#[test]
fn endpoint_that_fell_silent_while_others_answer_is_likely() {
    let before = to(COREDNS_2, 0, "10.244.0.10:33333").found("10.96.7.7");
    let scene = Scene::with_service_only().ask(before).asks(kept(COREDNS_2, 2_000, 2)).asks(others(8));
    let scene = scene.asks(kept(COREDNS_2, 4_000, 2));
    check(scene, &["stale-conntrack-endpoint likely 10.244.0.10 4"]);
}

#[test]
fn endpoint_that_fell_silent_is_suspected() {
    let before = to(COREDNS, 0, "10.244.0.10:33333").found("10.96.7.7");
    let scene = Scene::unknown().ask(before).asks(kept(COREDNS, 1_000, 4));
    check(scene, &["stale-conntrack-endpoint suspected 10.244.0.10 4"]);
}

#[test]
fn query_before_the_last_answer_is_none_of_those_that_are_lost() {
    let lost = to(COREDNS, 0, "10.244.0.10:33333");
    let answered = to(COREDNS, 1_000, "10.244.0.10:33333").found("10.96.7.7");
    let scene = Scene::unknown().ask(lost).ask(answered).asks(kept(COREDNS, 2_000, 4));
    check(scene, &["stale-conntrack-endpoint suspected 10.244.0.10 4", "no-response certain 10.244.0.53:53 1"]);
}

#[test]
fn endpoint_that_the_api_lists_is_not_stale() {
    let before = to(COREDNS, 0, "10.244.0.10:33333").found("10.96.7.7");
    let scene = Scene::cluster().ask(before).asks(kept(COREDNS, 1_000, 6));
    check(scene, &["no-response certain kube-system/coredns-1 6"]);
}

#[test]
fn list_that_lags_behind_a_rollout_is_waited_for() {
    check(Scene::cluster().asks(kept(GONE, 0, 2)), &["no-response certain 10.244.0.99:53 2"]);
}

#[test]
fn endpoint_that_new_sockets_get_is_not_stale() {
    let before = to(COREDNS, 0, "10.244.0.10:33333").found("10.96.7.7");
    let new = to(COREDNS, 2_500, "10.244.0.11:50000");
    let scene = Scene::unknown().ask(before).asks(kept(COREDNS, 1_000, 2)).ask(new).asks(kept(COREDNS, 3_000, 3));
    check(scene, &["no-response certain 10.244.0.53:53 6"]);
}

#[test]
fn query_that_came_to_its_server_is_the_servers_matter() {
    let before = to(COREDNS, 0, "10.244.0.10:33333").found("10.96.7.7");
    let arrived = kept(COREDNS, 1_000, 5).map(|ask| ask.hop(at_socket(1, In, Query)));
    check(Scene::unknown().ask(before).asks(arrived), &["no-response certain 10.244.0.53:53 5"]);
}

#[test]
fn lookups_with_a_new_port_each_are_not_tied() {
    let before = to(COREDNS, 0, "10.244.0.10:33333").found("10.96.7.7");
    let asks = (1..6).map(|at| to(COREDNS, at * 1_000, &format!("10.244.0.10:{}", 40_000 + at)));
    check(Scene::unknown().ask(before).asks(asks), &["no-response certain 10.244.0.53:53 5"]);
}

#[test]
fn client_that_keeps_its_port_while_the_upstream_server_is_dead_is_not_tied() {
    let before = to(COREDNS, 0, "10.244.0.10:33333").found("10.96.7.7");
    let clients: Vec<_> = kept(COREDNS, 1_000, 5).collect();
    let upstream = (0..).zip(&clients).map(|(at, client)| {
        let ask = Ask::new(1_001 + at * 1_000, "10.244.0.53:50000", UPSTREAM, "web.prod.svc.cluster.local", A);
        ask.because(client)
    });
    let upstream: Vec<_> = upstream.collect();
    let pairs = clients.into_iter().zip(upstream).flat_map(|(client, upstream)| [client, upstream]);
    let found = Scene::unknown().ask(before).asks(pairs).finish().ids();
    assert!(!found.is_empty() && found.iter().all(|found| !found.starts_with("stale")), "{found:?}");
}
