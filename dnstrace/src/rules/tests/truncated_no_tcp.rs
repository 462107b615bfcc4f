//! `truncated-no-tcp`: fires, and does not.

use hickory_proto::rr::RecordType::A;

use super::*;
use crate::capture::Direction;
use crate::join::{ConnectionOutcome, MessageKind};

fn big(at: u64) -> Ask {
    let ask = Ask::new(at, "10.244.0.10:40000", SERVICE, "big.example", A).behind(COREDNS);
    let ask = ask.rcode(1, 0).address("198.51.100.1").truncated();
    ask.hop(at_device(1, Direction::Out, 3, MessageKind::Response))
}

/// Time goes on.
fn later(at: u64) -> Ask {
    Ask::new(at, "10.244.0.11:40001", SERVICE, "a.example", A).behind(COREDNS).found("198.51.100.9")
}

fn connection(at: u64, client: &str) -> Connection {
    Connection {
        time: BootTime(at * 1_000_000),
        wall: crate::capture::WallTime(0),
        client: client.parse().unwrap(),
        server: SERVICE.parse().unwrap(),
        server_after_nat: None,
        outcome: ConnectionOutcome::NoAnswer,
        attempts: Vec::new(),
        path: Vec::new(),
        path_cut: 0,
        signs: Vec::new(),
        client_socket: crate::capture::Socket::default(),
        server_socket: crate::capture::Socket::default(),
        closed_by_server: None,
    }
}

#[test]
fn no_tcp_after_a_truncated_response_is_certain_where_it_was_seen_underway() {
    check(Scene::cluster().asks([big(0), later(31_000)]), &["truncated-no-tcp certain shop/web 1"]);
    check(Scene::cluster().asks([big(0), later(2_000)]), &["truncated-no-tcp certain shop/web 1"]);
}

#[test]
fn without_names_it_is_the_clients_address() {
    let ask = Ask::new(0, "[2001:db8::10]:40000", "[2001:db8::53]:53", "big.example", A);
    let scene = Scene::unknown().asks([ask.rcode(1, 0).truncated(), later(2_000)]);
    check(scene, &["truncated-no-tcp likely 2001:db8::10 1"]);
}

#[test]
fn it_is_less_certain_where_packets_were_lost() {
    check(Scene::cluster().lossy().asks([big(0), later(2_000)]), &["truncated-no-tcp likely shop/web 1"]);
}

#[test]
fn run_that_ends_at_once_says_so_of_musl_only() {
    check(Scene::cluster().ask(big(0)), &[]);
    let [_, aaaa] = pair(0, WEB, "big.example");
    let musl = [big(0).message_id(100), aaaa.message_id(300).nodata("example")];
    check(Scene::cluster().asks(musl), &["truncated-no-tcp suspected shop/web 1"]);
}

#[test]
fn answer_over_tcp_is_as_it_should_be() {
    let tcp = Ask::new(2, "10.244.0.10:40001", SERVICE, "big.example", A).behind(COREDNS).tcp().found("198.51.100.1");
    check(Scene::cluster().asks([big(0), tcp, later(31_000)]), &[]);
}

#[test]
fn connection_that_nobody_answers_is_another_rules_matter() {
    let scene = Scene::cluster().ask(big(0)).connect(&connection(1, "10.244.0.10:40002"));
    check(scene.ask(later(31_000)), &[]);
    let other = Scene::cluster().ask(big(0)).connect(&connection(1, "10.244.0.11:40002"));
    check(other.ask(later(31_000)), &["truncated-no-tcp certain shop/web 1"]);
}

#[test]
fn asking_again_with_more_room_is_fine() {
    let again = Ask::new(2, "10.244.0.10:40001", SERVICE, "big.example", A).behind(COREDNS).edns(4_096);
    check(Scene::cluster().asks([big(0), again.found("198.51.100.1"), later(31_000)]), &[]);
}

#[test]
fn forwarder_passes_truncation_on() {
    let client = big(0);
    let upstream = Ask::new(1, "10.244.0.53:50000", UPSTREAM, "big.example", A).because(&client);
    let tcp = Ask::new(5, "10.244.0.10:40001", SERVICE, "big.example", A).behind(COREDNS).tcp().found("198.51.100.1");
    check(Scene::cluster().asks([upstream.rcode(1, 0).truncated(), client, tcp, later(31_000)]), &[]);
}
