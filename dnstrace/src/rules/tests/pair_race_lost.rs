//! `pair-race-lost`.

use hickory_proto::rr::RecordType::{A, AAAA};

use super::ways::*;
use super::*;
use crate::capture::Direction::{In, Out};
use crate::join::MessageKind::{Query, Response};
use crate::join::{Hop, Transaction};
use crate::owner::fact::Conntrack;

const CLIENT: &str = "10.244.0.10:40000";

fn ask(at: u64, qtype: hickory_proto::rr::RecordType) -> Ask {
    Ask::new(at, CLIENT, SERVICE, "web.prod.svc.cluster.local", qtype).behind(COREDNS)
}

fn first(at: u64) -> Ask {
    let ask = ask(at, A).found("10.96.7.7").hop(at_device(0, In, WEB_IF, Query)).hop(at_device(0, Out, DNS_IF, Query));
    ask.hop(at_device(1, In, DNS_IF, Response)).hop(at_device(1, Out, WEB_IF, Response))
}

fn again(hop: impl FnOnce(&Transaction) -> Hop) -> impl FnOnce(&Transaction) -> Hop {
    move |transaction| Hop { attempt: 1, ..hop(transaction) }
}

/// Answered only when it was sent again, five seconds later; the first time it came in and got no further.
fn second(at: u64) -> Ask {
    let ask = ask(at, AAAA).again(at + 5_000).rcode(5_001, 0).authoritative().soa("cluster.local");
    ask.hop(at_device(0, In, WEB_IF, Query))
        .hop(again(at_device(5_000, In, WEB_IF, Query)))
        .hop(again(at_device(5_000, Out, DNS_IF, Query)))
        .hop(again(at_device(5_001, In, DNS_IF, Response)))
        .hop(again(at_device(5_001, Out, WEB_IF, Response)))
}

#[test]
fn second_of_a_pair_is_lost() {
    check(Scene::cluster().asks([first(0), second(0)]), &["pair-race-lost suspected node 1"]);
    check(Scene::unknown().asks([first(0), second(0)]), &["pair-race-lost suspected node 1"]);
}

#[test]
fn first_of_a_pair_is_remembered_until_the_second_is_given_up() {
    let others = (0..300).map(|at| answered(1 + at * 10, &format!("{DB}:{}", 40_000 + at)));
    let scene = Scene::cluster().ask(first(0)).asks(others).ask(second(0));
    check(scene, &["pair-race-lost suspected node 1"]);
}

#[test]
fn counter_of_the_kernel_makes_it_likely() {
    let failed = |insert_failed| Fact::Conntrack(Conntrack { max: 1_000, insert_failed, ..Conntrack::default() });
    let scene = Scene::cluster().fact(failed(7)).ask(first(0)).fact(failed(8)).ask(second(0));
    check(scene, &["pair-race-lost likely node 1"]);
}

#[test]
fn second_of_a_pair_is_dropped_by_the_hook() {
    let second = second(0).sign(dropped(0, "NETFILTER_DROP", "nf_hook_slow"));
    check(Scene::cluster().asks([first(0), second]), &["pair-race-lost likely node 1"]);
}

#[test]
fn query_that_was_sent_on_and_lost_later_is_no_race() {
    let late = second(0).hop(at_device(0, Out, DNS_IF, Query));
    check(Scene::cluster().asks([first(0), late]), &[]);
}

#[test]
fn queries_of_two_moments_are_no_pair() {
    check(Scene::cluster().asks([first(0), second(40)]), &[]);
}

#[test]
fn query_dropped_by_a_rule_is_no_race() {
    let second = second(0).sign(dropped(0, "NETFILTER_DROP", "nft_do_chain"));
    check(Scene::cluster().asks([first(0), second]), &["policy-drop likely shop/web 1"]);
}
