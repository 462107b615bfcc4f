//! `reply-unexpected-source`.

use hickory_proto::rr::RecordType::{A, AAAA};

use super::ways::*;
use super::*;
use crate::capture::Direction::{In, Out};
use crate::join::MessageKind::{Query, Response};
use crate::join::{Hop, Transaction};

/// A response at the client's interface that comes from the endpoint.
fn from_endpoint(transaction: &Transaction) -> Hop {
    let mut hop = at_device(1, Out, DB_IF, Response)(transaction);
    hop.src = transaction.server_after_nat.unwrap();
    hop
}

fn strange(client: &str) -> Ask {
    sent_on(0, client).found("10.96.7.7").hop(at_device(1, In, DNS_IF, Response)).hop(from_endpoint)
}

#[test]
fn response_comes_from_the_endpoint() {
    for scene in [Scene::cluster(), Scene::unknown()] {
        let scene = scene.asks([strange("10.244.0.11:40000"), strange("10.244.0.11:40001")]);
        check(scene, &["reply-unexpected-source certain node 2"]);
    }
}

#[test]
fn response_comes_from_the_endpoint_over_ipv6() {
    let ask = Ask::new(0, "[fd00:10::10]:40000", SERVICE_V6, "a.example", AAAA).behind("[fd00:10::53]:53");
    let ask = ask.found("2001:db8::1").hop(at_device(0, In, DB_IF, Query)).hop(from_endpoint);
    check(Scene::unknown().ask(ask), &["reply-unexpected-source certain node 1"]);
}

#[test]
fn query_was_seen_at_its_socket_and_the_response_never_came_there() {
    let ask = Ask::new(0, "10.244.0.11:40000", SERVICE, "a.example", A).found("10.96.7.7").behind(COREDNS);
    let ask = ask.hop(at_socket(0, Out, Query)).hop(at_device(0, In, DB_IF, Query)).hop(from_endpoint);
    check(Scene::cluster().ask(ask), &["reply-unexpected-source certain node 1"]);
}

#[test]
fn response_whose_nat_is_undone_is_well() {
    check(Scene::cluster().ask(answered(0, "10.244.0.11:40000")), &[]);
}

#[test]
fn response_seen_only_at_the_endpoint_says_nothing() {
    let ask = sent_on(0, "10.244.0.11:40000").found("10.96.7.7").hop(at_device(1, In, DNS_IF, Response));
    check(Scene::cluster().ask(ask), &[]);
}

#[test]
fn address_that_is_replaced_in_the_socket_is_consistent() {
    // Cilium replaces the Service's address as the socket sends: the query never has it.
    let ask = Ask::new(0, "10.244.0.11:40000", COREDNS, "a.example", A).found("198.51.100.1");
    let ask = ask.hop(at_device(0, In, DB_IF, Query)).hop(at_device(1, Out, DB_IF, Response));
    check(Scene::cluster().ask(ask), &[]);
}

#[test]
fn query_whose_beginning_was_not_seen_says_nothing() {
    // The capture began when it was on its way: it is first seen behind the NAT, its response in front of it, too.
    let ask = Ask::new(0, "10.244.0.11:40000", COREDNS, "a.example", A).found("198.51.100.1");
    let ask = ask.hop(at_device(0, Out, DNS_IF, Query)).hop(at_device(1, Out, DB_IF, Response));
    let ask = ask.with(|transaction| transaction.path[1].src = SERVICE.parse().unwrap());
    check(Scene::cluster().ask(ask), &[]);
}

#[test]
fn node_that_asks_an_endpoint_of_its_own_gets_what_it_asked_for() {
    // The query is translated before it is seen, and that is undone before the response is.
    let ask = Ask::new(0, "192.0.2.2:40000", "10.244.0.1:53", "a.example", A).found("198.51.100.1");
    let ask = ask.hop(at_socket(0, Out, Query)).hop(at_device(0, Out, LO, Query)).hop(at_device(0, In, LO, Query));
    let ask = ask.hop(at_device(1, In, LO, Response)).hop(at_socket(1, In, Response));
    let ask = ask.with(|transaction| {
        let responses = transaction.path.iter_mut().filter(|hop| hop.message == Response);
        responses.for_each(|hop| hop.src = SERVICE.parse().unwrap());
    });
    check(Scene::cluster().ask(ask), &[]);
}

/// The number of a netns's `lo`.
const LO: u32 = 1;
