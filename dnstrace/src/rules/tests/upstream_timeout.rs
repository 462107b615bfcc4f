//! `upstream-timeout`.

use hickory_proto::rr::RecordType::A;

use super::*;
use crate::capture::Direction;
use crate::join::{MessageKind, Outcome};

const CLIENT: &str = "10.244.0.10:40000";
const SERVFAIL: u16 = 2;

/// CoreDNS 1.15 with an upstream server that is dead: two queries, and SERVFAIL after 4 s.
fn dead(at: u64, name: &str) -> Vec<Ask> {
    let client = to_coredns(at, CLIENT, name);
    let asked = [1, 2_001].map(|after| asked_on(&client, after, UPSTREAM));
    [client.rcode(4_000, SERVFAIL)].into_iter().chain(asked).collect()
}

#[test]
fn servfail_after_silence_is_the_upstream_servers() {
    check(Scene::cluster().asks(dead(0, "a.example")), &["upstream-timeout certain 192.0.2.53:53 2"]);
}

#[test]
fn pods_that_asked_suffer() {
    let scene = Scene::cluster().asks(dead(0, "a.example")).finish();
    let found = scene.findings();
    let affected = found[0].affected.iter().map(|subject| format!("{:?}", subject.about));
    assert!(affected.clone().any(|about| about.contains("uid-web")), "{:?}", affected.collect::<Vec<_>>());
}

#[test]
fn what_its_server_gave_up_need_not_be_waited_for() {
    let client = to_coredns(0, CLIENT, "a.example");
    let outstanding = |ask: Ask| ask.with(|transaction| transaction.outcome = Outcome::Outstanding);
    let asked = [1, 2_001, 4_000].map(|after| outstanding(asked_on(&client, after, UPSTREAM)));
    let scene = Scene::cluster().ask(client.rcode(4_010, SERVFAIL)).asks(asked);
    // The last one had no time yet.
    check(scene, &["upstream-timeout certain 192.0.2.53:53 2"]);
}

/// The try that begins as its client is told has nobody who made it ask.
#[test]
fn try_after_giving_up_is_the_same_failure() {
    let client = Ask::new(0, "10.244.0.10:40000", COREDNS, "a.example", A);
    let try_at = |at: u64| Ask::new(at, &format!("10.244.0.53:{}", 30_000 + at / 2), UPSTREAM, "a.example", A);
    let asked = [1, 2_001].map(|at| try_at(at).because(&client));
    let scene = Scene::unknown().asks(asked).ask(client.rcode(4_000, SERVFAIL)).ask(try_at(4_001));
    check(scene.ask(try_at(60_000)), &["upstream-timeout likely 192.0.2.53:53 4"]);
    // Somebody else's query is nobody's try.
    let other = Ask::new(0, "10.244.0.11:40000", UPSTREAM, "a.example", A);
    check(Scene::unknown().asks([other]), &["no-response certain 192.0.2.53:53 1"]);
}

#[test]
fn older_coredns_asks_three_times_and_its_client_twice() {
    let client = to_coredns(0, CLIENT, "a.example").again(5_000);
    let asked = [1, 2_001, 4_001].map(|after| asked_on(&client, after, UPSTREAM));
    let [first, second, third] = asked;
    let scene = Scene::cluster().asks([first, client.rcode(6_000, SERVFAIL), second, third]);
    check(scene, &["upstream-timeout certain 192.0.2.53:53 3"]);
}

#[test]
fn client_that_gave_up_before_is_explained_too() {
    let client = to_coredns(0, CLIENT, "a.example");
    let asked = [1, 2_001, 4_001].map(|after| asked_on(&client, after, UPSTREAM));
    check(Scene::cluster().ask(client).asks(asked), &["upstream-timeout certain 192.0.2.53:53 3"]);
}

