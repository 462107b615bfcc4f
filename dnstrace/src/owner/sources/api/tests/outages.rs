//! A server that is not there, refuses, hangs or talks nonsense; and none that is asked.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::server::{Answer, Asked, FakeApi, Then, list, pod};
use super::{Run, kubeconfig, options, pace, wait_for};
use crate::owner::fact::Source;
use crate::owner::sources::api::credentials::Surroundings;
use crate::owner::sources::api::pace::Pace;
use crate::owner::sources::api::{self, ApiOptions};
use crate::owner::sources::{Ask, KubeOption, RemoteOption, State, Teller, Update};

const PODS: &str = "/api/v1/pods";

const SOON: Duration = Duration::from_millis(100);

/// Hanging is found out soon.
fn hasty() -> Pace {
    Pace { first_answer: SOON, whole_answer: 2 * SOON, services: SOON, ..pace() }
}

/// Answers like that until it is told to do better.
async fn failing(failure: fn(&Asked) -> Option<Answer>) -> (FakeApi, Arc<AtomicBool>) {
    let better = Arc::new(AtomicBool::new(false));
    let is_better = Arc::clone(&better);
    let script = move |asked: &Asked| match asked.path {
        _ if !is_better.load(Ordering::Relaxed) => failure(asked),
        PODS if !asked.is_watch() => Some(Answer::Json(list(&[pod("a", "10.1.0.4")]))),
        _ => None,
    };
    (FakeApi::new(script).await, better)
}

/// It is told once however often it is tried, and so is that it has ended. However slow the machine, an answer is waited
/// for.
async fn check(failure: fn(&Asked) -> Option<Answer>, found: &str, remedy: &str) {
    let patient = Pace { services: SOON, ..pace() };
    check_at(patient, failure, [found, remedy]).await;
}

async fn check_at(pace: Pace, failure: fn(&Asked) -> Option<Answer>, [found, remedy]: [&str; 2]) {
    let (api, better) = failing(failure).await;
    let mut run = Run::with(&api, options(RemoteOption::Off), pace);
    run.until("failed", |run| run.is(State::Failed)).await;
    let report = run.last();
    assert!(report.found.contains(found), "{report:?}");
    assert!(report.remedy.contains(remedy), "{report:?}");
    assert!(!report.found.contains("secret-token") && !report.found.contains('\n'), "{report:?}");
    let tried = api.requests().len();
    wait_for(|| api.requests().len() >= tried + 5).await;
    better.store(true, Ordering::Relaxed);
    run.until("all is well", |run| run.is(State::Ready) && run.last().remedy.is_empty()).await;
    assert!(run.pod("a").is_some());
    let failures = run.reports.iter().filter(|report| report.state == State::Failed);
    let mut texts: Vec<&str> =
        failures.filter_map(|report| report.found.rsplit_once(';')).map(|(text, _calls)| text).collect();
    texts.sort_unstable();
    assert!(texts.windows(2).all(|pair| pair[0] != pair[1]), "{:#?}", run.reports);
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let allow = "kubectl create clusterrolebinding dnstrace --clusterrole=view --serviceaccount=default:dnstrace";
    check(|_asked| Some(Answer::Refusal(403)), "the credentials may not list pods", allow).await;
    check(|_asked| Some(Answer::Refusal(401)), "does not accept the credentials", "--kube FILE").await;
    check(|_asked| Some(Answer::Refusal(500)), "answers 500: ", "--kube off").await;
    check(|_asked| Some(Answer::Refusal(429)), "answers 429: ", "--kube off").await;
}

#[tokio::test]
async fn server_that_hangs_is_given_up() {
    check_at(hasty(), |_asked| Some(Answer::Hang), ["does not answer", "--kube off"]).await;
    let half: fn(&Asked) -> Option<Answer> =
        |_asked| Some(Answer::Text(r#"{"kind": "PodList", "items": [{"metadata":"#.into(), Then::Silence));
    check_at(hasty(), half, ["stopped in the middle of an answer", "--kube off"]).await;
}

#[tokio::test]
async fn server_that_is_none_is_said_to_be_none() {
    let none = "does not answer as an API server does";
    check(|_asked| Some(Answer::Text("<html>\n\n".into(), Then::End)), none, "--kube off").await;
    check(|_asked| Some(Answer::Text(String::new(), Then::End)), none, "--kube off").await;
    check(|_asked| Some(Answer::Json(json!({"items": 7}))), none, "--kube off").await;
    check(|_asked| Some(Answer::Text("{".into(), Then::Drop)), "", "--kube off").await;
}

#[tokio::test]
async fn watch_that_is_refused_is_told_until_it_is_let() {
    let script = |asked: &Asked| match (asked.path, asked.is_watch()) {
        (PODS, false) => Some(Answer::Json(list(&[pod("a", "10.1.0.4")]))),
        (PODS, true) if asked.before < 5 => Some(Answer::Refusal(403)),
        _ => None,
    };
    let api = FakeApi::new(script).await;
    let mut run = Run::start(&api);
    run.until("failed", |run| run.is(State::Failed)).await;
    // Nothing changes in the cluster, and it is told all the same.
    run.until_ready().await;
    assert_eq!(run.reports.iter().filter(|report| report.state == State::Failed).count(), 1, "{:#?}", run.reports);
}

#[tokio::test]
async fn services_that_hang_do_not_hold_up_pods() {
    let script = |asked: &Asked| match asked.path {
        PODS if !asked.is_watch() => Some(Answer::Json(list(&[pod("a", "10.1.0.4")]))),
        "/api/v1/services" => Some(Answer::Hang),
        _ => None,
    };
    let api = FakeApi::new(script).await;
    let mut run = Run::with(&api, options(RemoteOption::Off), hasty());
    run.until_ready().await;
    assert!(run.pod("a").is_some());
    let report = run.last();
    assert!(
        report.found.starts_with("1 pod of node-a; http://") && report.found.contains("does not answer"),
        "{report:?}"
    );
}

#[tokio::test]
async fn server_that_is_not_there_is_one_report() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (mut run, _folder) = with_kubeconfig(&kubeconfig(&url), KubeOption::Auto);
    run.until("failed", |run| run.is(State::Failed)).await;
    assert!(run.last().found.contains("refused"), "{:?}", run.last());
}

/// Also what reads no certificate must not panic for the lack of a crypto provider.
#[tokio::test]
async fn tls_is_spoken() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let insecure = kubeconfig(&url).replace("{server:", "{insecure-skip-tls-verify: true, server:");
    let (_run, _folder) = with_kubeconfig(&insecure, KubeOption::Auto);
    let (mut stream, _peer) = tokio::time::timeout(super::PATIENCE, listener.accept()).await.unwrap().unwrap();
    // RFC 8446, 5.1: a record of type handshake.
    assert_eq!(stream.read_u8().await.unwrap(), 22);
}

