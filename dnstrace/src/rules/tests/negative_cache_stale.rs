//! `negative-cache-stale`.

use hickory_proto::rr::RecordType::A;

use super::*;

const CLIENT: &str = "10.244.0.10:40000";
const NAME: &str = "new.shop.svc.cluster.local";

fn ask(at: u64, server: &str) -> Ask {
    Ask::new(at, CLIENT, SERVICE, NAME, A).behind(server)
}

fn denied(at: u64, server: &str, ttl: u32) -> Ask {
    ask(at, server).nxdomain("cluster.local").negative_ttl(ttl)
}

fn known(at: u64, server: &str) -> Ask {
    ask(at, server).found("10.96.7.7")
}

#[test]
fn one_denies_from_its_cache_what_another_has() {
    let asks = [denied(0, COREDNS, 30), known(5_000, COREDNS_2), denied(9_000, COREDNS, 21), known(31_000, COREDNS)];
    check(Scene::cluster().asks(asks), &["negative-cache-stale likely new.shop.svc.cluster.local 1"]);
}

#[test]
fn ipv6_and_without_names() {
    let ask = |at: u64, server: &str| Ask::new(at, "[fd00::10]:40000", server, "new.shop.svc.corp.test", A);
    let denied = |at: u64, ttl: u32| ask(at, "[fd00::53]:53").nxdomain("corp.test").negative_ttl(ttl);
    let asks = [denied(0, 30), ask(4_000, "[fd00::54]:53").found("10.96.7.7"), denied(8_000, 22), denied(9_000, 21)];
    check(Scene::unknown().asks(asks), &["negative-cache-stale likely new.shop.svc.corp.test 2"]);
}

#[test]
fn name_that_is_made_meanwhile_is_fine() {
    let asks = [denied(0, COREDNS, 30), denied(5_000, COREDNS, 25), known(31_000, COREDNS), known(32_000, COREDNS_2)];
    check(Scene::cluster().asks(asks), &[]);
}

#[test]
fn denial_that_is_new_is_not_from_the_cache() {
    // The pod behind a headless Service went away again: CoreDNS says so of its own.
    let asks = [denied(0, COREDNS, 30), known(5_000, COREDNS_2), denied(9_000, COREDNS, 30), known(12_000, COREDNS)];
    check(Scene::cluster().asks(asks), &[]);
}

#[test]
fn servers_that_forward_may_disagree_for_other_reasons() {
    let ask = |at: u64, server: &str| Ask::new(at, CLIENT, SERVICE, "git.corp.example", A).behind(server);
    let denied = |at: u64, ttl: u32| ask(at, COREDNS).nxdomain("example").negative_ttl(ttl);
    let asks = [denied(0, 30), ask(5_000, COREDNS_2).found("198.51.100.1"), denied(9_000, 21)];
    check(Scene::cluster().asks(asks), &[]);
}
