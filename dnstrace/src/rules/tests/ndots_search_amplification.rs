//! `ndots-search-amplification`: fires, and does not.

use super::*;
use crate::owner::fact::ResolvConf;

fn found(at: u64, client: &str, name: &str) -> [Ask; 2] {
    let [a, aaaa] = pair(at, client, name);
    [a.found("198.51.100.1"), aaaa.found("2001:db8::1")]
}

/// Each another name, so many milliseconds apart.
fn walks(count: u64, apart: u64, client: &'static str) -> impl Iterator<Item = Ask> {
    (0..count).flat_map(move |turn| {
        let (at, name) = (turn * apart, format!("a{turn}.example.com"));
        missed(at, client, &name).into_iter().chain(found(at + 6, client, &name))
    })
}

#[test]
fn external_names_through_the_search_list_are_counted() {
    check(Scene::cluster().asks(walks(12, 20, WEB)), &["ndots-search-amplification certain shop/web 3"]);
    check(Scene::unknown().asks(walks(10, 20, WEB)), &["ndots-search-amplification certain 10.244.0.10 1"]);
}

#[test]
fn own_resolv_conf_is_told_where_it_is_known() {
    let file = ResolvConf {
        pod: "uid-web".into(),
        search: ["shop.svc.cluster.local", "svc.cluster.local", "cluster.local"].map(Into::into).into(),
        options: vec!["ndots:5".into()],
        ..ResolvConf::default()
    };
    let scene = Scene::cluster().fact(Fact::ResolvConf(file)).asks(walks(10, 20, WEB)).finish();
    assert_eq!(scene.findings()[0].facts, ["its /etc/resolv.conf has 3 search domains and ndots:5"]);
}

#[test]
fn few_or_seldom_cost_nothing() {
    check(Scene::cluster().asks(walks(9, 20, WEB)), &[]);
    check(Scene::cluster().asks(walks(20, 10_000, WEB)), &[]);
}

#[test]
fn services_of_other_namespaces_need_their_search_domain() {
    let short = |turn: u64| {
        let first = pair(turn * 10, WEB, "api.prod.shop.svc.cluster.local").map(|ask| ask.nxdomain("cluster.local"));
        first.into_iter().chain(found(turn * 10 + 2, WEB, "api.prod.svc.cluster.local"))
    };
    check(Scene::cluster().asks((0..50).flat_map(short)), &[]);
}

#[test]
fn most_queries_being_of_use_is_well() {
    let whole = |begin: u64| (begin..begin + 40).flat_map(|at| found(at, WEB, &format!("b{at}.example.com")));
    check(Scene::cluster().asks(whole(0)).asks(walks(11, 20, WEB)), &[]);
}
