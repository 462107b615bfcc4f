//! Failures that a forwarder keeps, and gives again.

use super::*;

const CLIENT: &str = "10.244.0.10:40000";
const SERVFAIL: u16 = 2;
const UNEXPLAINED: &str = "error-response certain kube-system/coredns-1 1";

/// The way of CoreDNS 1.15 with an upstream server that is dead, asked by musl 1.2.5: it sends again after 2.5 s, gets
/// SERVFAIL after 4 s, and asks again at once; CoreDNS asks on for the second copy until 6.5 s, which nobody caused by then.
fn asked_twice() -> Vec<Ask> {
    let client = to_coredns(0, CLIENT, "a.example").again(2_500);
    let asked = [1, 2_001, 2_501].map(|after| asked_on(&client, after, UPSTREAM));
    let of_copy = asked_on(&client, 4_501, UPSTREAM).with(|transaction| transaction.cause = None);
    let first = client.rcode(4_000, SERVFAIL);
    [first, at_once(4_001)].into_iter().chain(asked).chain([of_copy]).collect()
}

/// A failure for which nobody was asked.
fn at_once(at: u64) -> Ask {
    to_coredns(at, CLIENT, "a.example").rcode(0, SERVFAIL)
}

/// In the order in which they end.
fn scene(asks: impl IntoIterator<Item = Ask>) -> Scene {
    let mut asks: Vec<_> = asks.into_iter().collect();
    asks.sort_by_key(Ask::end);
    Scene::cluster().asks(asks)
}

#[test]
fn failure_is_kept_from_when_the_last_copy_failed() {
    let asks = asked_twice().into_iter().chain([at_once(6_900), at_once(9_500), at_once(11_400)]);
    check(scene(asks), &["upstream-timeout certain 192.0.2.53:53 4"]);
}

#[test]
fn clients_that_get_a_kept_failure_suffer() {
    let db = to_coredns(9_500, "10.244.0.11:41000", "a.example").rcode(0, SERVFAIL);
    let found = scene(asked_twice().into_iter().chain([db])).finish().findings();
    let affected: Vec<_> = found[0].affected.iter().map(|subject| format!("{:?}", subject.about)).collect();
    assert!(affected.iter().any(|about| about.contains("uid-db")), "{affected:?}");
}

#[test]
fn failure_after_its_time_is_another_matter() {
    let asks = asked_twice().into_iter().chain([at_once(11_700)]);
    check(scene(asks), &["upstream-timeout certain 192.0.2.53:53 4", UNEXPLAINED]);
}

#[test]
fn kept_failure_that_is_given_again_is_not_kept_for_longer() {
    let asks = asked_twice().into_iter().chain([at_once(11_000), at_once(15_000)]);
    check(scene(asks), &["upstream-timeout certain 192.0.2.53:53 4", UNEXPLAINED]);
}

#[test]
fn what_was_found_since_is_no_longer_a_failure() {
    let found = asked_on(&to_coredns(9_000, CLIENT, "a.example"), 1, UPSTREAM).found("198.51.100.1");
    let asks = asked_twice().into_iter().chain([found, at_once(9_500)]);
    check(scene(asks), &["upstream-timeout certain 192.0.2.53:53 4", UNEXPLAINED]);
}

#[test]
fn what_the_forwarder_still_waits_for_has_not_failed() {
    let client = to_coredns(20_000, CLIENT, "a.example");
    let waiting = asked_on(&client, 1, UPSTREAM).with(|transaction| transaction.cause = None);
    let early = to_coredns(0, CLIENT, "b.example").rcode(1, 0).address("198.51.100.1");
    let found = scene([early, at_once(21_000), waiting]).finish().ids();
    assert!(found.contains(&UNEXPLAINED.to_owned()), "{found:?}");
}

#[test]
fn other_types_fail_by_themselves() {
    let other = Ask::new(9_500, CLIENT, SERVICE, "a.example", hickory_proto::rr::RecordType::AAAA).behind(COREDNS);
    let asks = asked_twice().into_iter().chain([other.rcode(0, SERVFAIL)]);
    check(scene(asks), &["upstream-timeout certain 192.0.2.53:53 4", UNEXPLAINED]);
}

/// The run begins while the upstream server is silent.
fn dead(at: u64) -> Vec<Ask> {
    let client = to_coredns(at, CLIENT, "c.example");
    let asked = [1, 2_001].map(|after| asked_on(&client, after, UPSTREAM));
    [client.rcode(4_000, SERVFAIL)].into_iter().chain(asked).collect()
}

#[test]
fn failure_may_be_older_than_what_is_seen() {
    let asks = [at_once(0), at_once(4_500)].into_iter().chain(dead(500));
    check(scene(asks), &["upstream-timeout certain 192.0.2.53:53 2"]);
}

#[test]
fn query_from_before_the_run_may_fail_in_it() {
    let asks = [at_once(0), at_once(6_900)].into_iter().chain(dead(500));
    check(scene(asks), &["upstream-timeout certain 192.0.2.53:53 2"]);
}

#[test]
fn later_failure_is_not_older_than_what_is_seen() {
    let asks = [at_once(0), at_once(7_500)].into_iter().chain(dead(500));
    check(scene(asks), &["upstream-timeout certain 192.0.2.53:53 2", UNEXPLAINED]);
}

#[test]
fn first_failure_of_a_server_whose_upstream_answers_is_told() {
    let client = to_coredns(500, CLIENT, "c.example");
    let asked = asked_on(&client, 1, UPSTREAM).found("198.51.100.1");
    check(scene([at_once(0), asked, client.rcode(2, 0).address("198.51.100.1")]), &[UNEXPLAINED]);
}

#[test]
fn pod_keeps_a_failure_for_all_its_addresses() {
    let addresses = ["10.244.0.53", "fd00::53"].map(|address| address.parse().unwrap()).to_vec();
    let pod = PodFact { uid: "uid-coredns-1".into(), addresses, ..PodFact::default() };
    let early = to_coredns(0, CLIENT, "b.example").rcode(1, 0).address("198.51.100.1");
    let asked = [10_000, 12_000].map(|at| {
        let client = to_coredns(at, CLIENT, "a.example");
        asked_on(&client, 0, UPSTREAM).with(|transaction| transaction.cause = None)
    });
    let six = Ask::new(15_000, "[fd00::10]:40000", SERVICE_V6, "a.example", hickory_proto::rr::RecordType::A);
    let six = six.behind("[fd00::53]:53").rcode(0, SERVFAIL);
    let scene = Scene::cluster().fact(Fact::Pod(pod)).asks([early, six]).asks(asked);
    check(scene, &["upstream-timeout certain 192.0.2.53:53 2"]);
}
