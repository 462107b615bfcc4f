//! This node's pods.

use serde_json::{Value, json};

use super::server::{Answer, Asked, FakeApi, Then, event, list, page, pod, refusal, uid};
use super::{NODE, Run, address, options, pace, wait_for};
use crate::owner::fact::{Fact, NodeFact, PodFact, WorkloadBy};
use crate::owner::sources::api::ApiOptions;
use crate::owner::sources::{RemoteOption, State};

const PODS: &str = "/api/v1/pods";

/// The server lists these pods.
async fn listing(pods: Vec<Value>) -> FakeApi {
    FakeApi::new(move |asked| (asked.path == PODS && !asked.is_watch()).then(|| Answer::Json(list(&pods)))).await
}

/// What becomes of one pod.
async fn told(pod: Value) -> PodFact {
    let api = listing(vec![pod]).await;
    let mut run = Run::start(&api);
    run.until_ready().await;
    let pods = run.pods();
    assert_eq!(pods.len(), 1, "{pods:?}");
    pods[0].clone()
}

fn with(mut pod: Value, path: &str, value: Value) -> Value {
    let (parent, field) = path.rsplit_once('/').unwrap();
    pod.pointer_mut(parent).unwrap()[field] = value;
    pod
}

#[tokio::test]
async fn pod_is_told_with_its_container_and_node() {
    let owner = json!([{"kind": "ReplicaSet", "name": "web-7d9c", "controller": true}]);
    let labels = json!({"app": "web", "pod-template-hash": "7d9c", "secret": "x"});
    let pod = with(with(pod("web-7d9c-x", "10.1.0.4"), "/metadata/ownerReferences", owner), "/metadata/labels", labels);
    let api = listing(vec![pod]).await;
    let mut run = Run::start(&api);
    run.until("the node", |run| run.is(State::Ready) && run.facts.iter().any(|fact| matches!(fact, Fact::Node(_))))
        .await;
    let fact = run.pod("web-7d9c-x").unwrap();
    let workload = fact.workload.clone().unwrap();
    assert_eq!((&*workload.kind, &*workload.name, workload.by), ("Deployment", "web", WorkloadBy::Owner));
    assert_eq!((fact.namespace.as_deref(), fact.host_network), (Some("shop"), Some(false)));
    assert_eq!(fact.addresses, [address("10.1.0.4")]);
    assert_eq!(fact.labels, [("app".into(), "web".into())]);
    assert!(fact.since.is_some());
    let container =
        run.facts.iter().find_map(|fact| if let Fact::Container(it) = fact { Some(it) } else { None }).unwrap();
    assert_eq!((container.id.len(), container.name.as_deref()), (64, Some("main")));
    assert_eq!((container.image.as_deref(), container.pod.as_deref()), (Some("registry/main:1"), Some(&*fact.uid)));
    let addresses = vec![address("192.0.2.1"), address("2001:db8::1")];
    let node = Fact::Node(NodeFact { name: Some(NODE.into()), addresses, ..NodeFact::default() });
    assert!(run.facts.contains(&node), "{:?}", run.facts);
}

#[tokio::test]
async fn calls_are_few_from_the_cache_and_counted() {
    let api = listing(vec![pod("a", "10.1.0.4")]).await;
    let mut run = Run::start(&api);
    run.until("the node", |run| run.is(State::Ready) && run.facts.iter().any(|fact| matches!(fact, Fact::Node(_))))
        .await;
    assert!(
        run.last().found.starts_with("1 pod of node-a; 0 Services; no Service that is cluster DNS; "),
        "{:?}",
        run.last()
    );
    let mut requests = api.requests();
    requests.sort();
    let selector = "fieldSelector=spec.nodeName=node-a";
    let expected = [
        format!("/api/v1/nodes/{NODE}?"),
        format!("{PODS}?&{selector}&resourceVersion=0&resourceVersionMatch=NotOlderThan"),
        format!("{PODS}?&watch=true&timeoutSeconds=290&{selector}&allowWatchBookmarks=true&resourceVersion=100"),
        "/api/v1/services?&limit=500".to_owned(),
    ];
    assert_eq!(requests, expected);
}

#[tokio::test]
async fn static_pod_has_the_uid_of_the_node() {
    let hash = "0123456789abcdef0123456789abcdef";
    for name in ["kubernetes.io/config.mirror", "kubernetes.io/config.hash"] {
        let pod =
            with(pod("kube-apiserver-node-a", "192.0.2.1"), "/metadata/annotations", json!({name: hash, "x": "y"}));
        let pod = with(pod, "/metadata/ownerReferences", json!([{"kind": "Node", "name": NODE, "controller": true}]));
        let fact = told(pod).await;
        assert_eq!((&*fact.uid, &*fact.workload.unwrap().kind), (hash, "Node"));
    }
}

