//! `fragment-lost`.

use hickory_proto::rr::RecordType::A;

use super::ways::*;
use super::*;
use crate::capture::Direction::{In, Out};
use crate::join::MessageKind::{Query, Response};

/// A response with so many addresses of 16 bytes that came in by the uplink.
fn large(at: u64, port: u64, addresses: u8) -> Ask {
    let ask = Ask::new(at, &format!("{DB}:{port}"), UPSTREAM, "big.example", A).edns(4_096).rcode(1, 0);
    let ask = (0..addresses).fold(ask, |ask, last| ask.address(&format!("198.51.100.{last}")));
    ask.hop(at_device(0, In, DB_IF, Query))
        .hop(at_device(0, Out, UPLINK, Query))
        .hop(at_device(1, In, UPLINK, Response))
}

#[test]
fn large_response_is_not_delivered() {
    check(
        Scene::cluster().asks(others(2)).ask(large(3_000, 40_000, 140)),
        &["fragment-lost suspected 192.0.2.53:53 1"],
    );
}

#[test]
fn large_response_is_not_delivered_again() {
    let scene = Scene::cluster().asks(others(2)).asks([large(3_000, 40_000, 140), large(8_000, 40_001, 140)]);
    check(scene, &["fragment-lost likely 192.0.2.53:53 2"]);
}

#[test]
fn kernel_gives_up_a_fragment() {
    let ask = sent_on(0, "10.244.0.11:40000").sign(|transaction| {
        let mut sign = dropped(1, "FRAG_REASM_TIMEOUT", "ip_expire")(transaction);
        (sign.message, sign.src, sign.dst) = (Response, sign.dst, sign.src);
        sign
    });
    check(Scene::cluster().ask(ask), &["fragment-lost certain kube-system/coredns-1 1"]);
}

/// CoreDNS asks the same twice, gets neither response, and answers SERVFAIL.
#[test]
fn client_fails_for_want_of_a_response_in_fragments() {
    let client = Ask::new(2_990, "10.244.0.12:50000", SERVICE, "big.example", A).behind(COREDNS).rcode(4_000, 2);
    let lost = [(3_000, 40_000), (5_000, 40_001)].map(|(at, port)| large(at, port, 140).because(&client));
    let scene = Scene::cluster().asks(others(2)).asks(lost).ask(client);
    check(scene, &["fragment-lost likely 192.0.2.53:53 2"]);
}

#[test]
fn large_response_that_is_delivered_is_well() {
    let ask = large(3_000, 40_000, 140).hop(at_device(1, Out, DB_IF, Response));
    check(Scene::cluster().asks(others(2)).ask(ask), &[]);
}

#[test]
fn small_response_that_is_not_seen_again_has_no_fragments() {
    check(Scene::cluster().asks(others(2)).ask(large(3_000, 40_000, 40)), &[]);
}

#[test]
fn interface_at_which_no_response_is_seen_says_nothing() {
    check(Scene::cluster().ask(large(0, 40_000, 140)), &[]);
}
