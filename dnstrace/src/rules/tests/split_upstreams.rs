//! `split-upstreams`.

use hickory_proto::rr::RecordType::A;

use super::*;

const CLIENT: &str = "10.244.0.10:40000";
const PUBLIC: &str = "192.0.2.53:53";
const CORP: &str = "192.0.2.54:53";

fn denied(at: u64, server: &str, name: &str) -> [Ask; 2] {
    let client = to_coredns(at, CLIENT, name);
    let asked = asked_on(&client, 0, server).nxdomain("example");
    [asked, client.nxdomain("example")]
}

fn known(at: u64, server: &str, name: &str) -> [Ask; 2] {
    let client = to_coredns(at, CLIENT, name);
    let asked = asked_on(&client, 0, server).found("198.51.100.1");
    [asked, client.found("198.51.100.1")]
}

#[test]
fn servers_that_disagree_about_one_name() {
    let name = "git.corp.example";
    let asks = [denied(0, PUBLIC, name), known(1_000, CORP, name), denied(2_000, PUBLIC, name)].concat();
    check(Scene::cluster().asks(asks), &["split-upstreams likely 192.0.2.53:53 1"]);
}

#[test]
fn servers_that_take_turns_are_certain() {
    let name = "git.corp.example";
    let turns = [0, 20_000, 40_000].map(|at| [denied(at, PUBLIC, name), known(at + 1_000, CORP, name)].concat());
    check(Scene::cluster().asks(turns.concat()), &["split-upstreams certain 192.0.2.53:53 2"]);
}

#[test]
fn turns_within_the_negative_time_to_live_may_be_a_cache() {
    let name = "new.corp.example";
    let turns = [0, 2_000, 4_000].map(|at| [denied(at, PUBLIC, name), known(at + 1_000, CORP, name)].concat());
    check(Scene::cluster().asks(turns.concat()), &["split-upstreams likely 192.0.2.53:53 2"]);
}

#[test]
fn name_that_was_made_and_removed_is_less_certain() {
    let name = "_acme-challenge.example";
    let asks = [denied(0, PUBLIC, name), known(60_000, CORP, name), denied(120_000, PUBLIC, name)].concat();
    check(Scene::cluster().asks(asks), &["split-upstreams likely 192.0.2.53:53 1"]);
}

#[test]
fn ipv6_and_without_names() {
    let ask = |at: u64, server: &str| {
        let client = Ask::new(at, "[fd00::10]:40000", "[fd00::53]:53", "git.corp.example", A);
        (asked_on(&client, 0, server), client)
    };
    let (first, second, third) =
        (ask(0, "[2001:db8::53]:53"), ask(50, "[2001:db8::54]:53"), ask(99, "[2001:db8::53]:53"));
    let asks = [
        first.0.nxdomain("example"),
        first.1.nxdomain("example"),
        second.0.found("198.51.100.1"),
        second.1.found("198.51.100.1"),
        third.0.nxdomain("example"),
        third.1.nxdomain("example"),
    ];
    check(Scene::unknown().asks(asks), &["split-upstreams likely [2001:db8::53]:53 1"]);
}

#[test]
fn name_that_was_made_is_no_split() {
    let name = "new.example";
    let asks = [denied(0, PUBLIC, name), known(1_000, CORP, name), known(2_000, PUBLIC, name)].concat();
    check(Scene::cluster().asks(asks), &[]);
}

#[test]
fn name_that_comes_and_goes_is_no_split() {
    let name = "flapping.example";
    let asks = [denied(0, PUBLIC, name), known(1_000, PUBLIC, name), denied(2_000, PUBLIC, name)].concat();
    check(Scene::cluster().asks(asks), &[]);
}

#[test]
fn name_that_nobody_has_is_no_split() {
    let name = "typo.example";
    let asks = [denied(0, PUBLIC, name), denied(1_000, CORP, name), denied(2_000, PUBLIC, name)].concat();
    check(Scene::cluster().asks(asks), &[]);
}

#[test]
fn name_that_was_removed_everywhere_is_no_split() {
    let name = "old.example";
    let asks = [denied(0, PUBLIC, name), known(1_000, CORP, name), denied(2_000, CORP, name)].concat();
    let then = [known(3_000, CORP, name), denied(4_000, CORP, name)].concat();
    check(Scene::cluster().asks(asks).asks(then), &[]);
}
