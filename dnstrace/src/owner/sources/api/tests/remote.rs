//! Pods of other nodes.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::server::{Answer, Asked, FakeApi, Then, event, list, pod};
use super::{Run, address, options, pace};
use crate::owner::fact::{Fact, RemotePod};
use crate::owner::sources::api::asks::QUEUE_MAX;
use crate::owner::sources::api::pace::Pace;
use crate::owner::sources::{Ask, RemoteOption, State};

const PODS: &str = "/api/v1/pods";

/// A pod of another node.
fn elsewhere(name: &str, address: &str) -> Value {
    let mut pod = pod(name, address);
    pod["spec"]["nodeName"] = json!("node-b");
    pod
}

fn on_host_network(name: &str, address: &str) -> Value {
    let mut pod = elsewhere(name, address);
    pod["spec"]["hostNetwork"] = json!(true);
    pod
}

fn found(name: &str) -> RemotePod {
    RemotePod { namespace: "shop".into(), name: name.into(), node: Some("node-b".into()) }
}

/// What was told of addresses, in this order.
fn remotes(run: &Run) -> Vec<(IpAddr, Option<RemotePod>)> {
    let remote =
        |fact: &Fact| if let Fact::Remote { address, pod } = fact { Some((*address, pod.clone())) } else { None };
    run.facts.iter().filter_map(remote).collect()
}

/// Answers for single addresses.
async fn asking(having: fn(&str) -> Vec<Value>) -> FakeApi {
    let script = move |asked: &Asked| {
        let (_rest, selector) = asked.query.split_once("status.podIP=")?;
        let address = selector.split('&').next().unwrap();
        Some(Answer::Json(list(&having(address))))
    };
    FakeApi::new(script).await
}

async fn ask(run: &Run, text: &str) {
    run.asks.send(Ask::Address(address(text))).await.unwrap();
}

#[tokio::test]
async fn address_is_asked_for_once() {
    let having = |address: &str| match address {
        "10.2.0.1" => vec![elsewhere("a", "10.2.0.1")],
        "192.0.2.9" => vec![on_host_network("b", "192.0.2.9")],
        "10.2.0.3" => vec![elsewhere("c", "10.2.0.3"), elsewhere("d", "10.2.0.3")],
        "10.2.0.4" => vec![elsewhere("e", "10.9.9.9"), json!(7)],
        "2001:db8::5" => vec![elsewhere("f", "2001:db8::5")],
        _ => vec![],
    };
    let api = asking(having).await;
    let mut run = Run::with(&api, options(RemoteOption::Ask), pace());
    let cases = [
        ("10.2.0.1", Some(found("a"))),
        ("192.0.2.9", None),
        ("10.2.0.3", None),
        ("10.2.0.4", None),
        ("2001:db8::5", Some(found("f"))),
        ("10.2.0.6", None),
    ];
    for (address, _pod) in cases.iter().chain(&cases) {
        ask(&run, address).await;
    }
    run.until("all answers", |run| remotes(run).len() == 2 * cases.len()).await;
    let expected: Vec<_> = cases.iter().chain(&cases).map(|(text, pod)| (address(text), pod.clone())).collect();
    assert_eq!(remotes(&run), expected);
    assert_eq!(api.count("status.podIP"), cases.len());
    assert_eq!(api.count(&format!("{PODS}?&fieldSelector=status.podIP=10.2.0.1&resourceVersion=0&")), 1);
}

#[tokio::test]
async fn asks_list_services_once_and_are_not_for_these() {
    let script = |asked: &Asked| {
        let service = json!({"metadata": {"namespace": "shop", "name": "web"}, "spec": {"clusterIP": "10.96.0.7"}});
        (asked.path == "/api/v1/services").then(|| Answer::Json(list(&[service])))
    };
    let api = FakeApi::new(script).await;
    let mut run = Run::with(&api, options(RemoteOption::Ask), pace());
    run.until_ready().await;
    for number in 0..20 {
        ask(&run, "10.96.0.7").await;
        ask(&run, &format!("10.2.0.{number}")).await;
    }
    run.until("the last", |run| remotes(run).contains(&(address("10.2.0.19"), None))).await;
    assert_eq!((api.count("/api/v1/services"), api.count("podIP=10.96.0.7")), (1, 0));
}