#[test]
fn ipv6_and_without_names() {
    let client = Ask::new(0, "[fd00::10]:40000", "[fd00:96::10]:53", "a.example", A).behind("[fd00::53]:53");
    let asked = [1, 2_001].map(|after| asked_on(&client, after, "[2001:db8::53]:53"));
    let scene = Scene::unknown().ask(client.rcode(4_000, SERVFAIL)).asks(asked);
    check(scene, &["upstream-timeout certain [2001:db8::53]:53 2"]);
}

#[test]
fn query_not_seen_leaving_is_less_certain() {
    let client = to_coredns(0, CLIENT, "a.example");
    let asked = [1, 2_001].map(|after| asked_because(&client, after, UPSTREAM));
    let scene = Scene::cluster().ask(client.rcode(4_000, SERVFAIL)).asks(asked);
    check(scene, &["upstream-timeout suspected 192.0.2.53:53 2"]);
}

#[test]
fn loss_in_capture_lowers_it() {
    check(Scene::cluster().lossy().asks(dead(0, "a.example")), &["upstream-timeout likely 192.0.2.53:53 2"]);
}

#[test]
fn repeated_servfail_is_the_same_finding() {
    let cached = to_coredns(4_500, "10.244.0.11:41000", "a.example").rcode(0, SERVFAIL);
    let mut asks = dead(0, "a.example");
    asks.insert(1, cached);
    check(Scene::cluster().asks(asks), &["upstream-timeout certain 192.0.2.53:53 2"]);
}

#[test]
fn servfail_long_after_is_another_matter() {
    let other = to_coredns(30_000, CLIENT, "a.example").rcode(0, SERVFAIL);
    let expected = ["upstream-timeout certain 192.0.2.53:53 2", "error-response certain kube-system/coredns-1 1"];
    check(Scene::cluster().asks(dead(0, "a.example")).ask(other), &expected);
}

#[test]
fn cause_that_two_share_is_found_by_name_and_time() {
    let client = to_coredns(0, CLIENT, "a.example");
    let unlinked = |after| asked_on(&client, after, UPSTREAM).with(|transaction| transaction.cause = None);
    let scene = Scene::cluster().asks([client.clone().rcode(4_000, SERVFAIL), unlinked(1), unlinked(2_001)]);
    check(scene, &["upstream-timeout certain 192.0.2.53:53 2"]);
}

#[test]
fn last_of_a_chain_is_to_blame() {
    let client = Ask::new(0, CLIENT, "169.254.20.10:53", "a.example", A);
    let passed = asked_on(&client, 1, SERVICE).behind(COREDNS);
    let asked = [1, 2_001].map(|after| asked_on(&passed, after, UPSTREAM));
    let scene = Scene::cluster().asks([passed.rcode(4_000, SERVFAIL), client.rcode(4_001, SERVFAIL)]).asks(asked);
    check(scene, &["upstream-timeout certain 192.0.2.53:53 2"]);
}

#[test]
fn dead_server_beside_a_living_one_is_found_without_failures() {
    let lost = |at: u64| {
        let client = to_coredns(at, CLIENT, &format!("n{at}.example"));
        let asked = asked_on(&client, 1, UPSTREAM);
        let again = asked_on(&client, 2_001, UPSTREAM_2).found("198.51.100.1");
        [again, client.rcode(2_010, 0).address("198.51.100.1"), asked]
    };
    let mut asks: Vec<_> = [0, 1_000, 2_000].into_iter().flat_map(lost).collect();
    asks.sort_by_key(Ask::end);
    let scene = Scene::cluster().asks(asks);
    check(scene, &["upstream-timeout certain 192.0.2.53:53 3"]);
}

#[test]
fn server_that_nobody_is_seen_to_need_is_less_certain() {
    let asked = |at: u64| {
        let client = to_coredns(at, CLIENT, "prefetched.example");
        asked_on(&client, 0, UPSTREAM).with(|transaction| transaction.cause = None)
    };
    check(Scene::cluster().asks([0, 100, 200].map(asked)), &["upstream-timeout likely 192.0.2.53:53 3"]);
}

