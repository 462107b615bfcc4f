//! Where a query was lost: the decision tree.

use super::super::case::Case;
use super::super::path::{Leg, leg};
use super::super::{Learned, Window, World};
use super::ways::*;
use super::*;
use crate::capture::Direction::{In, Out};
use crate::join::MessageKind::{Query, Response};
use crate::owner::Who;

#[track_caller]
fn leg_of(asks: &[Ask], expected: Option<Leg>) {
    let (mut window, mut learned, loops) =
        (Window::default(), Learned::default(), super::super::loops::Loops::default());
    let cases: Vec<_> = asks.iter().map(|ask| Case::of(&ask.clone().into_transaction(), Who::default())).collect();
    for (ask, case) in asks.iter().zip(&cases) {
        learned.watch(&ask.clone().into_transaction());
        window.add(case.clone().into());
    }
    let owner = Owner::files(1);
    let world =
        World { window: &window, learned: &learned, loops: &loops, domain: None, owner: &owner, now: BootTime(0) };
    assert_eq!(leg(&cases[0], &world), expected);
}

#[test]
fn query_that_came_in_only_is_with_its_client() {
    leg_of(&[stuck(0, "10.244.0.10:40000")], Some(Leg::Client));
    leg_of(&[stuck(0, "10.244.0.10:40000").hop(at_device(0, In, 2, Query))], Some(Leg::Client));
}

#[test]
fn query_that_was_sent_on_is_on_the_node() {
    leg_of(&[sent_on(0, "10.244.0.11:40000")], Some(Leg::Node));
}

#[test]
fn query_that_came_to_its_server_is_there() {
    leg_of(&[sent_on(0, "10.244.0.11:40000").hop(at_socket(1, In, Query))], Some(Leg::Server));
    // Its server's interface is known by the queries that were answered.
    leg_of(&[sent_on(0, "10.244.0.11:40000"), answered(9, "10.244.0.11:40001")], Some(Leg::Server));
}

#[test]
fn query_that_made_its_server_ask_is_upstream() {
    let client = sent_on(0, "10.244.0.11:40000");
    let upstream = Ask::new(1, "10.244.0.53:50000", UPSTREAM, "a.example", hickory_proto::rr::RecordType::A);
    leg_of(&[client.clone(), upstream.clone().because(&client)], Some(Leg::Upstream));
    leg_of(&[client.clone(), upstream.because(&client).found("198.51.100.1")], Some(Leg::Server));
}

#[test]
fn response_that_was_sent_is_on_its_way_back_or_delivered() {
    let back = sent_on(0, "10.244.0.11:40000").hop(at_device(1, In, DNS_IF, Response));
    leg_of(std::slice::from_ref(&back), Some(Leg::Back));
    leg_of(&[back.clone().hop(at_device(1, Out, DB_IF, Response))], Some(Leg::Delivered));
    leg_of(&[back.hop(at_socket(1, In, Response))], Some(Leg::Delivered));
}

#[test]
fn query_that_was_not_seen_is_nowhere() {
    leg_of(&[Ask::new(0, "10.244.0.10:40000", SERVICE, "a.example", hickory_proto::rr::RecordType::A)], None);
}
