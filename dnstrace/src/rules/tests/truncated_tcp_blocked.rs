//! `truncated-tcp-blocked`.

use super::connections::*;
use super::ways::*;
use super::*;
use crate::join::ConnectionOutcome;

fn truncated(at: u64) -> Ask {
    sent_on(at, "10.244.0.10:40000").rcode(1, 0).truncated()
}

#[test]
fn syn_is_kept_back_after_a_truncated_response() {
    let blocked = connection(2, "10.244.0.10:41000", ConnectionOutcome::NoAnswer, 4);
    check(Scene::cluster().ask(truncated(0)).connect(&blocked), &["truncated-tcp-blocked certain shop/web 1"]);
}

#[test]
fn server_does_not_accept_after_a_truncated_response() {
    let blocked = forwarded(connection(2, "10.244.0.10:41000", ConnectionOutcome::NoAnswer, 4));
    let scene = Scene::cluster().ask(truncated(0)).connect(&blocked);
    check(scene, &["truncated-tcp-blocked certain kube-system/coredns-1 1"]);
}

#[test]
fn connection_is_refused_after_a_truncated_response() {
    let refused = connection(2, "10.244.0.10:41000", ConnectionOutcome::Refused, 1);
    check(Scene::unknown().ask(truncated(0)).connect(&refused), &["truncated-tcp-blocked certain 10.244.0.10 1"]);
    let scene = Scene::unknown().ask(truncated(0)).connect(&forwarded(refused));
    check(scene, &["truncated-tcp-blocked certain 10.244.0.53:53 1"]);
}

#[test]
fn client_that_uses_only_tcp_is_blocked_where_udp_is_answered() {
    let blocked =
        [41_000, 41_001].map(|port| connection(9_000, &format!("{WEB}:{port}"), ConnectionOutcome::NoAnswer, 3));
    let scene = Scene::cluster().asks(others(8)).connect(&blocked[0]).connect(&blocked[1]);
    check(scene, &["truncated-tcp-blocked likely shop/web 1"]);
}

#[test]
fn accepted_connection_is_well() {
    let accepted = forwarded(connection(2, "10.244.0.10:41000", ConnectionOutcome::Accepted, 1));
    check(Scene::cluster().ask(truncated(0)).connect(&accepted), &[]);
}

#[test]
fn connection_of_another_time_does_not_follow() {
    let refused = connection(9_000, "10.244.0.10:41000", ConnectionOutcome::Refused, 1);
    check(Scene::cluster().ask(truncated(0)).connect(&refused), &[]);
}

#[test]
fn connection_to_a_server_that_answers_nobody_is_not_about_tcp() {
    let blocked = connection(0, "10.244.0.10:41000", ConnectionOutcome::NoAnswer, 4);
    check(Scene::cluster().connect(&blocked).connect(&blocked), &[]);
}

#[test]
fn one_syn_that_was_not_sent_again_says_nothing() {
    let given_up = connection(2, "10.244.0.10:41000", ConnectionOutcome::NoAnswer, 1);
    check(Scene::cluster().ask(truncated(0)).connect(&given_up), &[]);
}
