//! `snat-port-exhaustion`.

use super::*;
use crate::owner::fact::Conntrack;

const CLIENT: &str = "10.244.0.10:40000";
const SERVFAIL: u16 = 2;

fn scene(count: u64) -> Scene {
    Scene::cluster().fact(Fact::Conntrack(Conntrack { count, max: 1_000, dropped: 0, insert_failed: 0 }))
}

/// Two queries of one lookup are dropped, while another lookup is answered.
fn dropped_at(location: &'static str) -> [Ask; 5] {
    let client = to_coredns(0, CLIENT, "a.example");
    let lost =
        [1, 2_001].map(|after| asked_because(&client, after, UPSTREAM).sign(dropped(0, "NETFILTER_DROP", location)));
    let other = to_coredns(3_000, CLIENT, "b.example");
    let asked = asked_on(&other, 1, UPSTREAM).found("198.51.100.1");
    let [first, second] = lost;
    [asked, other.rcode(3, 0).address("198.51.100.1"), client.rcode(4_000, SERVFAIL), first, second]
}

#[test]
fn dropped_in_a_hook_though_there_is_room() {
    check(scene(10).asks(dropped_at("nf_hook_slow")), &["snat-port-exhaustion suspected 192.0.2.53:53 2"]);
}

#[test]
fn dropped_by_a_rule_is_not_it() {
    let found = scene(10).asks(dropped_at("nft_do_chain")).finish().ids();
    assert!(!found.iter().any(|id| id.starts_with("snat-")), "{found:?}");
}

#[test]
fn dropped_as_the_table_is_full_is_not_it() {
    let found = scene(990).asks(dropped_at("nf_hook_slow")).finish().ids();
    assert!(!found.iter().any(|id| id.starts_with("snat-")), "{found:?}");
}

#[test]
fn nothing_is_said_where_the_table_is_not_known() {
    let found = Scene::cluster().asks(dropped_at("nf_hook_slow")).finish().ids();
    assert!(!found.iter().any(|id| id.starts_with("snat-")), "{found:?}");
}