#[tokio::test]
async fn answers_are_asked_for_again_when_they_are_old() {
    let api = asking(|_address| vec![]).await;
    let pace = Pace { remote_missing: Duration::ZERO, ..pace() };
    let mut run = Run::with(&api, options(RemoteOption::Ask), pace);
    for _ in 0..3 {
        ask(&run, "10.2.0.1").await;
    }
    run.until("three answers", |run| remotes(run).len() == 3).await;
    assert_eq!(api.count("status.podIP"), 3);
}

#[tokio::test]
async fn asks_are_spread_in_time() {
    let api = asking(|_address| vec![]).await;
    let every = Duration::from_millis(20);
    let mut run = Run::with(&api, options(RemoteOption::Ask), Pace { remote_asks: every, ..pace() });
    run.until_ready().await;
    let begin = Instant::now();
    for number in 0..10 {
        ask(&run, &format!("10.2.0.{number}")).await;
    }
    run.until("ten answers", |run| remotes(run).len() == 10).await;
    // The first may have its turn at once; a slow machine only makes it longer.
    assert!(begin.elapsed() >= 8 * every);
}

#[tokio::test]
async fn asks_beyond_the_queue_are_dropped_and_counted() {
    let api = asking(|_address| vec![]).await;
    let mut run =
        Run::with(&api, options(RemoteOption::Ask), Pace { remote_asks: Duration::from_millis(200), ..pace() });
    run.until_ready().await;
    for number in 0..2 * QUEUE_MAX {
        ask(&run, &format!("10.2.{}.{}", number / 250, number % 250)).await;
    }
    run.until("a count", |run| run.last().found.contains("addresses not asked for")).await;
}

#[tokio::test]
async fn refused_asks_are_told_once() {
    let script = |asked: &Asked| {
        let remote = asked.query.contains("podIP");
        remote.then(|| if asked.before < 6 { Answer::Refusal(403) } else { Answer::Json(list(&[])) })
    };
    let api = FakeApi::new(script).await;
    let mut run = Run::with(&api, options(RemoteOption::Ask), pace());
    run.until_ready().await;
    for number in 0..20 {
        ask(&run, &format!("10.2.0.{number}")).await;
    }
    run.until("an answer", |run| !remotes(run).is_empty() && run.last().remedy.is_empty()).await;
    let refused = run.reports.iter().filter(|report| report.found.contains("may not list pods of other nodes"));
    assert_eq!(refused.count(), 1, "{:#?}", run.reports);
}

#[tokio::test]
async fn watch_tells_all_pods_of_other_nodes() {
    let script = |asked: &Asked| {
        if asked.path != PODS || asked.query.contains("fieldSelector") {
            return None;
        }
        let here = pod("here", "10.1.0.4");
        let all = [here, elsewhere("a", "10.2.0.1"), elsewhere("b", "10.2.0.2"), on_host_network("c", "192.0.2.9")];
        if !asked.is_watch() {
            return Some(Answer::Json(list(&all)));
        }
        let events = [
            // Another pod has the address before the first one's end is told.
            event("ADDED", &elsewhere("new", "10.2.0.1")),
            event("DELETED", &elsewhere("a", "10.2.0.1")),
            event("MODIFIED", &elsewhere("new", "10.2.0.1")),
            event("DELETED", &elsewhere("b", "10.2.0.2")),
        ];
        (asked.before == 0).then(|| Answer::Text(events.concat(), Then::Silence))
    };
    let api = FakeApi::new(script).await;
    let mut run = Run::with(&api, options(RemoteOption::Watch), pace());
    run.until("b is gone", |run| remotes(run).iter().any(|(_address, pod)| pod.is_none())).await;
    let [first, second] = ["10.2.0.1", "10.2.0.2"].map(address);
    assert_eq!(
        remotes(&run),
        [(first, Some(found("a"))), (second, Some(found("b"))), (first, Some(found("new"))), (second, None)]
    );
    run.until_ready().await;
    assert_eq!(api.count("podIP"), 0);
}

#[tokio::test]
async fn cluster_that_is_too_large_is_not_watched() {
    let script = |asked: &Asked| {
        let metadata = json!({"resourceVersion": "1", "continue": "x", "remainingItemCount": 20_001});
        asked.query.contains("limit=1").then(|| Answer::Json(json!({"metadata": metadata, "items": []})))
    };
    let api = FakeApi::new(move |asked| (asked.path == PODS).then(|| script(asked)).flatten()).await;
    let mut run = Run::with(&api, options(RemoteOption::Watch), pace());
    run.until("ready", |run| run.is(State::Ready)).await;
    assert!(run.last().found.contains("20001 pods, more than the 20000"), "{:?}", run.last());
    assert_eq!(api.count("limit="), 2);
}
