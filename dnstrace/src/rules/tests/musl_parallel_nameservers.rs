//! `musl-parallel-nameservers`: fires, and does not.

use hickory_proto::rr::RecordType::A;

use super::*;

const NAME: &str = "api.shop.svc.cluster.local";

fn to(server: &str, port: u16, at: u64) -> Ask {
    Ask::new(at, &format!("10.244.0.10:{port}"), server, NAME, A).message_id(7)
}

#[test]
fn nameservers_that_contradict_each_other_are_seen() {
    let asks = [to("8.8.8.8:53", 40_000, 0).rcode(1, 3).soa("."), to(SERVICE, 40_000, 0).found("10.96.7.7")];
    check(Scene::cluster().asks(asks.clone()), &["musl-parallel-nameservers certain shop/web 1"]);
    let [no, yes] = asks;
    check(Scene::unknown().asks([yes, no]), &["musl-parallel-nameservers certain 10.244.0.10 1"]);
}

#[test]
fn nameservers_that_agree_do_no_harm() {
    let asks = ["8.8.8.8:53", SERVICE].map(|server| to(server, 40_000, 0).found("10.96.7.7"));
    check(Scene::cluster().asks(asks), &[]);
    let asks = ["8.8.8.8:53", SERVICE].map(|server| to(server, 40_000, 0).nxdomain("cluster.local"));
    check(Scene::cluster().asks(asks), &[]);
}

#[test]
fn next_nameserver_after_the_first_is_another_query() {
    let asks = [to("8.8.8.8:53", 40_000, 0).rcode(1, 3).soa("."), to(SERVICE, 40_001, 0).found("10.96.7.7")];
    check(Scene::cluster().asks(asks), &[]);
}