#[test]
fn one_lost_packet_is_no_timeout() {
    let client = to_coredns(0, CLIENT, "a.example");
    let lost = asked_on(&client, 1, UPSTREAM);
    let again = asked_on(&client, 2_001, UPSTREAM).found("198.51.100.1");
    let scene = Scene::cluster().asks([again, client.rcode(2_010, 0).address("198.51.100.1"), lost]);
    check(scene, &["no-response certain 192.0.2.53:53 1"]);
}

#[test]
fn slow_answer_in_time_is_fine() {
    let client = to_coredns(0, CLIENT, "a.example");
    let asked = asked_on(&client, 1, UPSTREAM).rcode(1_500, 0).address("198.51.100.1");
    check(Scene::cluster().asks([asked, client.rcode(1_510, 0).address("198.51.100.1")]), &[]);
}

#[test]
fn answer_after_its_cause_failed_is_too_late() {
    let client = to_coredns(0, CLIENT, "a.example");
    let asked = [1, 2_001].map(|after| asked_on(&client, after, UPSTREAM).rcode(2_500, 0).address("198.51.100.1"));
    let [first, second] = asked;
    let scene = Scene::cluster().asks([first, client.rcode(4_000, SERVFAIL), second]);
    check(scene, &["upstream-timeout likely 192.0.2.53:53 1"]);
}

#[test]
fn query_dropped_on_the_node_is_not_the_upstream_servers() {
    let client = to_coredns(0, CLIENT, "a.example");
    let asked = [1, 2_001].map(|after| asked_because(&client, after, UPSTREAM));
    let asked = asked.map(|ask| ask.sign(dropped(0, "NETFILTER_DROP", "nft_do_chain")));
    let found = Scene::cluster().ask(client.rcode(4_000, SERVFAIL)).asks(asked).finish().ids();
    assert!(!found.iter().any(|id| id.starts_with("upstream-timeout")), "{found:?}");
}

#[test]
fn queries_in_a_circle_are_nobodys_silence() {
    let client = to_coredns(0, CLIENT, "a.example");
    let out = asked_on(&client, 1, "10.244.0.1:53");
    let back = Ask::new(2, "192.0.2.2:35159", SERVICE, "a.example", A).behind(COREDNS).because(&out);
    let again = asked_on(&back, 1, "10.244.0.1:53");
    let retried = asked_on(&client, 2_001, "10.244.0.1:53");
    let scene = Scene::cluster().asks([client.rcode(4_000, 5), out, back, again, retried]).finish();
    let found = scene.ids();
    assert!(!found.iter().any(|id| id.starts_with("upstream-timeout")), "{found:?}");
}

#[test]
fn probe_of_the_loop_plugin_may_get_lost() {
    let probe = |at: u64| {
        let name = "7930307850743042177.286062316746661525";
        let ask = Ask::new(at, "10.244.0.53:41621", UPSTREAM, name, hickory_proto::rr::RecordType::HINFO);
        ask.hop(at_device(0, Direction::Out, 6, MessageKind::Query))
    };
    let found = Scene::cluster().asks([0, 1_000, 2_000, 3_000].map(probe)).finish().ids();
    assert!(!found.iter().any(|id| id.starts_with("upstream-timeout")), "{found:?}");
}

#[test]
fn loop_plugins_question_that_its_own_server_answers_too_late_is_nobodys_failure() {
    let probe = |at: u64, client: &str, server: &str| {
        Ask::new(at, client, server, "17.42", hickory_proto::rr::RecordType::HINFO)
    };
    let asked = probe(0, "127.0.0.1:40000", "127.0.0.1:53");
    let own = probe(1, "127.0.0.1:40001", "127.0.0.1:53").because(&asked).rcode(4_000, SERVFAIL);
    let own = own.sign(dropped(4_000, "NO_SOCKET", "__udp4_lib_rcv"));
    check(Scene::cluster().ask(own).ask(asked.rcode(4_001, SERVFAIL)), &[]);
}
