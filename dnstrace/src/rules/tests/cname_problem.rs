//! `cname-problem`: fires, and does not.

use hickory_proto::rr::RecordType::{A, AAAA};

use super::*;

fn ask(at: u64, qtype: hickory_proto::rr::RecordType) -> Ask {
    Ask::new(at, "10.244.0.10:40000", SERVICE, "www.example", qtype).behind(COREDNS)
}

const FOUND: &[&str] = &["cname-problem certain www.example 1"];

#[test]
fn alias_of_a_name_that_does_not_exist() {
    check(Scene::cluster().ask(ask(0, A).rcode(1, 3).cname("www.example", "gone.example")), FOUND);
}

#[test]
fn circle_of_aliases() {
    let circle = |qtype| ask(0, qtype).rcode(1, 0).cname("www.example", "a.example").cname("a.example", "www.example");
    check(Scene::cluster().ask(circle(A)), FOUND);
    check(Scene::unknown().ask(circle(AAAA)), FOUND);
}

#[test]
fn record_more_than_once() {
    let twice = ask(0, A).rcode(1, 0).cname("www.example", "a.example").cname("www.example", "a.example");
    check(Scene::cluster().ask(twice), FOUND);
}

#[test]
fn address_before_the_record_that_leads_to_it() {
    let order = ask(0, A).rcode(1, 0).address("198.51.100.1").cname("www.example", "a.example");
    check(Scene::cluster().ask(order), FOUND);
}

#[test]
fn alias_without_any_address() {
    let empty = |at, qtype| ask(at, qtype).rcode(1, 0).cname("www.example", "a.example");
    check(Scene::cluster().asks([empty(0, A), empty(1, AAAA)]), FOUND);
}

#[test]
fn alias_with_addresses_of_one_family_is_fine() {
    let a = ask(0, A).rcode(1, 0).cname("www.example", "a.example").address("198.51.100.1");
    let aaaa = ask(1, AAAA).rcode(1, 0).cname("www.example", "a.example");
    check(Scene::cluster().asks([a, aaaa.clone()]), &[]);
    check(Scene::cluster().ask(aaaa), &[]);
}

#[test]
fn truncated_chain_may_go_on() {
    check(Scene::cluster().ask(ask(0, A).rcode(1, 0).cname("www.example", "a.example").truncated()), &[]);
}

#[test]
fn what_a_forwarder_got_is_told_once() {
    let client = ask(0, A).rcode(5, 3).cname("www.example", "gone.example");
    let upstream = Ask::new(1, "10.244.0.53:50000", UPSTREAM, "www.example", A).because(&client);
    let upstream = upstream.rcode(2, 3).cname("www.example", "gone.example");
    check(Scene::cluster().asks([upstream, client]), FOUND);
}
