//! `upstream-rate-limited`.

use super::*;

const SERVFAIL: u16 = 2;

/// In one second `answered` queries are answered by the upstream server, and `lost` not.
fn second(second: u64, answered: u64, lost: u64) -> Vec<Ask> {
    let of = |each: u64, is_lost: bool| {
        let name = format!("n{each}.s{second}.example");
        let client = to_coredns(second * 1_000 + each % 900, &format!("10.244.0.10:{}", 10_000 + each), &name);
        let asked = asked_on(&client, 1, UPSTREAM);
        let ok = |ask: Ask| ask.found("198.51.100.1");
        if is_lost { [asked, client.rcode(4_000, SERVFAIL)] } else { [ok(asked), ok(client)] }
    };
    (0..answered + lost).flat_map(|each| of(each, each >= answered)).collect()
}

fn run(seconds: &[(u64, u64)]) -> Scene {
    let of = |(at, (answered, lost)): (u64, &(u64, u64))| second(at, *answered, *lost);
    let mut asks: Vec<_> = (0..).zip(seconds).flat_map(of).collect();
    asks.sort_by_key(Ask::end);
    Scene::cluster().asks(asks).finish()
}

fn is_said(scene: &Scene) -> Option<String> {
    scene.ids().into_iter().find(|id| id.starts_with("upstream-rate-limited"))
}

#[test]
fn so_many_are_answered_and_no_more() {
    let scene = run(&[(60, 0), (80, 0), (90, 0), (100, 20), (100, 40), (102, 5), (101, 30)]);
    assert_eq!(scene.ids(), ["upstream-rate-limited suspected 192.0.2.53:53 95"]);
}

#[test]
fn loss_whatever_the_rate_is_another_matter() {
    assert_eq!(is_said(&run(&[(60, 2), (80, 3), (90, 0), (100, 3), (30, 2), (102, 5), (101, 3)])), None);
}

#[test]
fn loss_while_more_are_answered_at_other_times_is_another_matter() {
    assert_eq!(is_said(&run(&[(150, 0), (80, 0), (90, 0), (100, 20), (100, 40), (102, 5)])), None);
}

#[test]
fn dead_server_has_no_limit() {
    assert_eq!(is_said(&run(&[(60, 0), (80, 0), (90, 0), (0, 60), (0, 70), (0, 80)])), None);
}
