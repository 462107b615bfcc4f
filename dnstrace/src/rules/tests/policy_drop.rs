//! `policy-drop`.

use hickory_proto::rr::RecordType::{A, AAAA};

use super::ways::*;
use super::*;
use crate::capture::Direction::{In, Out};
use crate::join::MessageKind::Query;

fn both(at: u64) -> [Ask; 2] {
    [40_000, 40_001].map(|port| stuck(at, &format!("{WEB}:{port}")))
}

#[test]
fn all_queries_of_a_pod_vanish_where_others_pass() {
    check(Scene::cluster().asks(both(0)).asks(others(8)), &["policy-drop suspected shop/web 2"]);
}

#[test]
fn endpoints_on_a_port_that_nobody_watches_tell_nothing() {
    check(endpoint_on(53).asks(both(0)), &["policy-drop suspected 10.244.0.10 2"]);
    let scene = endpoint_on(8053).asks(both(0)).finish();
    assert_eq!(scene.ids(), ["no-response certain 10.96.0.10:53 2"]);
    let facts = &scene.findings()[0].facts;
    assert!(facts.len() == 1 && facts[0].contains("port 8053"), "{facts:?}");
    // One that was seen there shows that it is watched.
    let passed = answered(0, "10.244.0.11:50000").behind("10.244.0.53:8053");
    check(endpoint_on(8053).ask(passed).asks(both(1_000)), &["policy-drop suspected 10.244.0.10 2"]);
}

#[test]
fn drop_by_a_rule_makes_it_likely() {
    for (reason, location) in
        [("NETFILTER_DROP", "nft_do_chain"), ("NETFILTER_DROP", "ipt_do_table"), ("TC_EGRESS", "")]
    {
        let ask = stuck(0, "10.244.0.10:40000").sign(dropped(0, reason, location));
        check(Scene::cluster().ask(ask), &["policy-drop likely shop/web 1"]);
    }
}

#[test]
fn drop_by_a_rule_is_told_of_ipv6() {
    let ask = Ask::new(0, "[fd00:10::10]:40000", SERVICE_V6, "web.prod.svc.cluster.local", AAAA);
    let ask = ask.hop(at_device(0, In, WEB_IF, Query)).sign(dropped(0, "NETFILTER_DROP", "nft_do_chain"));
    check(Scene::unknown().ask(ask), &["policy-drop likely fd00:10::10 1"]);
}

#[test]
fn recording_of_one_pod_only_is_suspicious() {
    check(Scene::unknown().asks(both(0)), &["policy-drop suspected 10.244.0.10 2"]);
}

#[test]
fn prohibited_by_an_icmp_error() {
    let prohibited = |transaction: &crate::join::Transaction| {
        let mut sign = rejected(0, "10.244.0.1")(transaction);
        sign.event = crate::join::Event::Rejected { by: "10.244.0.1".parse().unwrap(), kind: 3, code: 13 };
        sign
    };
    check(Scene::cluster().ask(stuck(0, "10.244.0.10:40000").sign(prohibited)), &["policy-drop likely shop/web 1"]);
}

#[test]
fn one_lost_query_is_no_policy() {
    let scene = Scene::cluster().ask(stuck(0, "10.244.0.10:40000")).asks(others(8));
    check(scene, &["no-response certain 10.96.0.10:53 1"]);
}

#[test]
fn pod_whose_other_queries_pass_has_no_policy() {
    let web = |at: u64| answered(at, &format!("{WEB}:{}", 41_000 + at));
    let scene = Scene::cluster().asks([web(0), web(10)]).asks(both(20)).ask(web(30)).asks(others(8));
    check(scene, &["no-response certain 10.96.0.10:53 2"]);
}

#[test]
fn interface_behind_which_nothing_is_seen_says_nothing() {
    let asks = (0..8).map(|at| answered_unseen(at, &format!("{DB}:{}", 50_000 + at)));
    check(Scene::cluster().asks(asks).asks(both(20)), &["no-response certain 10.96.0.10:53 2"]);
}

#[test]
fn recording_of_one_interface_says_nothing() {
    // `tcpdump -i eth0` says neither interface nor direction.
    let ask = |port: u64| Ask::new(0, &format!("{WEB}:{port}"), SERVICE, "web.prod.svc.cluster.local", A);
    let seen = |port| ask(port).hop(at_device(0, crate::capture::Direction::Unknown, 0, Query));
    check(Scene::unknown().asks([seen(40_000), seen(40_001)]), &["no-response certain 10.96.0.10:53 2"]);
}

#[test]
fn query_that_was_sent_on_was_not_kept_back() {
    let asks = [40_000, 40_001].map(|port| sent_on(0, &format!("{WEB}:{port}")));
    check(Scene::cluster().asks(asks).asks(others(8)), &["no-response certain kube-system/coredns-1 2"]);
}

#[test]
fn query_of_the_pod_itself_is_not_kept_back() {
    // Recorded within the pod: it leaves, and nobody sees more.
    let asks = [40_000, 40_001].map(|port| {
        let ask = Ask::new(0, &format!("{WEB}:{port}"), SERVICE, "web.prod.svc.cluster.local", A);
        ask.hop(at_device(0, Out, 2, Query))
    });
    check(Scene::unknown().asks(asks), &["no-response certain 10.96.0.10:53 2"]);
}

#[test]
fn drop_of_another_kind_is_no_policy() {
    let ask = stuck(0, "10.244.0.10:40000").sign(dropped(0, "NEIGH_FAILED", "neigh_invalidate"));
    check(Scene::cluster().ask(ask), &["no-response certain 10.96.0.10:53 1"]);
}

#[test]
fn queries_that_came_in_as_the_run_ended_are_not_kept_back() {
    let asks = both(8_000).map(|ask| ask.with(|transaction| transaction.outcome = crate::join::Outcome::Outstanding));
    check(Scene::cluster().asks(others(8)).asks(asks), &[]);
}

#[test]
fn multicast_that_nobody_answers_is_not_kept_back() {
    let asks = [0, 1_000].map(|at| Ask::new(at, "10.244.0.10:5353", "224.0.0.251:5353", "printer.local", A));
    let asks = asks.map(|ask| ask.hop(at_device(0, In, WEB_IF, Query)));
    let found = Scene::cluster().asks(others(8)).asks(asks).finish().ids();
    assert!(found.iter().all(|found| !found.starts_with("policy")), "{found:?}");
}
