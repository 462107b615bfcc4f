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
fn several_responses_to_one_query_are_suspicious() {
    let several = |count| others(count).map(|ask| ask.with(|transaction| transaction.duplicate_responses = 1));
    check(Scene::cluster().asks(several(4)), &["answer-mismatch suspected kube-system/coredns-1 2"]);
    check(Scene::cluster().asks(several(2)), &[]);
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
