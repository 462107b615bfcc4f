//! Services and cluster DNS.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::server::{Answer, Asked, FakeApi, list, page};
use super::{Run, address, options, pace, wait_for};
use crate::owner::fact::{ClusterDnsFact, Endpoint, Fact, ServiceFact};
use crate::owner::sources::api::pace::Pace;
use crate::owner::sources::{Ask, RemoteOption, State};

const SERVICES: &str = "/api/v1/services";

fn service(namespace: &str, name: &str, ips: &[&str]) -> Value {
    let ports = json!([
        {"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
        {"name": "metrics", "port": 9153},
    ]);
    json!({
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"clusterIP": ips.first(), "clusterIPs": ips, "ports": ports},
    })
}

fn slice(namespace: &str, name: &str, (port, endpoints): (u16, Value)) -> Value {
    let ports =
        json!([{"name": "dns", "port": port}, {"name": "dns-tcp", "port": port}, {"name": "metrics", "port": 9153}]);
    let labels = json!({"kubernetes.io/service-name": name});
    json!({"metadata": {"namespace": namespace, "name": "x", "labels": labels}, "ports": ports, "endpoints": endpoints})
}

/// The first lists of Services, one after another, the last of them from then on.
async fn serving(lists: Vec<Vec<Value>>, slices: Vec<Value>) -> FakeApi {
    let script = move |asked: &Asked| match asked.path {
        SERVICES => Some(Answer::Json(list(&lists[asked.before.min(lists.len() - 1)]))),
        path if path.ends_with("/endpointslices") => Some(Answer::Json(list(&slices))),
        _ => None,
    };
    FakeApi::new(script).await
}

fn dns(run: &Run) -> Option<&ClusterDnsFact> {
    run.facts.iter().rev().find_map(|fact| if let Fact::ClusterDns(dns) = fact { Some(dns) } else { None })
}

