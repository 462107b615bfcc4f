//! `upstream-error`.

use hickory_proto::rr::RecordType::{ANY, NS};

use super::*;

const CLIENT: &str = "10.244.0.10:40000";
const SERVFAIL: u16 = 2;
const REFUSED: u16 = 5;

fn passed_on(at: u64, name: &str, rcode: u16) -> [Ask; 2] {
    let client = to_coredns(at, CLIENT, name);
    let asked = asked_on(&client, 1, UPSTREAM).rcode(5, rcode);
    [asked, client.rcode(7, rcode)]
}

#[test]
fn error_that_is_passed_on_is_the_upstream_servers() {
    let scene = Scene::cluster().asks(passed_on(0, "a.example", SERVFAIL)).asks(passed_on(9, "b.example", REFUSED));
    check(scene, &["upstream-error certain 192.0.2.53:53 2"]);
}

#[test]
fn ipv6_and_without_names() {
    let client = Ask::new(0, "[fd00::10]:40000", "[fd00:96::10]:53", "a.example", ANY).behind("[fd00::53]:53");
    let asked = asked_on(&client, 1, "[2001:db8::53]:53").rcode(5, SERVFAIL);
    let scene = Scene::unknown().asks([asked, client.rcode(7, SERVFAIL)]);
    check(scene, &["upstream-error certain [2001:db8::53]:53 1"]);
}

#[test]
fn repeated_servfail_is_the_same_finding() {
    let cached = to_coredns(2_000, "10.244.0.11:41000", "a.example").rcode(0, SERVFAIL);
    let scene = Scene::cluster().asks(passed_on(0, "a.example", SERVFAIL)).ask(cached).finish();
    assert_eq!(scene.ids(), ["upstream-error certain 192.0.2.53:53 1"]);
    assert_eq!(scene.findings()[0].affected_count, 3);
}

#[test]
fn other_server_that_was_asked_next_helps() {
    let client = to_coredns(0, CLIENT, "a.example");
    let refused = asked_on(&client, 1, UPSTREAM).rcode(2, REFUSED);
    let answered = asked_on(&client, 3, UPSTREAM_2).found("198.51.100.1");
    let scene = Scene::cluster().asks([refused, answered, client.rcode(7, 0).address("198.51.100.1")]);
    check(scene, &["upstream-error certain 192.0.2.53:53 1"]);
}

#[test]
fn error_of_the_forwarder_itself_is_not_the_upstream_servers() {
    let client = to_coredns(0, CLIENT, "a.example");
    let asked = asked_on(&client, 1, UPSTREAM).found("198.51.100.1");
    check(
        Scene::cluster().asks([asked, client.rcode(7, SERVFAIL)]),
        &["error-response certain kube-system/coredns-1 1"],
    );
}

#[test]
fn health_check_may_be_refused() {
    let check_of = Ask::new(0, "10.244.0.53:41000", UPSTREAM, ".", NS).rcode(1, REFUSED);
    let found = Scene::cluster().ask(check_of).finish().ids();
    assert!(!found.iter().any(|id| id.starts_with("upstream-error")), "{found:?}");
}

#[test]
fn negative_responses_are_no_errors() {
    let client = to_coredns(0, CLIENT, "a.example");
    let asked = asked_on(&client, 1, UPSTREAM).nxdomain("example");
    let nodata = to_coredns(9, CLIENT, "b.example").nodata("example");
    check(Scene::cluster().asks([asked, client.nxdomain("example"), nodata]), &[]);
}

#[test]
fn upstream_server_that_does_not_recurse_is_told() {
    let [asked, client] = passed_on(0, "a.example", REFUSED);
    let scene = Scene::cluster().asks([asked.no_recursion(), client]).finish();
    let facts = &scene.findings()[0].facts;
    assert_eq!(facts[..], ["REFUSED for a.example", "it does not offer recursion (RA is not set)"]);
}
