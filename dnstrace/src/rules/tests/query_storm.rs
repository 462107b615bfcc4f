//! `query-storm`.

use hickory_proto::rr::RecordType::A;

use super::*;

/// `count` queries of the pod web for a name, one every `every` milliseconds, with an answer that is valid for 30 s.
fn asks(count: u64, every: u64) -> impl Iterator<Item = Ask> {
    (0..count).map(move |at| {
        let client = format!("{WEB}:{}", 40_000 + at % 20_000);
        Ask::new(at * every, &client, SERVICE, "db.shop.svc.cluster.local", A).behind(COREDNS).found("10.96.7.7")
    })
}

#[test]
fn the_same_again_and_again_is_a_storm() {
    let scene = Scene::cluster().asks(asks(1_001, 25)).finish();
    let said =
        "asked for A db.shop.svc.cluster.local more than 500 times in 25 s, with answers that are valid for 30 s";
    assert_eq!(scene.found(), [format!("query-storm certain shop/web: {said}")]);
}

#[test]
fn burst_is_none() {
    check(Scene::cluster().asks(asks(2_000, 5)), &[]);
    let bursts = (0..3).flat_map(|burst| asks(600, 1).map(move |ask| ask.later(burst * 20_000)));
    check(Scene::cluster().asks(bursts), &[]);
}

#[test]
fn poll_is_none() {
    check(Scene::cluster().asks(asks(400, 250)), &[]);
}

#[test]
fn answers_that_are_not_valid_may_be_asked_for_again() {
    let asks = asks(1_500, 25).map(|ask| ask.ttl(0));
    check(Scene::cluster().asks(asks), &[]);
}

#[test]
fn many_names_are_none() {
    let asks = (0..2_000).map(|at| {
        let name = format!("n{at}.shop.svc.cluster.local");
        Ask::new(at * 25, "10.244.0.10:40000", SERVICE, &name, A).behind(COREDNS).found("10.96.7.7")
    });
    check(Scene::cluster().asks(asks), &[]);
}

#[test]
fn forwarder_that_asks_for_others_is_none() {
    let client = Ask::new(0, "10.244.0.11:40000", SERVICE, "a.example", A).behind(COREDNS).found("198.51.100.1");
    let asked = (0..2_000).map(move |at| {
        let name = "a.example";
        let ask = Ask::new(at * 25, &format!("10.244.0.53:{}", 30_000 + at), UPSTREAM, name, A).found("198.51.100.1");
        if at == 0 { ask.because(&client) } else { ask }
    });
    check(Scene::cluster().asks(asked), &[]);
}
