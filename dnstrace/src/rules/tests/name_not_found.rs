//! `name-not-found`: fires, and does not.

use super::*;

fn denied(at: u64, name: &str) -> [Ask; 2] {
    pair(at, WEB, name).map(|ask| ask.nxdomain("cluster.local"))
}

fn every(seconds: u64, times: u64, name: &'static str) -> impl Iterator<Item = Ask> {
    (0..times).flat_map(move |time| denied(time * seconds * 1_000, name))
}

const NAME: &str = "cache.shop.svc.cluster.local";

#[test]
fn name_that_is_asked_for_again_and_again_is_missed() {
    check(Scene::cluster().asks(every(10, 8, NAME)), &["name-not-found likely shop/web 3"]);
}

#[test]
fn search_list_is_one_lookup_each_time() {
    let walk =
        |at: u64| missed(at, WEB, "cache").into_iter().chain(pair(at + 6, WEB, "cache").map(|ask| ask.nxdomain("")));
    check(Scene::unknown().asks((0..6).flat_map(|time| walk(time * 10_000))), &["name-not-found likely 10.244.0.10 1"]);
}

#[test]
fn parts_in_the_wrong_order_are_seen_at_once() {
    let name = "cache.svc.shop";
    let walk = missed(0, WEB, name).into_iter().chain(pair(6, WEB, name).map(|ask| ask.nxdomain("")));
    check(Scene::cluster().asks(walk), &["name-not-found likely shop/web 1"]);
}

#[test]
fn probes_are_few_or_all_at_once_or_seldom() {
    check(Scene::cluster().asks(every(10, 5, NAME)), &[]);
    check(Scene::cluster().asks(every(1, 20, NAME)), &[]);
    check(Scene::cluster().asks(every(300, 8, NAME)), &[]);
}

#[test]
fn name_that_comes_is_forgotten() {
    let found = pair(45_000, WEB, NAME).map(|ask| ask.rcode(1, 0).authoritative());
    let [a, aaaa] = found;
    let asks = every(10, 5, NAME).chain([a.address("10.96.7.7"), aaaa]);
    check(Scene::cluster().asks(asks).asks(denied(60_000, NAME)), &[]);
}

#[test]
fn names_outside_of_the_cluster_are_nobodys_mistake() {
    let walk = |at: u64| {
        let name = "gone.example";
        missed(at, WEB, name).into_iter().chain(pair(at + 6, WEB, name).map(|ask| ask.nxdomain("example")))
    };
    check(Scene::cluster().asks((0..9).flat_map(|time| walk(time * 10_000))), &[]);
}
