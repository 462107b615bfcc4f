//! `answer-mismatch`.

use hickory_proto::rr::RecordType::A;

use super::ways::*;
use super::*;

/// The name in the question of its response, in capitals.
fn shout(transaction: &mut crate::join::Transaction) {
    let response = transaction.response.as_mut().unwrap();
    let mut bytes = response.bytes.to_vec();
    bytes[12..12 + "_web_prod_svc".len()].make_ascii_uppercase();
    response.bytes = bytes.into();
}

#[test]
fn question_comes_back_in_other_letters() {
    let changed = answered(0, "10.244.0.11:40000").last(shout);
    check(Scene::cluster().ask(changed), &["answer-mismatch certain kube-system/coredns-1 1"]);
}

#[test]
fn forwarder_that_passes_on_other_letters_did_not_change_them() {
    let client = answered(0, "10.244.0.11:40000").last(shout);
    let asked = Ask::new(1, "10.244.0.53:50000", UPSTREAM, "web.prod.svc.cluster.local", A).because(&client);
    let asked = asked.found("198.51.100.1").last(shout);
    check(Scene::cluster().asks([asked, client]), &["answer-mismatch certain 192.0.2.53:53 1"]);
}

#[test]
fn several_responses_to_one_query_are_suspicious() {
    let several = |count| others(count).map(|ask| ask.with(|transaction| transaction.duplicate_responses = 1));
    check(Scene::cluster().asks(several(4)), &["answer-mismatch suspected kube-system/coredns-1 2"]);
    check(Scene::cluster().asks(several(2)), &[]);
}

/// The same with a second response, which is that of `other`.
fn and(ask: Ask, other: Ask) -> Ask {
    let other = other.into_transaction().response.map(Box::new);
    ask.with(|transaction| (transaction.duplicate_responses, transaction.other_response) = (1, other))
}

#[test]
fn different_answers_to_one_query_are_told() {
    let ask = || answered(0, "10.244.0.11:40000");
    let forged = sent_on(0, "10.244.0.11:40000").found("203.0.113.66");
    let scene = Scene::cluster().ask(and(ask(), forged)).finish();
    let said = "gives different answers to a query that was sent once: NOERROR 10.96.7.7, then NOERROR 203.0.113.66";
    assert_eq!(scene.found(), [format!("answer-mismatch likely kube-system/coredns-1: {said}")]);
    let denied = sent_on(0, "10.244.0.11:40000").nxdomain("cluster.local");
    check(Scene::cluster().ask(and(ask(), denied)), &["answer-mismatch likely kube-system/coredns-1 1"]);
}

#[test]
fn the_same_answer_in_another_order_is_no_different_one() {
    let ask = |first, second| sent_on(0, "10.244.0.11:40000").found(first).address(second);
    let [one, other] = [ask("10.96.7.7", "10.96.7.8"), ask("10.96.7.8", "10.96.7.7")];
    check(Scene::cluster().ask(and(one, other)), &[]);
}

#[test]
fn different_answers_to_a_query_that_was_sent_twice_are_well() {
    let ask = answered(0, "10.244.0.11:40000").again(2_500);
    check(Scene::cluster().ask(and(ask, sent_on(0, "10.244.0.11:40000").found("10.96.7.8"))), &[]);
}

#[test]
fn every_host_may_answer_what_is_asked_of_all() {
    let ask = |address| Ask::new(0, "10.244.0.11:5353", "224.0.0.251:5353", "printer.local", A).found(address);
    check(Scene::cluster().ask(and(ask("10.244.0.20"), ask("10.244.0.21"))), &[]);
}

#[test]
fn response_to_each_retransmission_is_well() {
    let asks = others(4).map(|ask| ask.again(2_500).with(|transaction| transaction.duplicate_responses = 1));
    check(Scene::cluster().asks(asks), &[]);
}

#[test]
fn failure_that_glibc_asks_about_again_is_told_by_other_rules() {
    let failed = others(4).map(|ask| ask.rcode(3, 5).with(|transaction| transaction.duplicate_responses = 1));
    check(Scene::cluster().asks(failed), &["error-response certain kube-system/coredns-1 4"]);
}

#[test]
fn question_in_the_letters_of_the_query_is_well() {
    let ask = Ask::new(0, "10.244.0.11:40000", SERVICE, "wEb.eXample", A).behind(COREDNS).found("198.51.100.1");
    check(Scene::cluster().ask(ask), &[]);
}
