//! `wrong-nameserver`: fires, and does not.

use hickory_proto::rr::RecordType::{A, AAAA};

use super::*;
use crate::owner::fact::ResolvConf;

/// Nobody's address of the Service range, and one elsewhere.
const WRONG: &str = "10.96.0.11:53";
const ELSEWHERE: &str = "203.0.113.9:53";
const NODE: &str = "10.244.0.1";

/// The pod shop/web has this in its /etc/resolv.conf.
fn naming(server: &str, search: &[&str]) -> Scene {
    let address = server.parse::<std::net::SocketAddr>().unwrap().ip();
    Scene::cluster().fact(Fact::ResolvConf(ResolvConf {
        pod: "uid-web".into(),
        nameservers: vec![address],
        search: search.iter().map(|domain| (*domain).into()).collect(),
        options: vec!["ndots:5".into()],
    }))
}

const CLUSTER: &[&str] = &["shop.svc.cluster.local", "svc.cluster.local", "cluster.local"];

fn lost(server: &str, count: u64) -> impl Iterator<Item = Ask> {
    (0..count).map(move |at| Ask::new(at * 10, &format!("{WEB}:{}", 40_000 + at), server, "a.example", A))
}

fn dropped_by_rule(server: &str) -> impl Iterator<Item = Ask> {
    lost(server, 2).map(|ask| ask.sign(dropped(0, "NETFILTER_DROP", "nft_do_chain")))
}

#[test]
fn address_that_no_service_has() {
    let scene = naming(WRONG, CLUSTER).asks(dropped_by_rule(WRONG)).finish();
    assert_eq!(
        scene.found(),
        [
            "wrong-nameserver certain shop/web: asks 10.96.0.11, as its /etc/resolv.conf says, and gets no response: cluster \
          DNS is at 10.96.0.10"
        ]
    );
    let scene = naming(WRONG, CLUSTER).asks(lost(WRONG, 2).map(|ask| ask.sign(rejected(0, NODE))));
    check(scene, &["wrong-nameserver certain shop/web 2"]);
}

#[test]
fn run_that_ends_before_the_query_timeout() {
    let open = |ask: Ask| ask.with(|transaction| transaction.outcome = crate::join::Outcome::Outstanding);
    let scene = naming(WRONG, CLUSTER).asks(dropped_by_rule(WRONG).map(open));
    check(scene, &["wrong-nameserver certain shop/web 2"]);
    check(naming(ELSEWHERE, CLUSTER).asks(lost(ELSEWHERE, 3).map(open)), &[]);
}

#[test]
fn service_of_the_api_server() {
    let api = "10.96.0.1:53";
    check(naming(api, CLUSTER).asks(dropped_by_rule(api)), &["wrong-nameserver certain shop/web 2"]);
}

#[test]
fn address_where_nobody_is() {
    check(naming(ELSEWHERE, CLUSTER).asks(lost(ELSEWHERE, 3)), &["wrong-nameserver certain shop/web 3"]);
}

#[test]
fn over_ipv6() {
    let wrong = "[fd00:96::b]:53";
    let servers = vec![SERVICE_V6.parse().unwrap()];
    let scene = naming(wrong, CLUSTER).fact(Fact::ClusterDns(ClusterDnsFact { servers, ..ClusterDnsFact::default() }));
    let pod = PodFact { uid: "uid-web".into(), addresses: vec!["fd00:10::10".parse().unwrap()], ..PodFact::default() };
    let asks = [0, 1].map(|at| Ask::new(at, "[fd00:10::10]:40000", wrong, "a.example", AAAA));
    let asks = asks.map(|ask| ask.sign(dropped(0, "NETFILTER_DROP", "nft_do_chain")));
    check(scene.fact(Fact::Pod(pod)).asks(asks), &["wrong-nameserver certain / 2"]);
}

#[test]
fn losses_of_the_capture_lower_it() {
    check(naming(ELSEWHERE, CLUSTER).lossy().asks(lost(ELSEWHERE, 3)), &["wrong-nameserver likely shop/web 3"]);
}

#[test]
fn rule_that_drops_what_goes_elsewhere_is_a_policy() {
    check(naming(ELSEWHERE, CLUSTER).asks(dropped_by_rule(ELSEWHERE)), &["policy-drop likely shop/web 2"]);
}

#[test]
fn lost_query_is_bad_luck() {
    check(naming(ELSEWHERE, CLUSTER).asks(lost(ELSEWHERE, 2)), &["no-response certain 203.0.113.9:53 2"]);
    let answered = Ask::new(15, "10.244.0.10:41000", ELSEWHERE, "b.example", A).found("198.51.100.1");
    let asks = lost(ELSEWHERE, 3).chain([answered]);
    let found = naming(ELSEWHERE, CLUSTER).asks(asks).finish().ids();
    assert!(!found.iter().any(|id| id.starts_with("wrong-nameserver")), "{found:?}");
}

#[test]
fn pod_that_wants_no_names_of_the_cluster_may_ask_whom_it_likes() {
    check(naming(ELSEWHERE, &["corp.example"]).asks(lost(ELSEWHERE, 3)), &["no-response certain 203.0.113.9:53 3"]);
}

#[test]
fn application_that_asks_somebody_by_itself_is_not_misled() {
    check(naming(SERVICE, CLUSTER).asks(dropped_by_rule(WRONG)), &["policy-drop likely shop/web 2"]);
}

#[test]
fn server_of_most_pods_is_cluster_dns() {
    let named = ClusterDnsFact { servers: vec![WRONG.parse().unwrap()], ..ClusterDnsFact::default() };
    let scene = naming(WRONG, CLUSTER).said(Source::ResolvConf, Fact::ClusterDns(named));
    let found = scene.asks(lost(WRONG, 3)).finish().ids();
    assert!(!found.iter().any(|id| id.starts_with("wrong-nameserver")), "{found:?}");
}

#[test]
fn service_of_ones_own_that_has_no_endpoint() {
    let scene = naming(WRONG, CLUSTER).service("dns", "unbound", "10.96.0.11");
    check(scene.asks(dropped_by_rule(WRONG)), &["no-dns-endpoints likely 10.96.0.11:53 2"]);
}

#[test]
fn where_cluster_dns_is_not_known_nobody_is_wrong() {
    let file = ResolvConf {
        pod: "uid-web".into(),
        nameservers: vec!["203.0.113.9".parse().unwrap()],
        search: CLUSTER.iter().map(|domain| (*domain).into()).collect(),
        options: Vec::new(),
    };
    let scene = Scene::unknown().pod("shop", "web", WEB).fact(Fact::ResolvConf(file));
    check(scene.asks(lost(ELSEWHERE, 3)), &["no-response certain 203.0.113.9:53 3"]);
}