#[tokio::test]
async fn dual_stack_addresses_are_told_once_each() {
    let ips = json!([{"ip": "10.1.0.4"}, {"ip": "2001:db8::4"}, {"ip": "::ffff:10.1.0.4"}, {"ip": "nonsense"}, 7]);
    let fact = told(with(pod("a", "10.1.0.4"), "/status/podIPs", ips)).await;
    assert_eq!(fact.addresses, [address("10.1.0.4"), address("2001:db8::4")]);
}

#[tokio::test]
async fn addresses_that_are_not_its_own_are_left_out() {
    let host = with(pod("a", "192.0.2.1"), "/spec/hostNetwork", json!(true));
    let fact = told(host).await;
    assert_eq!((fact.host_network, fact.addresses), (Some(true), vec![]));
    for phase in ["Succeeded", "Failed", "Unknown"] {
        let fact = told(with(pod("a", "10.1.0.4"), "/status/phase", json!(phase))).await;
        assert_eq!((fact.host_network, fact.addresses), (Some(false), vec![]), "{phase}");
    }
    let ending = with(pod("a", "10.1.0.4"), "/metadata/deletionTimestamp", json!("2026-01-01T00:00:00Z"));
    assert_eq!(told(ending.clone()).await.addresses, [address("10.1.0.4")]);
    let ended = with(ending, "/status/containerStatuses/0/state", json!({"terminated": {"exitCode": 0}}));
    assert_eq!(told(ended).await.addresses.len(), 0);
}

#[tokio::test]
async fn wrong_types_in_one_pod_do_not_hide_the_others() {
    let broken = [
        json!({"metadata": {"name": 7, "namespace": "shop", "uid": "x"}, "spec": [], "status": "x"}),
        json!({"metadata": "x"}),
        json!("x"),
        json!(null),
        json!([[[]]]),
    ];
    let odd = with(with(pod("odd", "10.1.0.5"), "/spec", json!([1, 2])), "/status/containerStatuses", json!({"a": []}));
    let odd = with(with(odd, "/metadata/managedFields", json!("x")), "/metadata/creationTimestamp", json!([]));
    let pods = broken.into_iter().chain([odd, pod("good", "10.1.0.4")]).collect();
    let api = listing(pods).await;
    let mut run = Run::start(&api);
    run.until_ready().await;
    assert_eq!(run.pod("good").unwrap().addresses, [address("10.1.0.4")]);
    assert_eq!(run.pod("odd").unwrap().addresses, [address("10.1.0.5")]);
    assert_eq!((run.pods().len(), run.last().skipped), (2, 5));
}

#[tokio::test]
async fn pages_are_read_to_the_last() {
    let script = |asked: &Asked| {
        let first = !asked.query.contains("continue=two");
        let of = |pods: &[Value]| Answer::Json(if first { page(pods, "two") } else { list(pods) });
        let pods = if first { [pod("a", "10.1.0.4")] } else { [pod("b", "10.1.0.5")] };
        (asked.path == PODS && !asked.is_watch()).then(|| of(&pods))
    };
    let api = FakeApi::new(script).await;
    let mut run = Run::start(&api);
    run.until_ready().await;
    assert!(run.pod("a").is_some() && run.pod("b").is_some());
}

#[tokio::test]
async fn answers_in_pieces_are_put_together() {
    let script = |asked: &Asked| match (asked.path, asked.is_watch(), asked.before) {
        (PODS, false, _) => Some(Answer::Pieces(list(&[pod("a", "10.1.0.4")]).to_string())),
        (PODS, true, 0) => Some(Answer::Pieces(event("ADDED", &pod("b", "10.1.0.5")))),
        _ => None,
    };
    let api = FakeApi::new(script).await;
    let mut run = Run::start(&api);
    run.until("b", |run| run.pod("b").is_some()).await;
    assert!(run.pod("a").is_some());
}

