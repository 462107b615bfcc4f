//! `max-concurrent-refused`.

use hickory_proto::rr::RecordType::A;

use super::*;

const CLIENT: &str = "10.244.0.10:40000";
const SERVFAIL: u16 = 2;
const REFUSED: u16 = 5;

/// `count` queries that wait for an upstream server from `at` on; those of them that end within 5 s first.
fn waiting(at: u64, count: u64) -> (Vec<Ask>, Vec<Ask>) {
    let clients: Vec<_> =
        (0..count).map(|each| to_coredns(at + each, CLIENT, &format!("w{at}-{each}.example"))).collect();
    let asked = clients.iter().map(|client| asked_on(client, 1, UPSTREAM)).collect();
    (clients.into_iter().map(|client| client.rcode(4_000, SERVFAIL)).collect(), asked)
}

#[test]
fn refused_while_others_wait() {
    let (clients, asked) = waiting(0, 2);
    let refused = [10, 11].map(|at| to_coredns(at, CLIENT, &format!("n{at}.example")).rcode(0, REFUSED));
    let scene = Scene::cluster().asks(refused).asks(clients).asks(asked);
    let expected = ["max-concurrent-refused likely kube-system/coredns-1 2", "upstream-timeout likely 192.0.2.53:53 2"];
    check(scene, &expected);
}

#[test]
fn ipv6_and_without_names() {
    let ask = |at: u64, name: &str| Ask::new(at, "[fd00::10]:40000", "[fd00::53]:53", name, A);
    let clients = [0, 1, 2].map(|at| ask(at, &format!("w{at}.example")));
    let asked = clients.clone().map(|client| asked_on(&client, 1, "[2001:db8::53]:53").rcode(3_000, 0));
    let clients = clients.map(|client| client.rcode(3_010, 0));
    let refused = ask(20, "n.example").rcode(0, REFUSED);
    check(Scene::unknown().ask(refused).asks(asked).asks(clients), &["max-concurrent-refused likely [fd00::53]:53 1"]);
}

#[test]
fn client_that_is_never_served_is_refused_by_a_list() {
    let (clients, asked) = waiting(0, 2);
    let refused = to_coredns(10, "10.244.0.11:40000", "n.example").rcode(0, REFUSED);
    let expected = ["upstream-timeout likely 192.0.2.53:53 2", "error-response certain kube-system/coredns-1 1"];
    check(Scene::cluster().ask(refused).asks(clients).asks(asked), &expected);
}

#[test]
fn refused_when_fewer_wait_than_at_other_times_is_no_crowd() {
    let (clients, asked) = waiting(0, 2);
    let (many, asked_many) = waiting(1_000, 9);
    let refused = to_coredns(10, CLIENT, "n.example").rcode(0, REFUSED);
    let scene = Scene::cluster().ask(refused).asks(clients).asks(many).asks(asked).asks(asked_many);
    let expected = ["upstream-timeout certain 192.0.2.53:53 11", "error-response certain kube-system/coredns-1 1"];
    check(scene, &expected);
}

#[test]
fn refused_by_the_upstream_server_is_not_it() {
    let (clients, asked) = waiting(0, 2);
    let client = to_coredns(10, CLIENT, "n.example");
    let passed = asked_on(&client, 1, UPSTREAM_2).rcode(1, REFUSED);
    let scene = Scene::cluster().asks([passed, client.rcode(3, REFUSED)]).asks(clients).asks(asked);
    check(scene, &["upstream-timeout likely 192.0.2.53:53 2", "upstream-error certain 192.0.2.54:53 1"]);
}

#[test]
fn refused_in_quiet_is_not_it() {
    let client = to_coredns(0, CLIENT, "a.example");
    let asked = asked_on(&client, 1, UPSTREAM).found("198.51.100.1");
    let refused = to_coredns(10, CLIENT, "n.example").rcode(0, REFUSED);
    let scene = Scene::cluster().asks([asked, client.rcode(3, 0).address("198.51.100.1"), refused]);
    check(scene, &["error-response certain kube-system/coredns-1 1"]);
}
