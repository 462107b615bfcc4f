//! `response-lost`.

use super::ways::*;
use super::*;
use crate::capture::Direction::{In, Out};
use crate::join::MessageKind::{Query, Response};
use crate::join::{Sign, Transaction};

const CLIENT: &str = "10.244.0.11:40000";

/// A query that left its client's socket and was answered.
fn asked() -> Ask {
    sent_on(0, CLIENT).found("10.96.7.7").hop(at_socket(0, Out, Query)).hop(at_device(1, In, DNS_IF, Response))
}

/// A drop of the response where it came to, in this netns; the client's sockets are in 7.
fn thrown_away(netns: u32, reason: &'static str) -> impl FnOnce(&Transaction) -> Sign {
    move |transaction| {
        let mut sign = dropped(2, reason, "ip_rcv_core")(transaction);
        (sign.message, sign.src, sign.dst, sign.point.netns) =
            (Response, transaction.server, transaction.client, netns);
        sign
    }
}

#[test]
fn response_that_its_client_threw_away() {
    let ask = asked().hop(at_device(1, Out, DB_IF, Response)).sign(thrown_away(7, "OTHERHOST"));
    let scene = Scene::cluster().ask(ask);
    check(scene, &["response-lost certain shop/db 1"]);
}

#[test]
fn response_that_is_dropped_on_the_way() {
    check(Scene::cluster().ask(asked().sign(thrown_away(1, "NOT_SPECIFIED"))), &["response-lost certain shop/db 1"]);
}

#[test]
fn response_that_a_rule_drops_is_explained_by_it() {
    check(Scene::cluster().ask(asked().sign(thrown_away(1, "TC_INGRESS"))), &["policy-drop likely shop/db 1"]);
}

#[test]
fn response_that_came_is_not_lost() {
    check(Scene::cluster().ask(asked().hop(at_socket(1, In, Response)).sign(thrown_away(7, "NOT_SPECIFIED"))), &[]);
    let out = asked().hop(at_device(1, Out, DB_IF, Response));
    check(Scene::cluster().ask(out.sign(thrown_away(1, "NOT_SPECIFIED"))), &[]);
}

#[test]
fn client_that_closed_its_socket_waits_for_nothing() {
    check(Scene::cluster().ask(asked().sign(thrown_away(7, "NO_SOCKET"))), &[]);
}

#[test]
fn query_that_is_dropped_has_no_response_to_lose() {
    check(
        Scene::cluster().ask(sent_on(0, CLIENT).sign(dropped(0, "NOT_SPECIFIED", "ip_rcv_core"))),
        &["no-response certain kube-system/coredns-1 1"],
    );
}

#[test]
fn client_that_never_knew_of_truncation_is_not_to_ask_over_tcp() {
    let lost = |at: u64, port: u64| {
        let ask = sent_on(at, &format!("{DB}:{port}")).found("10.96.7.7").truncated().hop(at_socket(0, Out, Query));
        ask.hop(at_device(1, In, DNS_IF, Response)).sign(thrown_away(7, "OTHERHOST"))
    };
    check(Scene::cluster().asks([lost(0, 40_000), lost(60_000, 40_001)]), &["response-lost certain shop/db 2"]);
}

#[test]
fn client_that_waits_for_another_source_loses_the_response() {
    let from = |source: &'static str| {
        move |transaction: &Transaction| Sign {
            src: source.parse().unwrap(),
            ..thrown_away(7, "NO_SOCKET")(transaction)
        }
    };
    check(Scene::cluster().ask(asked().sign(from("10.244.0.53:53"))), &["response-lost certain shop/db 1"]);
    check(Scene::cluster().ask(asked().sign(from(SERVICE))), &[]);
    // A host undoes its own NAT behind its socket.
    check(Scene::cluster().ask(asked().sign(from("10.96.0.99:53"))), &[]);
}
