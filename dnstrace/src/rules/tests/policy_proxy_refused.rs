//! `policy-proxy-refused`.

use hickory_proto::rr::RecordType::A;

use super::ways::*;
use super::*;
use crate::capture::Direction::{In, Out};
use crate::join::MessageKind::{Query, Response};

const REFUSED: u16 = 5;

fn refused(at: u64) -> Ask {
    let ask = Ask::new(at, "10.244.0.10:40000", SERVICE, "forbidden.example", A).rcode(1, REFUSED);
    ask.hop(at_device(0, In, WEB_IF, Query)).hop(at_device(1, Out, WEB_IF, Response))
}

#[test]
fn query_is_refused_before_it_is_translated() {
    check(Scene::cluster().asks(others(8)).ask(refused(9_000)), &["policy-proxy-refused likely shop/web 1"]);
    check(Scene::unknown().asks(others(8)).ask(refused(9_000)), &["policy-proxy-refused likely 10.244.0.10 1"]);
}

#[test]
fn endpoint_that_refuses_is_no_proxy() {
    let ask = sent_on(9_000, "10.244.0.11:40000").rcode(1, REFUSED);
    check(Scene::cluster().asks(others(8)).ask(ask), &["error-response certain kube-system/coredns-1 1"]);
}

#[test]
fn recording_that_sees_nothing_behind_the_pod_says_nothing() {
    let asks = (0..8).map(|at| answered_unseen(at, &format!("{DB}:{}", 50_000 + at)));
    check(Scene::cluster().asks(asks).ask(refused(9_000)), &["error-response certain 10.96.0.10:53 1"]);
}

#[test]
fn cache_of_the_node_that_refuses_is_a_server() {
    // NodeLocal DNSCache: nothing is translated.
    check(Scene::cluster().ask(refused(0)), &["error-response certain 10.96.0.10:53 1"]);
}
