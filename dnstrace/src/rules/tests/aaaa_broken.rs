//! `aaaa-broken`: fires, and does not.

use super::*;
use crate::capture::Direction;
use crate::join::MessageKind;

fn name(at: u64, aaaa: impl FnOnce(Ask) -> Ask) -> [Ask; 2] {
    let [a, of_aaaa] = pair(at, WEB, "v4.example");
    [a.found("198.51.100.1"), aaaa(of_aaaa)]
}

#[test]
fn nxdomain_for_aaaa_is_certain_when_it_stays() {
    let broken = |at| name(at, |ask| ask.nxdomain("example"));
    check(Scene::cluster().asks(broken(0)), &["aaaa-broken likely v4.example 1"]);
    check(Scene::cluster().asks(broken(0)).asks(broken(10_000)), &["aaaa-broken likely v4.example 2"]);
    check(Scene::unknown().asks(broken(0)).asks(broken(40_000)), &["aaaa-broken certain v4.example 2"]);
}

#[test]
fn error_for_aaaa_may_be_chance_once() {
    let broken = |at| name(at, |ask| ask.rcode(2, 2));
    let error = "error-response certain kube-system/coredns-1 1";
    check(Scene::cluster().asks(broken(0)), &[error, "aaaa-broken suspected v4.example 1"]);
    let scene = Scene::cluster().asks([0, 40_000, 80_000].into_iter().flat_map(broken));
    check(scene, &["aaaa-broken certain v4.example 3", error]);
}

#[test]
fn silence_for_aaaa_counts_when_the_server_had_it_twice() {
    let arrived = |ask: Ask| ask.hop(at_socket(0, Direction::In, MessageKind::Query));
    let silence = ["no-response certain kube-system/coredns-1 1"];
    let again = name(0, |ask| arrived(ask).again(5_000));
    check(Scene::cluster().asks(again), &[silence[0], "aaaa-broken suspected v4.example 1"]);
    check(Scene::cluster().asks(name(0, arrived)), &silence);
    check(Scene::cluster().asks(name(0, |ask| ask.again(5_000))), &silence);
}

#[test]
fn answer_in_between_begins_anew() {
    let broken = |at| name(at, |ask| ask.nxdomain("example"));
    let scene = Scene::cluster().asks(broken(0)).asks(name(20_000, |ask| ask.nodata("example"))).asks(broken(40_000));
    check(scene, &["aaaa-broken likely v4.example 2"]);
}

#[test]
fn what_it_means_for_musl_is_said() {
    let [a, aaaa] = name(0, |ask| ask.nxdomain("example"));
    let scene = Scene::cluster().asks([a.message_id(100), aaaa.message_id(300)]).finish();
    assert_eq!(scene.findings()[0].facts.len(), 1);
}

#[test]
fn name_without_ipv6_has_an_empty_answer() {
    check(Scene::cluster().asks(name(0, |ask| ask.nodata("example"))), &[]);
}

#[test]
fn name_that_does_not_exist_has_neither() {
    check(Scene::cluster().asks(pair(0, WEB, "none.example").map(|ask| ask.nxdomain("example"))), &[]);
}

#[test]
fn error_that_went_away_is_none_of_the_names() {
    let [_, again] = pair(5, WEB, "v4.example");
    let scene = Scene::cluster().asks(name(0, |ask| ask.rcode(2, 2))).ask(again.nodata("example"));
    check(scene, &["error-response certain kube-system/coredns-1 1"]);
}