#[tokio::test]
async fn watch_tells_what_changes() {
    let script = |asked: &Asked| match (asked.path, asked.is_watch()) {
        (PODS, false) => Some(Answer::Json(list(&[pod("a", "10.1.0.4"), pod("b", "10.1.0.5")]))),
        (PODS, true) if asked.before == 0 => {
            let bookmark = json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"resourceVersion": "900"}});
            let events = [
                event("ADDED", &pod("new", "10.1.0.6")),
                event("MODIFIED", &pod("a", "10.1.0.7")),
                "{\"type\": garbage\n".to_owned(),
                event("MODIFIED", &pod("new", "10.1.0.6")),
                event("DELETED", &pod("b", "10.1.0.5")),
                event("BOOKMARK", &bookmark),
            ];
            Some(Answer::Text(events.concat(), Then::End))
        }
        _ => None,
    };
    let api = FakeApi::new(script).await;
    let mut run = Run::start(&api);
    run.until("b is gone", |run| run.is_gone(&uid("b"))).await;
    assert_eq!(run.pod("a").unwrap().addresses, [address("10.1.0.7")]);
    // What did not change is not told again.
    assert_eq!(run.pods().iter().filter(|pod| pod.name.as_deref() == Some("new")).count(), 1);
    // The next watch goes on from the bookmark.
    run.until_ready().await;
    wait_for(|| api.count("resourceVersion=900") > 0).await;
    assert_eq!(api.count(&format!("{PODS}?&fieldSelector")), 1);
}

/// The first watch ends like that; b is not in the list that follows it.
async fn listed_again(end: fn() -> Answer) {
    let script = move |asked: &Asked| match (asked.path, asked.is_watch(), asked.before) {
        (PODS, false, 0) => Some(Answer::Json(list(&[pod("a", "10.1.0.4"), pod("b", "10.1.0.5")]))),
        (PODS, false, _) => Some(Answer::Json(list(&[pod("a", "10.1.0.4"), pod("c", "10.1.0.6")]))),
        (PODS, true, 0) => Some(end()),
        _ => None,
    };
    let api = FakeApi::new(script).await;
    let mut run = Run::start(&api);
    run.until("b is gone", |run| run.is_gone(&uid("b"))).await;
    assert!(run.pod("c").is_some() && !run.is_gone(&uid("a")));
    run.until_ready().await;
    assert!(run.reports.iter().all(|report| report.state != State::Failed), "{:#?}", run.reports);
}

#[tokio::test]
async fn version_that_is_gone_is_listed_again() {
    listed_again(|| Answer::Text(event("ERROR", &refusal(410)), Then::Silence)).await;
    listed_again(|| Answer::Refusal(410)).await;
}

#[tokio::test]
async fn watch_that_drops_goes_on_where_it_was() {
    let whole = event("ADDED", &pod("b", "10.1.0.5"));
    let half = event("ADDED", &pod("c", "10.1.0.6"));
    let endless = "x".repeat(5 << 20);
    let cuts = [whole.clone(), whole.clone() + &half[..half.len() / 2], whole.clone() + "\n\n{", whole + &endless];
    for (cut, then) in cuts.into_iter().flat_map(|cut| [(cut.clone(), Then::Drop), (cut, Then::End)]) {
        let script = move |asked: &Asked| match (asked.path, asked.is_watch(), asked.before) {
            (PODS, false, _) => Some(Answer::Json(list(&[pod("a", "10.1.0.4")]))),
            (PODS, true, 0) => Some(Answer::Text(cut.clone(), then)),
            (PODS, true, 1) => Some(Answer::Text(event("ADDED", &pod("c", "10.1.0.6")), Then::Silence)),
            _ => None,
        };
        let api = FakeApi::new(script).await;
        let mut run = Run::start(&api);
        run.until("c", |run| run.pod("c").is_some()).await;
        assert!(run.pod("b").is_some());
        assert_eq!((api.count("watch=true&"), api.count("resourceVersion=7")), (2, 1));
        assert!(run.reports.iter().all(|report| report.state != State::Failed), "{:#?}", run.reports);
    }
}

#[tokio::test]
async fn node_that_does_not_exist_is_said() {
    let api = FakeApi::new(|_asked| None).await;
    for (name, remedy) in [
        (Some("elsewhere"), "the cluster has no node elsewhere"),
        (None, "this node's name in the cluster"),
        (Some(""), "this node's name in the cluster"),
        (Some("a,b=c"), "no node a,b=c"),
    ] {
        let options = ApiOptions { node: name.map(Into::into), ..options(RemoteOption::Off) };
        let mut run = Run::with(&api, options, pace());
        run.until("failed", |run| run.is(State::Failed)).await;
        assert!(run.last().found.contains(remedy), "{:?}", run.last());
        assert_eq!(run.last().remedy, "say this node's name with --node-name");
    }
    assert_eq!(api.count("a,b=c"), 0);
}

#[tokio::test]
async fn node_without_pods_is_none_that_does_not_exist() {
    let api = FakeApi::new(|asked| asked.path.contains("/nodes/").then_some(Answer::Refusal(403))).await;
    let mut run = Run::start(&api);
    run.until_ready().await;
    assert_eq!(run.last().remedy, "");
}