fn with_kubeconfig(text: &str, kube: KubeOption) -> (Run, PathBuf) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("config");
    std::fs::write(&file, text).unwrap();
    let around = surroundings(Some(file.clone()));
    let options = ApiOptions { kube, ..options(RemoteOption::Ask) };
    (Run::around(around, options, (pace(), folder)), file)
}

fn surroundings(kubeconfig: Option<PathBuf>) -> Surroundings {
    let kubeconfig = kubeconfig.map(Into::into);
    Surroundings { in_cluster: false, kubeconfig, home: Some("/nonexistent".into()), host_root: "/nonexistent".into() }
}

/// What is told when nobody is asked.
async fn ended(mut run: Run) -> Run {
    run.until("a report", |run| !run.reports.is_empty()).await;
    assert!(run.updates.recv().await.is_none());
    assert_eq!((run.reports.len(), run.facts.len()), (1, 0));
    run
}

#[tokio::test]
async fn nothing_is_asked_with_kube_off() {
    let api = FakeApi::new(|_asked| None).await;
    let (run, _file) = with_kubeconfig(&kubeconfig(&api.url()), KubeOption::Off);
    run.asks.try_send(Ask::Address(super::address("10.1.0.9"))).unwrap();
    let run = ended(run).await;
    assert_eq!((run.last().state, &*run.last().found), (State::Absent, "not asked: --kube off"));
    assert_eq!(api.requests(), [""; 0]);
}

#[tokio::test]
async fn off_is_off_whatever_surrounds_us() {
    let (sender, mut updates) = mpsc::channel(16);
    let options = ApiOptions { kube: KubeOption::Off, ..options(RemoteOption::Watch) };
    api::run(options, Teller::new(Source::Api, sender), mpsc::channel(1).1).await.unwrap();
    let Some(Update::Report(report)) = updates.recv().await else { panic!("no report") };
    assert_eq!((report.state, updates.recv().await.is_none()), (State::Absent, true));
}

#[tokio::test]
async fn without_credentials_nothing_is_asked() {
    let folder = TempDir::new().unwrap();
    let admin = folder.path().join("etc/kubernetes");
    std::fs::create_dir_all(&admin).unwrap();
    std::fs::write(admin.join("admin.conf"), kubeconfig("http://127.0.0.1:1")).unwrap();
    let around = Surroundings { host_root: folder.path().into(), ..surroundings(Some("/nonexistent/config".into())) };
    let run = ended(Run::around(around, options(RemoteOption::Off), (pace(), folder))).await;
    assert_eq!((run.last().state, &*run.last().found), (State::Absent, "no credentials at hand"));
    assert!(run.last().remedy.contains("etc/kubernetes/admin.conf"), "{:?}", run.last());
}

#[tokio::test]
async fn kubeconfig_that_cannot_be_used_is_said() {
    let missing = KubeOption::Config("/nonexistent/config".into());
    let (run, _file) = with_kubeconfig("", missing);
    let run = ended(run).await;
    assert_eq!(run.last().state, State::Failed);
    assert!(run.last().found.contains("/nonexistent/config") && run.last().found.contains("No such file"));
    let url = "http://127.0.0.1:1";
    let plugin = |script: &str| {
        let exec =
            format!("{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: sh, args: [-c, \"{script}\"]}}}}");
        kubeconfig(url).replace("{token: secret-token}", &exec)
    };
    let broken = [
        kubeconfig(url).replace("{token: secret-token}", "{token: secret-token, username: [secret-token]}"),
        plugin("echo secret-token; exit 1"),
        plugin("echo [secret-token"),
        plugin("echo token: secret-token"),
        "[".to_owned(),
        "a: b".to_owned(),
        kubeconfig("not a URL"),
        kubeconfig(url).replace("current-context: it", "current-context: other"),
        kubeconfig(url).replace("{server:", "{certificate-authority: /nonexistent/ca, server:"),
        kubeconfig(url).replace(
            "{token: secret-token}",
            "{exec: {apiVersion: client.authentication.k8s.io/v1, command: /nonexistent/plugin}}",
        ),
    ];
    for text in broken {
        let (run, _file) = with_kubeconfig(&text, KubeOption::Auto);
        let run = ended(run).await;
        assert_eq!(run.last().state, State::Failed, "{text}");
        assert!(!run.last().found.contains("secret-token") && !run.last().remedy.is_empty(), "{:?}", run.last());
    }
}
