//! `resolv-conf-limits`: fires, and does not.

use super::*;
use crate::owner::fact::ResolvConf;

fn file(search: Vec<String>, nameservers: &[&str]) -> Fact {
    Fact::ResolvConf(ResolvConf {
        pod: "uid-web".into(),
        nameservers: nameservers.iter().map(|address| address.parse().unwrap()).collect(),
        search: search.into_iter().map(Into::into).collect(),
        options: vec!["ndots:5".into()],
    })
}

fn domains(count: usize, length: usize) -> Vec<String> {
    (0..count).map(|number| format!("d{number}.{}.example", "x".repeat(length))).collect()
}

fn denied(at: u64, name: &str, ids: [u16; 2]) -> impl Iterator<Item = Ask> {
    pair(at, WEB, name).into_iter().zip(ids).map(|(ask, id)| ask.message_id(id).nxdomain(""))
}

const MUSL: [u16; 2] = [100, 300];
const GLIBC: [u16; 2] = [100, 40_000];

#[test]
fn musl_leaves_out_a_long_search_line() {
    let scene = || Scene::cluster().fact(file(domains(10, 30), &["10.96.0.10"]));
    check(scene().asks(denied(0, "api", MUSL)), &["resolv-conf-limits certain shop/web 1"]);
    check(scene().asks(denied(0, "api.prod", MUSL)), &["resolv-conf-limits likely shop/web 1"]);
    check(scene().asks(denied(0, "api", GLIBC)), &["resolv-conf-limits suspected shop/web 1"]);
}

#[test]
fn search_line_of_255_characters_is_taken() {
    let scene = Scene::cluster().fact(file(domains(5, 30), &["10.96.0.10"]));
    check(scene.asks(denied(0, "api", MUSL)), &[]);
}

#[test]
fn name_that_needs_no_search_list_is_fine() {
    let scene = || Scene::cluster().fact(file(domains(10, 30), &["10.96.0.10"]));
    check(scene().asks(denied(0, "a.b.c.d.e.example", MUSL)), &[]);
    let [a, aaaa] = pair(0, WEB, "api.example");
    check(scene().asks([a.found("198.51.100.1"), aaaa.found("2001:db8::1")]), &[]);
}

#[test]
fn old_glibc_takes_six_search_domains() {
    let walk = |tried: usize| {
        let names = domains(tried, 2).into_iter().map(|domain| format!("api.{domain}")).chain(["api".to_owned()]);
        let names: Vec<_> = names.collect();
        (0..).step_by(2).zip(names).flat_map(|(at, name)| denied(at, &name, GLIBC).collect::<Vec<_>>())
    };
    let scene = || Scene::cluster().fact(file(domains(8, 2), &["10.96.0.10"]));
    check(scene().asks(walk(6)), &["resolv-conf-limits likely shop/web 1"]);
    check(scene().asks(walk(8)), &[]);
}

#[test]
fn fourth_nameserver_is_of_no_use() {
    let servers = ["10.96.0.10", "192.0.2.1", "192.0.2.2", "2001:db8::53"];
    let scene = |servers: &[&str]| Scene::cluster().fact(file(domains(1, 2), servers));
    let failed = || pair(0, WEB, "api.example").map(|ask| ask.rcode(1, 2));
    let error = "error-response certain kube-system/coredns-1 2";
    check(scene(&servers).asks(failed()), &[error, "resolv-conf-limits likely shop/web 1"]);
    check(scene(&servers[..3]).asks(failed()), &[error]);
}

#[test]
fn pod_whose_file_is_not_known_is_left_alone() {
    check(Scene::cluster().asks(denied(0, "api", MUSL)), &[]);
}
