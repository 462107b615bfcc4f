//! `no-dns-endpoints`.

use hickory_proto::rr::RecordType::A;

use super::ways::*;
use super::*;
use crate::capture::Direction::{In, Out};
use crate::join::MessageKind::Query;

const NODE: &str = "10.244.0.1";

fn rejected_at_once(port: u64) -> Ask {
    stuck(0, &format!("{WEB}:{port}")).sign(rejected(0, NODE))
}

#[test]
fn certain_where_the_api_says_so() {
    let scene = Scene::without_endpoints().asks([rejected_at_once(40_000), rejected_at_once(40_001)]);
    check(scene, &["no-dns-endpoints certain 10.96.0.10:53 2"]);
}

#[test]
fn likely_where_only_the_service_is_known() {
    check(Scene::with_service_only().ask(rejected_at_once(40_000)), &["no-dns-endpoints likely 10.96.0.10:53 1"]);
}

#[test]
fn likely_over_ipv6() {
    let ask = Ask::new(0, "[fd00:10::10]:40000", SERVICE_V6, "a.example", A).hop(at_device(0, In, WEB_IF, Query));
    let scene = Scene::with_service_only().ask(ask.sign(rejected(0, "fd00:10::1")));
    check(scene, &["no-dns-endpoints likely fd00:96::a:53 1".replace("fd00:96::a:53", SERVICE_V6).as_str()]);
}

#[test]
fn suspected_where_nothing_is_known() {
    check(Scene::unknown().ask(rejected_at_once(40_000)), &["no-dns-endpoints suspected 10.96.0.10:53 1"]);
}

fn dropped_at_once(at: u64) -> Ask {
    stuck(at, &format!("{WEB}:{}", 40_000 + at)).sign(dropped(0, "NETFILTER_DROP", "nft_do_chain"))
}

#[test]
fn rejection_of_which_only_the_drop_is_seen() {
    let asks = || [0, 1].map(dropped_at_once);
    check(Scene::with_service_only().asks(asks()), &["no-dns-endpoints likely 10.96.0.10:53 2"]);
    check(Scene::without_endpoints().asks(asks()), &["no-dns-endpoints certain 10.96.0.10:53 2"]);
    check(Scene::cluster().asks(asks()), &["policy-drop likely shop/web 2"]);
}

#[test]
fn drop_while_others_are_answered_is_a_policy() {
    let asks = others(3).chain([1_500, 1_501].map(dropped_at_once));
    check(Scene::with_service_only().asks(asks), &["policy-drop likely 10.244.0.10 2"]);
}

#[test]
fn drop_after_others_were_answered_may_be_either() {
    let asks = others(3).chain([9_000, 9_001].map(dropped_at_once));
    check(Scene::with_service_only().asks(asks), &["no-dns-endpoints suspected 10.96.0.10:53 2"]);
}

#[test]
fn vanished_where_the_api_says_that_none_is_ready() {
    let asks = [40_000, 40_001].map(|port| stuck(0, &format!("{WEB}:{port}")));
    check(Scene::without_endpoints().asks(asks), &["no-dns-endpoints likely 10.96.0.10:53 2"]);
}

#[test]
fn rejected_without_an_icmp_error_as_those_are_limited_in_rate() {
    let drop = |port: u64| {
        let ask = stuck(0, &format!("{WEB}:{port}"));
        ask.sign(dropped(0, "NETFILTER_DROP", "nft_do_chain"))
    };
    let open = drop(40_002).with(|transaction| transaction.outcome = crate::join::Outcome::Outstanding);
    let scene = Scene::without_endpoints().asks([rejected_at_once(40_000), drop(40_001), open]);
    check(scene, &["no-dns-endpoints certain 10.96.0.10:53 3"]);
}

#[test]
fn rejection_where_the_api_has_endpoints_is_a_policy() {
    let scene = Scene::cluster().asks([40_000, 40_001].map(rejected_at_once));
    check(scene, &["policy-drop suspected shop/web 2"]);
}

#[test]
fn gateway_that_rejects_what_was_sent_on_is_no_service() {
    let ask = Ask::new(0, "10.244.0.10:40000", UPSTREAM, "a.example", A);
    let ask = ask.hop(at_device(0, In, WEB_IF, Query)).hop(at_device(0, Out, UPLINK, Query));
    check(Scene::unknown().ask(ask.sign(rejected(1, "192.0.2.1"))), &["no-response certain 192.0.2.53:53 1"]);
}

#[test]
fn endpoints_of_cluster_dns_are_not_those_of_a_server_that_only_a_pod_names() {
    let ask = Ask::new(0, "10.244.0.10:40000", UPSTREAM, "a.example", A).hop(at_device(0, In, WEB_IF, Query));
    let scene = Scene::without_endpoints().named_by_pods(UPSTREAM).ask(ask.sign(rejected(0, NODE)));
    check(scene, &["no-dns-endpoints suspected 192.0.2.53:53 1"]);
}
