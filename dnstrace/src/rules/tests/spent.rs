//! Where the time of slow transactions went.

use hickory_proto::rr::RecordType::A;

use super::super::spent::{Part, Spent};
use super::ways::*;
use super::*;
use crate::capture::Direction::{In, Out};
use crate::join::MessageKind::{Query, Response};
use crate::join::{Hop, Transaction};

/// A query of the pod db that comes to CoreDNS' socket after `there`, whose response leaves it after `back` and is with
/// its client after 200 ms.
fn turn(there: u64, back: u64) -> Ask {
    let ask = Ask::new(0, "10.244.0.11:40000", SERVICE, "a.example", A).behind(COREDNS);
    let ask = ask.hop(at_device(0, In, DB_IF, Query)).hop(at_socket(there, In, Query));
    let ask = ask.hop(at_socket(back, Out, Response)).hop(at_device(200, Out, DB_IF, Response));
    ask.rcode(200, 0).address("198.51.100.1")
}

/// Of the second sending.
fn second(hop: impl FnOnce(&Transaction) -> Hop) -> impl FnOnce(&Transaction) -> Hop {
    |transaction| Hop { attempt: 1, ..hop(transaction) }
}

#[track_caller]
fn check_most(asks: impl IntoIterator<Item = Ask>, expected: Option<Part>) {
    let scene = Scene::cluster().asks(asks).finish();
    assert_eq!(scene.heard.spent.first().map(Spent::most), expected, "{:#?}", scene.heard.spent);
}

#[test]
fn time_is_spent_on_the_way_or_at_the_server() {
    check_most([turn(150, 160)], Some(Part::There));
    check_most([turn(10, 190)], Some(Part::Server));
    check_most([turn(10, 40)], Some(Part::Back));
}

#[test]
fn server_that_waits_for_another_does_not_spend_it_itself() {
    let client = turn(10, 190);
    let asked = |at, time| asked_on(&client, at, UPSTREAM).rcode(time, 0).address("198.51.100.1");
    check_most([asked(12, 170), client.clone()], Some(Part::Upstream));
    check_most([asked(150, 30), client.clone()], Some(Part::Server));
}

#[test]
fn query_that_was_sent_again_waited_for_that() {
    let ask = Ask::new(0, "10.244.0.11:40000", SERVICE, "a.example", A).behind(COREDNS);
    let ask = ask.hop(at_device(0, In, DB_IF, Query)).hop(second(at_device(150, In, DB_IF, Query)));
    let ask = ask.hop(second(at_socket(151, In, Query))).hop(at_socket(152, Out, Response));
    let ask = ask.hop(at_device(200, Out, DB_IF, Response));
    check_most([ask.rcode(200, 0).address("198.51.100.1")], Some(Part::Again));
}

#[test]
fn behind_the_last_sighting_server_and_way_are_one() {
    let ask = Ask::new(0, "10.244.0.11:40000", "192.0.2.99:53", "a.example", A);
    let ask = ask.hop(at_device(0, In, DB_IF, Query)).hop(at_device(1, Out, UPLINK, Query));
    let ask = ask.hop(at_device(199, In, UPLINK, Response)).hop(at_device(200, Out, DB_IF, Response));
    check_most([ask.rcode(200, 0).address("198.51.100.1")], Some(Part::Beyond));
}

#[test]
fn what_was_fast_is_not_told() {
    let ask = Ask::new(0, "10.244.0.11:40000", SERVICE, "a.example", A).hop(at_device(0, In, DB_IF, Query));
    check_most([ask.hop(at_device(9, Out, DB_IF, Response)).rcode(9, 0).address("198.51.100.1")], None);
}
