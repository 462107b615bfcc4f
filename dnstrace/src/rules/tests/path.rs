//! Where a query was lost: the decision tree.

use super::super::case::{Case, SLOW};
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
    let cases: Vec<_> =
        asks.iter().map(|ask| Case::of(&ask.clone().into_transaction(), Who::default(), SLOW)).collect();
    for (ask, case) in asks.iter().zip(&cases) {
        learned.add(case, &ask.clone().into_transaction());
        window.add(case.clone().into());
    }
    let owner = Owner::files(1);
    let (now, slow) = (BootTime(0), SLOW);
    let world = World { window: &window, learned: &learned, loops: &loops, domain: None, owner: &owner, now, slow };
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

#[test]
fn way_that_is_not_told_has_no_leg() {
    let unknown = |ask: Ask| ask.hop(at_device(0, crate::capture::Direction::Unknown, 0, Query));
    let ask = |client| Ask::new(0, client, SERVICE, "a.example", hickory_proto::rr::RecordType::A);
    let scene = Scene::cluster().asks([unknown(ask("10.244.0.10:40000")), unknown(unknown(ask("10.244.0.11:40000")))]);
    assert_eq!(scene.finish().heard.legs, []);
}

#[test]
fn interface_that_leads_to_a_server_elsewhere_is_not_the_server() {
    let asked = |at: u64, port: u16| {
        let ask = Ask::new(at, &format!("10.244.0.10:{port}"), UPSTREAM, "a.example", hickory_proto::rr::RecordType::A);
        ask.hop(at_device(0, In, WEB_IF, Query)).hop(at_device(0, Out, UPLINK, Query))
    };
    let answered = asked(0, 40_000).found("198.51.100.1");
    let answered = answered.hop(at_device(1, In, UPLINK, Response)).hop(at_device(1, Out, WEB_IF, Response));
    let scene = Scene::cluster().asks([answered, asked(9, 40_001)]).finish();
    assert_eq!(scene.heard.legs, [Leg::Node]);
}

#[test]
fn what_is_settled_has_its_leg() {
    let client = sent_on(0, "10.244.0.11:40000").hop(at_socket(1, In, Query));
    let upstream =
        Ask::new(1, "10.244.0.53:50000", UPSTREAM, "web.prod.svc.cluster.local", hickory_proto::rr::RecordType::A);
    let upstream = upstream.because(&client);
    let scene = Scene::cluster().asks([stuck(0, "10.244.0.10:40000"), client, upstream]).finish();
    let mut legs = scene.heard.legs;
    legs.sort_unstable();
    // What CoreDNS asks on was seen nowhere.
    assert_eq!(legs, [Leg::Client, Leg::Upstream]);
}
