//! `kubernetes-plugin-unsynced`.

use hickory_proto::rr::RecordType::A;

use super::*;

const CLIENT: &str = "10.244.0.10:40000";
const NAME: &str = "kubernetes.default.svc.cluster.local";
const SERVFAIL: u16 = 2;

fn unsynced(at: u64, name: &str) -> Ask {
    to_coredns(at, CLIENT, name).rcode(0, SERVFAIL).authoritative().soa("cluster.local")
}

#[test]
fn authoritative_servfail_for_the_cluster_domain() {
    let scene = Scene::cluster().asks([unsynced(0, NAME), unsynced(9, "web.shop.svc.cluster.local")]);
    check(scene, &["kubernetes-plugin-unsynced certain kube-system/coredns-1 2"]);
}

#[test]
fn ipv6_and_a_domain_that_only_traffic_shows() {
    let ask = Ask::new(0, "[fd00::10]:40000", "[fd00::53]:53", "web.shop.svc.corp.test", A);
    let scene = Scene::unknown().ask(ask.rcode(0, SERVFAIL).authoritative().soa("corp.test"));
    check(scene, &["kubernetes-plugin-unsynced certain [fd00::53]:53 1"]);
}

#[test]
fn cache_on_the_node_passes_it_on() {
    let client = Ask::new(0, CLIENT, "169.254.20.10:53", NAME, A);
    let asked = asked_on(&client, 1, SERVICE).behind(COREDNS);
    let [asked, client] = [asked, client].map(|ask| ask.rcode(1, SERVFAIL).authoritative().soa("cluster.local"));
    check(Scene::cluster().asks([asked, client]), &["kubernetes-plugin-unsynced certain kube-system/coredns-1 1"]);
}

#[test]
fn servfail_for_another_zone_is_not_it() {
    // CoreDNS before 1.10 sets AA on whatever it has in its cache.
    let ask = to_coredns(0, CLIENT, "a.example").rcode(0, SERVFAIL).authoritative().soa("example");
    check(Scene::cluster().ask(ask), &["error-response certain kube-system/coredns-1 1"]);
}

#[test]
fn servfail_without_the_zone_is_not_it() {
    let ask = to_coredns(0, CLIENT, NAME).rcode(0, SERVFAIL);
    check(Scene::cluster().ask(ask), &["error-response certain kube-system/coredns-1 1"]);
}

#[test]
fn name_that_does_not_exist_is_not_it() {
    check(Scene::cluster().ask(to_coredns(0, CLIENT, "x.shop.svc.cluster.local").nxdomain("cluster.local")), &[]);
}
