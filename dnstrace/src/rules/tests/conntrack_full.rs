//! `conntrack-full`.

use super::ways::*;
use super::*;
use crate::owner::fact::Conntrack;

fn table(count: u64) -> Fact {
    Fact::Conntrack(Conntrack { count, max: 1_000, ..Conntrack::default() })
}

fn dropped_by_hook() -> Ask {
    stuck(9_000, "10.244.0.10:40000").sign(dropped(0, "NETFILTER_DROP", "nf_hook_slow"))
}

#[test]
fn drop_at_a_full_table_is_certain() {
    let scene = Scene::cluster().fact(table(990)).asks(others(8)).ask(dropped_by_hook());
    check(scene, &["conntrack-full certain node 1"]);
}

#[test]
fn drop_that_the_kernel_counts_is_likely() {
    let counted = Conntrack { count: 500, max: 1_000, dropped: 3, insert_failed: 0 };
    let scene = Scene::cluster().fact(table(500)).asks(others(8)).fact(Fact::Conntrack(counted)).ask(dropped_by_hook());
    check(scene, &["conntrack-full likely node 1"]);
}

#[test]
fn vanished_at_a_full_table_is_likely() {
    let scene = Scene::cluster().fact(table(1_000)).asks(others(8)).ask(stuck(9_000, "10.244.0.10:40000"));
    check(scene, &["conntrack-full likely node 1"]);
}

#[test]
fn full_table_without_loss_is_well() {
    check(Scene::cluster().fact(table(1_000)).asks(others(8)), &[]);
}

#[test]
fn table_with_room_drops_nothing() {
    let scene = Scene::cluster().fact(table(900)).asks(others(8)).ask(dropped_by_hook());
    check(scene, &["no-response certain 10.96.0.10:53 1"]);
}

#[test]
fn query_that_got_further_was_not_dropped_by_a_full_table() {
    let scene = Scene::cluster().fact(table(1_000)).asks(others(8)).ask(sent_on(9_000, "10.244.0.11:40000"));
    check(scene, &["no-response certain kube-system/coredns-1 1"]);
}
