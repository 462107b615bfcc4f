//! `node-path-broken`.

use hickory_proto::rr::RecordType::A;

use super::ways::*;
use super::*;
use crate::capture::Direction::{In, Out};
use crate::join::MessageKind::Query;
use crate::owner::fact::RemotePod;

const REMOTE: &str = "10.244.1.53:53";

fn to_remote(at: u64, client: &str) -> Ask {
    let ask = Ask::new(at, client, SERVICE, "web.prod.svc.cluster.local", A).behind(REMOTE);
    ask.hop(at_device(0, In, WEB_IF, Query)).hop(at_device(0, Out, UPLINK, Query))
}

fn of_both(count: u64) -> impl Iterator<Item = Ask> {
    (0..count).map(|at| {
        let client = if at % 2 == 0 { WEB } else { DB };
        to_remote(at * 100, &format!("{client}:{}", 40_000 + at))
    })
}

/// A cluster whose endpoint on another node is listed.
fn cluster() -> Scene {
    let endpoint = |address: &str| Endpoint { address: address.parse().unwrap(), pod: None, ready: true };
    let dns = ClusterDnsFact {
        servers: vec![SERVICE.parse().unwrap()],
        endpoints: vec![endpoint(COREDNS), endpoint(REMOTE)],
        domain: Some("cluster.local".into()),
    };
    Scene::cluster().fact(Fact::ClusterDns(dns))
}

fn named() -> Scene {
    let pod = RemotePod { namespace: "kube-system".into(), name: "coredns-9".into(), node: Some("other".into()) };
    cluster().fact(Fact::Remote { address: "10.244.1.53".parse().unwrap(), pod: Some(pod) })
}

#[test]
fn endpoint_of_another_node_is_likely_where_the_api_says_so() {
    let scene = named().asks(others(8)).asks(of_both(8));
    check(scene, &["node-path-broken likely 10.244.1.53:53 8"]);
}

#[test]
fn endpoint_that_is_no_pod_of_this_node_is_suspected() {
    let scene = cluster().asks(others(8)).asks(of_both(5));
    check(scene, &["node-path-broken suspected 10.244.1.53:53 5"]);
}

#[test]
fn endpoint_that_answers_now_and_then_is_reached() {
    let answered = |at: u64| to_remote(at, "10.244.0.10:45000").found("10.96.7.7");
    let scene = named().asks(others(8)).asks(of_both(4)).ask(answered(10_000)).asks(of_both(4));
    check(scene, &["no-response certain 10.244.1.53:53 8"]);
}

#[test]
fn losses_of_one_client_say_nothing_of_the_node() {
    let asks = (0..8).map(|at| to_remote(at * 100, &format!("{WEB}:{}", 40_000 + at)));
    check(named().asks(others(8)).asks(asks), &["no-response certain 10.244.1.53:53 8"]);
}

#[test]
fn service_of_which_nobody_answers_is_not_a_matter_of_one_path() {
    check(named().asks(of_both(8)), &["no-response certain 10.244.1.53:53 8"]);
}

#[test]
fn recording_without_pods_does_not_know_other_nodes() {
    check(Scene::unknown().asks(others(8)).asks(of_both(8)), &["no-response certain 10.244.1.53:53 8"]);
}
