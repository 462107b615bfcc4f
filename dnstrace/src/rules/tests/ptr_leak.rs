//! `ptr-leak`.

use hickory_proto::rr::RecordType::PTR;

use super::*;

const CLIENT: &str = "10.244.0.10:40000";
const SERVFAIL: u16 = 2;
const DB_NAME: &str = "11.0.244.10.in-addr.arpa";

fn ask(name: &str) -> Ask {
    Ask::new(0, CLIENT, SERVICE, name, PTR).behind(COREDNS)
}

#[test]
fn address_of_a_pod_is_asked_for_outside_in_vain() {
    let client = ask(DB_NAME);
    let asked = [1, 2_001].map(|after| asked_on(&client, after, UPSTREAM));
    let scene = Scene::cluster().ask(client.rcode(4_000, SERVFAIL)).asks(asked);
    check(scene, &["ptr-leak certain kube-system/coredns-1 2"]);
}

#[test]
fn address_of_a_pod_is_asked_for_outside_slowly() {
    let client = ask(DB_NAME);
    let asked = asked_on(&client, 1, UPSTREAM).rcode(900, 3);
    check(Scene::cluster().asks([asked, client.rcode(910, 3)]), &["ptr-leak certain kube-system/coredns-1 1"]);
}

#[test]
fn ipv6() {
    let own = "3.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa";
    let client = Ask::new(0, CLIENT, SERVICE, own, PTR).behind(COREDNS);
    let asked = asked_on(&client, 1, UPSTREAM).rcode(900, 3);
    let scene = Scene::cluster().pod("shop", "six", "fd00::53").asks([asked, client.rcode(910, 3)]);
    check(scene, &["ptr-leak certain kube-system/coredns-1 1"]);
}

#[test]
fn quick_denial_is_fine() {
    let client = ask(DB_NAME);
    let asked = asked_on(&client, 1, UPSTREAM).nxdomain("10.in-addr.arpa");
    check(Scene::cluster().asks([asked, client.nxdomain("10.in-addr.arpa")]), &[]);
}

#[test]
fn address_of_somebody_else_is_asked_for_where_it_is_known() {
    let client = ask("1.100.51.198.in-addr.arpa");
    let asked = asked_on(&client, 1, UPSTREAM).rcode(900, 3);
    check(Scene::cluster().asks([asked, client.rcode(910, 3)]), &[]);
}

#[test]
fn what_cluster_dns_answers_itself_is_no_leak() {
    check(Scene::cluster().ask(ask(DB_NAME).rcode(300, 3).authoritative().soa("10.in-addr.arpa")), &[]);
}