fn sockets(texts: &[&str]) -> Vec<SocketAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[tokio::test]
async fn services_have_all_their_addresses() {
    let mut balanced = service("shop", "web", &["10.96.0.7", "2001:db8:1::7"]);
    balanced["spec"]["externalIPs"] = json!(["198.51.100.7", "10.96.0.7"]);
    balanced["status"] = json!({"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}, {"hostname": "x"}, 7]}});
    let services = vec![balanced, service("shop", "headless", &["None"]), json!({"metadata": {"name": "x"}}), json!(7)];
    let api = serving(vec![services], vec![]).await;
    let mut run = Run::start(&api);
    run.until_ready().await;
    let told: Vec<&Fact> = run.facts.iter().filter(|fact| matches!(fact, Fact::Service(_))).collect();
    let addresses = ["10.96.0.7", "2001:db8:1::7", "198.51.100.7", "203.0.113.7"].map(address).to_vec();
    assert_eq!(told, [&Fact::Service(ServiceFact { namespace: "shop".into(), name: "web".into(), addresses })]);
    assert_eq!(run.last().skipped, 2);
}

#[tokio::test]
async fn services_are_read_page_by_page() {
    let script = |asked: &Asked| {
        let last = asked.query.contains("continue=next");
        let service = service("shop", if last { "b" } else { "a" }, &[if last { "10.96.0.8" } else { "10.96.0.7" }]);
        (asked.path == SERVICES).then(|| Answer::Json(if last { list(&[service]) } else { page(&[service], "next") }))
    };
    let api = FakeApi::new(script).await;
    let mut run = Run::start(&api);
    run.until_ready().await;
    assert_eq!(run.facts.iter().filter(|fact| matches!(fact, Fact::Service(_))).count(), 2);
    assert_eq!(api.count(SERVICES), 2);
}

#[tokio::test]
async fn address_that_nobody_knows_lists_services_again() {
    let [old, new, gone] = [("old", "10.96.0.7"), ("new", "10.96.0.8"), ("gone", "10.96.0.9")];
    let of = |(name, address): (&str, &str)| service("shop", name, &[address]);
    let api = serving(vec![vec![of(old), of(gone)], vec![of(old), of(new)]], vec![]).await;
    let pace = Pace { services_asked: Duration::from_millis(5), ..pace() };
    let mut run = Run::with(&api, options(RemoteOption::Off), pace);
    run.until_ready().await;
    run.asks.send(Ask::Address(address(old.1))).await.unwrap();
    run.asks.send(Ask::Netns(7)).await.unwrap();
    assert_eq!(api.count(SERVICES), 1);
    run.asks.send(Ask::Address(address("::ffff:10.96.0.8"))).await.unwrap();
    let is_new = |fact: &Fact| matches!(fact, Fact::Service(service) if &*service.name == "new");
    run.until("the new one", |run| run.facts.iter().any(is_new)).await;
    let gone = Fact::ServiceGone { namespace: "shop".into(), name: "gone".into() };
    assert!(run.facts.contains(&gone));
    // No pod of another node is asked for.
    assert_eq!((api.count(SERVICES), api.count("podIP")), (2, 0));
    // Who was a stranger then does not list them again, nor does what is nobody's.
    for text in ["10.96.0.8", "10.96.0.7", "127.0.0.53", "169.254.20.10", "ff02::fb", "fe80::1", "0.0.0.0"] {
        run.asks.send(Ask::Address(address(text))).await.unwrap();
    }
    run.asks.send(Ask::Address(address("10.96.0.99"))).await.unwrap();
    wait_for(|| api.count(SERVICES) == 3).await;
}

#[tokio::test]
async fn cluster_dns_is_found_under_its_names() {
    let labelled = |name: &str| {
        let mut service = service("kube-system", name, &["10.96.0.10"]);
        service["metadata"]["labels"] = json!({"k8s-app": "kube-dns"});
        service
    };
    let cases = [
        (service("kube-system", "kube-dns", &["10.96.0.10"]), true),
        (service("kube-system", "coredns", &["10.96.0.10"]), true),
        (service("kube-system", "rke2-coredns-rke2-coredns", &["10.96.0.10"]), true),
        (labelled("kube-dns-upstream"), true),
        (service("openshift-dns", "dns-default", &["10.96.0.10"]), true),
        (service("shop", "kube-dns", &["10.96.0.10"]), false),
        (service("kube-system", "metrics", &["10.96.0.10"]), false),
    ];
    for (service, is_dns) in cases {
        let api = serving(vec![vec![service.clone()]], vec![]).await;
        let mut run = Run::start(&api);
        run.until_ready().await;
        let servers = dns(&run).map(|dns| dns.servers.clone());
        assert_eq!(servers, is_dns.then(|| sockets(&["10.96.0.10:53"])), "{service}");
        assert_eq!(api.count("endpointslices"), usize::from(is_dns));
    }
}

#[tokio::test]
async fn endpoints_are_the_pods_behind_it() {
    let pod = |name: &str| json!({"kind": "Pod", "namespace": "openshift-dns", "name": name});
    let endpoints = json!([
        {"addresses": ["10.1.0.9"], "conditions": {"ready": false}, "targetRef": pod("dns-b")},
        {"addresses": ["10.1.0.8"], "conditions": {"ready": true}, "targetRef": pod("dns-a")},
        {"addresses": ["10.1.0.7", 7], "targetRef": {"kind": "Node", "name": "x"}},
        {"addresses": "x"}, 7,
    ]);
    let slices = vec![
        slice("openshift-dns", "dns-default", (5353, endpoints)),
        slice("openshift-dns", "other", (53, json!([{"addresses": ["10.1.0.1"]}]))),
        slice("openshift-dns", "dns-default", (5353, json!([{"addresses": ["2001:db8::8"], "conditions": {}}]))),
    ];
    let service = service("openshift-dns", "dns-default", &["172.30.0.10", "2001:db8:1::a"]);
    let api = serving(vec![vec![service]], slices).await;
    let mut run = Run::start(&api);
    run.until_ready().await;
    let endpoint = |at: &str, pod: Option<&str>, ready| Endpoint {
        address: at.parse().unwrap(),
        pod: pod.map(|name| ("openshift-dns".into(), name.into())),
        ready,
    };
    let expected = ClusterDnsFact {
        servers: sockets(&["172.30.0.10:53", "[2001:db8:1::a]:53"]),
        endpoints: vec![
            endpoint("10.1.0.7:5353", None, true),
            endpoint("10.1.0.8:5353", Some("dns-a"), true),
            endpoint("10.1.0.9:5353", Some("dns-b"), false),
            endpoint("[2001:db8::8]:5353", None, true),
        ],
        domain: None,
    };
    assert_eq!(dns(&run), Some(&expected));
    let asked = "/apis/discovery.k8s.io/v1/namespaces/openshift-dns/endpointslices?\
                 &labelSelector=kubernetes.io/service-name in (dns-default)&resourceVersion=0";
    assert_eq!(api.count(asked), 1, "{:#?}", api.requests());
}

#[tokio::test]
async fn cluster_dns_that_changes_is_told_again() {
    let script = |asked: &Asked| match asked.path {
        SERVICES => Some(Answer::Json(list(&[service("kube-system", "kube-dns", &["10.96.0.10"])]))),
        path if path.ends_with("/endpointslices") => {
            let endpoints = json!([{"addresses": [format!("10.1.0.{}", asked.before / 5)]}]);
            Some(Answer::Json(list(&[slice("kube-system", "kube-dns", (53, endpoints))])))
        }
        _ => None,
    };
    let api = FakeApi::new(script).await;
    let mut run = Run::with(&api, options(RemoteOption::Off), Pace { endpoints: Duration::from_millis(5), ..pace() });
    let has = |run: &Run| dns(run).is_some_and(|dns| dns.endpoints[0].address == "10.1.0.2:53".parse().unwrap());
    run.until("the third", has).await;
    // What did not change in between was not told.
    assert_eq!(run.facts.iter().filter(|fact| matches!(fact, Fact::ClusterDns(_))).count(), 3);
}

#[tokio::test]
async fn endpoints_that_may_not_be_listed_leave_the_servers() {
    let script = |asked: &Asked| match asked.path {
        SERVICES => Some(Answer::Json(list(&[service("kube-system", "kube-dns", &["10.96.0.10"])]))),
        path if path.ends_with("/endpointslices") => Some(Answer::Refusal(403)),
        _ => None,
    };
    let api = FakeApi::new(script).await;
    let mut run = Run::start(&api);
    run.until("ready", |run| run.is(State::Ready)).await;
    assert_eq!(dns(&run).unwrap().servers, sockets(&["10.96.0.10:53"]));
    assert!(run.last().found.contains("may not list EndpointSlices"), "{:?}", run.last());
}
