//! What holds for every rule: how transactions are explained, aggregated, and folded to lookups.

use hickory_proto::rr::RecordType::{self, A, AAAA};

use super::super::lookup::{Libc, LookupOutcome};
use super::*;
use crate::join::TransactionId;

fn web(at: u64, name: &str) -> Ask {
    Ask::new(at, "10.244.0.10:40000", SERVICE, name, A).behind(COREDNS)
}

#[test]
fn what_nobody_explains_is_said() {
    let scene = Scene::cluster().asks([web(0, "a.example"), web(1, "b.example").rcode(3, 2)]);
    let expected = ["error-response certain kube-system/coredns-1 1", "no-response certain kube-system/coredns-1 1"];
    let mut found = scene.finish().ids();
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn one_finding_for_each_subject_counts() {
    let scene = Scene::cluster().asks((0..9).map(|at| web(at, "a.example")));
    check(scene, &["no-response certain kube-system/coredns-1 9"]);
}

#[test]
fn finding_is_told_when_it_is_new_and_when_it_is_surer() {
    use super::vip_not_translated::{leaving, passing};
    use super::ways::UPLINK;
    let mut scene = Scene::cluster();
    let asked = [passing(UPLINK), passing(UPLINK), leaving(SERVICE), leaving(SERVICE), passing(UPLINK)];
    let told = (0..).zip(asked).flat_map(|(id, ask)| {
        let ask = ask.with(|transaction| transaction.id = TransactionId(id));
        scene = std::mem::replace(&mut scene, Scene::unknown()).ask(ask);
        scene.told()
    });
    let told: Vec<_> = told.collect();
    assert_eq!(told, ["vip-not-translated likely 10.96.0.10:53 1", "vip-not-translated certain 10.96.0.10:53 3"]);
}

#[test]
fn where_packets_were_lost_nothing_rises_to_certain() {
    let mut scene = Scene::cluster().lossy().asks([web(0, "a.example"), web(9_000, "a.example")]).finish();
    assert_eq!(scene.told(), ["no-response likely kube-system/coredns-1 2"]);
    let mut scene = scene.ask(web(20_000, "a.example")).finish();
    assert_eq!(scene.told(), [] as [&str; 0]);
}

#[test]
fn what_is_missing_is_less_certain_where_packets_were_lost() {
    check(Scene::cluster().lossy().ask(web(0, "a.example")), &["no-response likely kube-system/coredns-1 1"]);
}

#[test]
fn what_a_forwarder_asks_for_itself_is_nobodys_failure() {
    let probe = |client: &str, server: &str| Ask::new(0, client, server, "17.42", RecordType::HINFO);
    let check = Ask::new(9_000, "10.244.0.53:40001", UPSTREAM, ".", RecordType::NS);
    let own = probe("127.0.0.1:40000", "127.0.0.1:53").rcode(4_000, 2);
    let scene = Scene::cluster().asks([own, probe("10.244.0.53:40000", UPSTREAM), check]);
    super::check(scene, &[]);
}

#[test]
fn failure_that_is_given_again_is_told_once() {
    let first = web(0, "a.example").again(2_500).rcode(4_000, 2);
    let upstream = asked_because(&first, 1, UPSTREAM).rcode(3_999, 2);
    let again = (0..3).map(|at| web(4_001 + at, "a.example").rcode(0, 2));
    let found = Scene::cluster().ask(upstream).asks(again).ask(first).finish().ids();
    assert!(!found.iter().any(|id| id.starts_with("error-response")), "{found:?}");
}

#[test]
fn healthy_traffic_gives_nothing() {
    let scene = Scene::cluster().asks([
        web(0, "kubernetes.default.svc.cluster.local").found("10.96.0.1"),
        web(2, "nothing.shop.svc.cluster.local").nxdomain("cluster.local"),
    ]);
    check(scene, &[]);
}

/// The queries of one lookup with the search list of a pod in `shop`, a millisecond apart; the last is found.
fn walk(name: &str) -> Vec<Ask> {
    let suffixes = [".shop.svc.cluster.local", ".svc.cluster.local", ".cluster.local"];
    let missed = (0..).zip(suffixes).flat_map(|(at, suffix)| {
        let name = format!("{name}{suffix}");
        [A, AAAA].map(|qtype| {
            let ask = Ask::new(at * 2, &format!("10.244.0.10:{}", 40_000 + at), SERVICE, &name, qtype);
            ask.behind(COREDNS).nxdomain("cluster.local")
        })
    });
    let last = [(A, "198.51.100.1"), (AAAA, "2001:db8::1")];
    let found = last
        .map(|(qtype, address)| Ask::new(6, "10.244.0.10:40003", SERVICE, name, qtype).behind(COREDNS).found(address));
    missed.chain(found).collect()
}

#[test]
fn search_list_is_one_lookup() {
    let scene = Scene::cluster().asks(walk("api.example.com")).finish();
    let [lookup] = &scene.heard.lookups[..] else { panic!("{:#?}", scene.heard.lookups) };
    assert_eq!(lookup.base().to_string(), "api.example.com");
    assert_eq!((lookup.queries(), lookup.wasted(), lookup.outcome), (8, 6, LookupOutcome::Found));
    let suffixes: Vec<_> = lookup.steps.iter().map(|step| step.suffix().map(|suffix| suffix.to_string())).collect();
    let expected = [Some("shop.svc.cluster.local"), Some("svc.cluster.local"), Some("cluster.local"), None];
    assert_eq!(suffixes, expected.map(|suffix| suffix.map(str::to_owned)));
}

#[test]
fn two_names_are_two_lookups() {
    let names = ["a.example.com", "a.example.org"].map(|name| web(0, name).found("198.51.100.1"));
    let scene = Scene::cluster().asks(names).finish();
    assert_eq!(scene.heard.lookups.len(), 2);
}

#[test]
fn namespaces_are_two_lookups() {
    let names = ["web.shop.svc.cluster.local", "web.prod.svc.cluster.local"].map(|name| web(0, name));
    let [missed, found] = names;
    let scene = Scene::cluster().asks([missed.nxdomain("cluster.local"), found.found("10.96.7.7")]).finish();
    assert_eq!(scene.heard.lookups.len(), 2);
}

#[test]
fn longer_name_after_a_miss_is_another_lookup() {
    let names = ["web.shop.svc.cluster.local", "web.prod.shop.svc.cluster.local", "web.prod.svc.cluster.local"];
    let asks = (0..).zip(names).map(|(at, name)| web(at, name).nxdomain("cluster.local"));
    let scene = Scene::cluster().asks(asks).finish();
    let bases: Vec<_> =
        scene.heard.lookups.iter().map(|lookup| (lookup.base().to_string(), lookup.steps.len())).collect();
    assert_eq!(bases, [("web".to_owned(), 1), ("web.prod".to_owned(), 2)]);
}

#[test]
fn copies_to_several_servers_are_one_lookup() {
    let copy = |server| Ask::new(0, "10.244.0.10:40000", server, "a.example", A).message_id(7).found("198.51.100.1");
    let scene = Scene::cluster().asks([copy(SERVICE), copy("192.0.2.1:53")]).finish();
    assert_eq!(scene.heard.lookups.len(), 1);
}

#[test]
fn tcp_after_truncation_is_the_same_lookup() {
    let first = web(0, "big.example").rcode(1, 0).truncated();
    let then = web(2, "big.example").tcp().found("198.51.100.1");
    let scene = Scene::cluster().asks([first, then]).finish();
    let [lookup] = &scene.heard.lookups[..] else { panic!("{:#?}", scene.heard.lookups) };
    assert_eq!((lookup.queries(), lookup.steps.len(), lookup.outcome), (2, 1, LookupOutcome::Found));
}

#[test]
fn same_question_later_is_another_lookup() {
    let scene = Scene::cluster().asks([0, 1_000].map(|at| web(at, "a.example").found("198.51.100.1"))).finish();
    assert_eq!(scene.heard.lookups.len(), 2);
}

#[test]
fn lookups_that_are_complete_make_room() {
    let pair = |number: u64| {
        let asks = [(A, "198.51.100.1"), (AAAA, "2001:db8::1")];
        asks.map(|(qtype, address)| {
            Ask::new(0, "10.244.0.10:40000", SERVICE, &format!("{number}.example"), qtype).found(address)
        })
    };
    // AAAA was sent with it, as far as anybody knows, and may be lost.
    let half = web(0, "half.example").found("198.51.100.1");
    let scene = Scene::cluster().ask(half).asks((0..1_000).flat_map(pair));
    let bases: Vec<_> = scene.heard.lookups.iter().map(|lookup| lookup.base().to_string()).collect();
    let expected: Vec<_> = (0..bases.len()).map(|number| format!("{number}.example")).collect();
    assert_eq!(bases, expected);
    let open = 1_001 - bases.len();
    assert!((100..200).contains(&open), "{open}");
    assert!(scene.rules.crowded().iter().all(|(_, count)| *count == 0), "{:?}", scene.rules.crowded());
    assert_eq!(scene.finish().heard.lookups.len(), 1_001);
}

#[test]
fn stub_resolvers_are_told_apart() {
    let pair = |ids: [u16; 2], ports: [u16; 2], edns: Option<u16>| {
        let asks = [(A, "198.51.100.1", 0), (AAAA, "2001:db8::1", 1)].map(|(qtype, address, at)| {
            let ask = Ask::new(0, &format!("10.244.0.10:{}", ports[at]), SERVICE, "a.example", qtype);
            let ask = ask.message_id(ids[at]).found(address);
            edns.map_or(ask.clone(), |size| ask.edns(size))
        });
        Scene::cluster().asks(asks).finish().heard.lookups[0].libc()
    };
    assert_eq!(pair([4_711, 60_112], [40_000, 40_000], None), Some(Libc::Glibc));
    assert_eq!(pair([59_892, 60_093], [40_000, 40_000], None), Some(Libc::Musl));
    assert_eq!(pair([4_711, 60_112], [40_000, 40_001], Some(1_232)), Some(Libc::Go));
    assert_eq!(pair([4_711, 60_112], [40_000, 40_001], None), None);
}
