//! `wrong-namespace`: fires, and does not.

use hickory_proto::rr::RecordType::SRV;

use super::*;

const MISSED: &str = "cluster.local";

fn denied(at: u64, name: &str) -> [Ask; 2] {
    pair(at, WEB, name).map(|ask| ask.nxdomain(MISSED))
}

fn found(at: u64, name: &str) -> [Ask; 2] {
    let [a, aaaa] = pair(at, WEB, name);
    [a.found("10.96.7.7"), aaaa.nodata("cluster.local")]
}

#[test]
fn service_of_another_namespace_is_likely_meant() {
    let scene = Scene::cluster().service("prod", "api", "10.96.7.7");
    check(scene.asks(denied(0, "api.shop.svc.cluster.local")), &["wrong-namespace likely shop/web 1"]);
    let scene = Scene::cluster().service("prod", "api", "fd00::7").asks(missed(0, WEB, "api"));
    check(scene.asks(pair(6, WEB, "api").map(|ask| ask.nxdomain(""))), &["wrong-namespace likely shop/web 1"]);
}

#[test]
fn name_that_was_answered_elsewhere_is_as_good_as_a_list() {
    let asks = [denied(0, "api.default.svc.cluster.local"), found(5, "api.prod.svc.cluster.local")];
    check(Scene::unknown().asks(asks.into_iter().flatten()), &["wrong-namespace likely 10.244.0.10 1"]);
}

#[test]
fn several_namespaces_leave_it_open() {
    let scene = Scene::cluster().service("prod", "api", "10.96.7.7").service("test", "api", "10.96.7.8");
    check(scene.asks(denied(0, "api.shop.svc.cluster.local")), &["wrong-namespace suspected shop/web 1"]);
}

#[test]
fn namespace_in_a_short_name_counts_where_it_is_one() {
    let scene = || Scene::cluster().service("prod", "api", "10.96.7.7").service("stage", "db", "10.96.7.8");
    let walk = |name: &str| missed(0, WEB, name).into_iter().chain(pair(6, WEB, name).map(|ask| ask.nxdomain("")));
    check(scene().asks(walk("api.stage")), &["wrong-namespace likely shop/web 1"]);
    check(scene().asks(walk("api.com")), &[]);
}

#[test]
fn search_list_that_leads_to_the_service_is_fine() {
    let scene = Scene::cluster().service("prod", "api", "10.96.7.7");
    let asks = pair(0, WEB, "api.prod.shop.svc.cluster.local").map(|ask| ask.nxdomain(MISSED));
    check(scene.asks(asks).asks(found(2, "api.prod.svc.cluster.local")), &[]);
}

#[test]
fn service_that_is_nowhere_is_not_elsewhere() {
    check(Scene::cluster().asks(denied(0, "nothing.shop.svc.cluster.local")), &[]);
}

#[test]
fn service_that_exists_is_in_the_right_namespace() {
    let scene = Scene::cluster().service("prod", "api", "10.96.7.7").service("shop", "api", "10.96.7.8");
    check(scene.asks(denied(0, "api.shop.svc.cluster.local")), &[]);
}

#[test]
fn nodata_means_that_the_name_exists() {
    let scene = Scene::cluster().service("prod", "api", "10.96.7.7");
    check(scene.asks(pair(0, WEB, "api.shop.svc.cluster.local").map(|ask| ask.nodata(MISSED))), &[]);
}

#[test]
fn probes_for_service_records_are_optional() {
    let scene = Scene::cluster().service("prod", "api", "10.96.7.7");
    let probe = Ask::new(0, "10.244.0.10:40000", SERVICE, "_http._tcp.api.shop.svc.cluster.local", SRV);
    check(scene.ask(probe.behind(COREDNS).nxdomain(MISSED)), &[]);
}
