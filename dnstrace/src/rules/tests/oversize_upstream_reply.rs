//! `oversize-upstream-reply`.

use hickory_proto::rr::RecordType::A;

use super::*;

const CLIENT: &str = "10.244.0.10:40000";
const SERVFAIL: u16 = 2;

/// `count` addresses of 16 bytes each, after a header and question of some 30.
fn answered(asked: Ask, count: u8) -> Ask {
    (0..count).fold(asked.rcode(2, 0), |asked, at| asked.address(&format!("198.51.100.{at}")))
}

#[test]
fn long_reply_to_a_query_without_edns_fails() {
    let client = to_coredns(0, CLIENT, "over.example");
    let asked = answered(asked_on(&client, 1, UPSTREAM), 40);
    let scene = Scene::cluster().asks([asked, client.rcode(4, SERVFAIL)]);
    check(scene, &["oversize-upstream-reply certain 192.0.2.53:53 1"]);
}

#[test]
fn newer_coredns_cuts_it_to_nothing() {
    let client = Ask::new(0, "[fd00::10]:40000", "[fd00::53]:53", "over.example", A);
    let asked = answered(asked_on(&client, 1, "[2001:db8::53]:53"), 40);
    let scene = Scene::unknown().asks([asked, client.rcode(4, 0).truncated()]);
    check(scene, &["oversize-upstream-reply certain [2001:db8::53]:53 1"]);
}

#[test]
fn with_edns_it_may_be_long() {
    let client = to_coredns(0, CLIENT, "big.example").edns(1_232);
    let asked = answered(asked_on(&client, 1, UPSTREAM).edns(1_232), 40);
    check(
        Scene::cluster().asks([asked, client.rcode(4, SERVFAIL)]),
        &["error-response certain kube-system/coredns-1 1"],
    );
}

#[test]
fn over_tcp_it_may_be_long() {
    let client = to_coredns(0, CLIENT, "big.example").tcp();
    let asked = answered(asked_on(&client, 1, UPSTREAM).tcp(), 40);
    let client = answered(client, 40);
    check(Scene::cluster().asks([asked, client]), &[]);
}

#[test]
fn forwarder_that_copes_is_fine() {
    let client = to_coredns(0, CLIENT, "over.example");
    let asked = answered(asked_on(&client, 1, UPSTREAM), 40);
    let client = answered(client, 20);
    check(Scene::cluster().asks([asked, client]), &[]);
}

#[test]
fn five_hundred_and_twelve_bytes_are_not_too_many() {
    let client = to_coredns(0, CLIENT, "fits.example");
    let asked = answered(asked_on(&client, 1, UPSTREAM), 10);
    check(
        Scene::cluster().asks([asked, client.rcode(4, SERVFAIL)]),
        &["error-response certain kube-system/coredns-1 1"],
    );
}
