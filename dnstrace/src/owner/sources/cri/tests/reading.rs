//! The source with a runtime on a socket.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::Status;

use super::super::client::Failure;
use super::super::known::Known;
use super::super::message::{Container, PodSandbox};
use super::super::socket::Places;
use super::super::{Pace, Watch};
use super::fake::{Fake, Says};
use super::{container, id, sandbox, shown, status, uid};
use crate::owner::fact::Source;
use crate::owner::sources::{Ask, CriOption, NobodyListens, Report, State, Teller, Update};

/// Far more than anything takes; without it, a test that fails would hang.
const PATIENCE: Duration = Duration::from_secs(20);

/// Nothing but asks makes it list again.
const NEVER: Duration = Duration::from_hours(1);

const PACE: Pace = Pace {
    call: PATIENCE,
    listing: Duration::from_millis(5),
    gap: Duration::from_millis(1),
    back_off_min: Duration::from_millis(5),
    back_off_max: Duration::from_millis(20),
};

/// The source, and what it tells.
struct Reading {
    updates: Receiver<Update>,
    asks: Sender<Ask>,
    task: JoinHandle<Result<(), NobodyListens>>,
    root: TempDir,
}

impl Reading {
    fn start(option: impl FnOnce(&Path) -> CriOption, pace: Pace) -> Self {
        let root = tempfile::tempdir().unwrap();
        let (sender, updates) = channel(64);
        let (asks, asked) = channel(8);
        let places = Places::new(option(root.path()), root.path()).unwrap();
        let teller = Teller::new(Source::Cri, sender);
        let watch = Watch { places, pace, teller, asks: asked, known: Known::default(), told: None };
        Self { updates, asks, task: tokio::spawn(watch.run()), root }
    }

    fn auto(pace: Pace) -> Self {
        Self::start(|_| CriOption::Auto, pace)
    }

    fn place(&self, place: &str) -> PathBuf {
        self.root.path().join(place)
    }

    fn containerd(&self) -> PathBuf {
        self.place("run/containerd/containerd.sock")
    }

    /// Everything told until a report that `wanted` is true of, and that report.
    async fn until(&mut self, wanted: impl Fn(&Report) -> bool) -> (Vec<String>, Report) {
        let mut facts = Vec::new();
        loop {
            match timeout(PATIENCE, self.updates.recv()).await.expect("a report in time").unwrap() {
                Update::Fact(source, fact) => {
                    assert_eq!(source, Source::Cri);
                    facts.push(shown(&fact));
                }
                Update::Report(report) if wanted(&report) => return (facts, report),
                Update::Report(_) => {}
            }
        }
    }

    async fn until_pods(&mut self, count: usize) -> Vec<String> {
        let pods = format!(": {count} pods");
        self.until(|report| report.state == State::Ready && report.found.contains(&pods)).await.0
    }

    async fn until_failed(&mut self) -> Report {
        self.until(|report| report.state == State::Failed).await.1
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn says(pods: Vec<PodSandbox>, containers: Vec<Container>) -> Says {
    let statuses = pods.iter().enumerate().map(|(place, pod)| {
        let address = format!("10.244.0.{place}");
        (pod.id.clone(), status(0, &[&address, "fd00:10:244::7"]))
    });
    Says {
        statuses: statuses.skip(1).chain([(id(1), status(2, &[]))]).collect(),
        sandboxes: pods,
        containers,
        ..Says::default()
    }
}

#[tokio::test]
async fn everything_is_told_and_then_reported() {
    let mut reading = Reading::auto(PACE);
    let pods = vec![sandbox(1, "agent"), sandbox(2, "web")];
    let _fake = Fake::start(&reading.containerd(), says(pods, vec![container(3, 2, "nginx")]));
    let (facts, report) = reading.until(|report| report.state == State::Ready).await;
    let nginx = format!("nginx of {}", uid(2));
    assert_eq!(facts, ["shop/agent node []", "shop/web own [10.244.0.1 fd00:10:244::7]", &nginx]);
    // Without the runtime's escape sequence.
    let expected = format!("fake[1m 1.2 at {}: 2 pods, 1 containers", reading.containerd().display());
    assert_eq!((report.found, report.remedy, report.skipped), (expected, String::new(), 0));
}

#[tokio::test]
async fn malformed_sandbox_is_counted_and_holds_up_no_other() {
    let mut reading = Reading::auto(PACE);
    let malformed = Says { malformed: 3, ..says(vec![sandbox(1, "agent")], Vec::new()) };
    let _fake = Fake::start(&reading.containerd(), malformed);
    let (facts, report) = reading.until(|report| report.state == State::Ready).await;
    assert_eq!((facts, report.skipped), (vec!["shop/agent node []".to_owned()], 3));
}

#[tokio::test]
async fn runtime_that_comes_later_is_found() {
    let mut reading = Reading::auto(PACE);
    let absent = reading.until(|_| true).await.1;
    assert_eq!((absent.state, &*absent.found), (State::Absent, "no container runtime's socket"));
    let _fake = Fake::start(&reading.place("run/crio/crio.sock"), says(vec![sandbox(1, "web")], Vec::new()));
    let (facts, next) = reading.until(|_| true).await;
    assert_eq!((facts.len(), next.state), (1, State::Ready));
}

#[tokio::test]
async fn runtime_that_is_restarted_is_followed() {
    let mut reading = Reading::auto(PACE);
    let before = Fake::start(&reading.containerd(), says(vec![sandbox(1, "agent"), sandbox(2, "web")], Vec::new()));
    assert_eq!(reading.until_pods(2).await.len(), 2);
    drop(before);
    let away = reading.until_failed().await;
    assert!(!away.remedy.is_empty(), "{away:?}");
    let pods = vec![sandbox(1, "agent"), sandbox(2, "web"), sandbox(3, "new")];
    let _after = Fake::start(&reading.containerd(), says(pods, Vec::new()));
    // What it told before stays told.
    assert_eq!(reading.until_pods(3).await, ["shop/new own [10.244.0.2 fd00:10:244::7]"]);
}

#[tokio::test]
async fn ask_is_answered_by_a_listing_at_once() {
    let mut reading = Reading::auto(Pace { listing: NEVER, ..PACE });
    let fake = Fake::start(&reading.containerd(), says(vec![sandbox(1, "agent")], Vec::new()));
    reading.until_pods(1).await;
    for (count, ask) in [(2, Ask::Cgroup { id: 77, tgid: None }), (3, Ask::Netns(77))] {
        fake.change(|says| says.sandboxes.push(sandbox(count, "new")));
        reading.asks.send(Ask::Address("192.0.2.1".parse().unwrap())).await.unwrap();
        reading.asks.send(ask).await.unwrap();
        let facts = reading.until_pods(count as usize).await;
        assert_eq!(facts, ["shop/new ? []"]);
    }
}

#[tokio::test]
async fn asks_are_not_needed() {
    let mut reading = Reading::auto(PACE);
    (reading.asks, _) = channel(1);
    let fake = Fake::start(&reading.containerd(), says(vec![sandbox(1, "agent")], Vec::new()));
    reading.until_pods(1).await;
    fake.change(|says| says.sandboxes.clear());
    assert_eq!(reading.until_pods(0).await, [format!("gone {}", uid(1))]);
}

#[tokio::test]
async fn status_is_asked_for_once() {
    let mut reading = Reading::auto(PACE);
    let fake = Fake::start(&reading.containerd(), says(vec![sandbox(1, "agent")], Vec::new()));
    reading.until_pods(1).await;
    fake.change(|says| says.sandboxes.push(sandbox(2, "new")));
    reading.until_pods(2).await;
    let calls = fake.says.lock().unwrap().calls.clone();
    // The second one has none, and may get one.
    let before = calls.iter().take_while(|call| *call != "PodSandboxStatus").count();
    assert_eq!(calls[before + 1], "ListContainers", "{calls:?}");
}

#[tokio::test]
async fn sandbox_whose_status_hangs_holds_up_no_other() {
    let mut reading = Reading::auto(Pace { call: Duration::from_millis(200), ..PACE });
    let mut hangs = says(vec![sandbox(1, "agent"), sandbox(2, "web")], Vec::new());
    hangs.hangs_at = Some("PodSandboxStatus");
    let fake = Fake::start(&reading.containerd(), hangs);
    assert_eq!(reading.until_pods(2).await, ["shop/agent ? []", "shop/web ? []"]);
    fake.change(|says| {
        says.hangs_at = None;
        says.sandboxes.push(sandbox(3, "new"));
    });
    let facts = reading.until_pods(3).await;
    assert!(facts.contains(&"shop/agent node []".to_owned()), "{facts:?}");
}

#[tokio::test]
async fn runtime_that_hangs_has_failed() {
    for call in ["Version", "ListPodSandbox", "ListContainers"] {
        let mut reading = Reading::auto(Pace { call: Duration::from_millis(100), ..PACE });
        let fake = Fake::start(&reading.containerd(), Says { hangs_at: Some(call), ..Says::default() });
        let report = reading.until(|report| report.found.contains("no answer within 100ms")).await.1;
        assert_eq!(
            (report.state, &*report.remedy),
            (State::Failed, "see why the container runtime hangs: crictl info")
        );
        fake.change(|says| says.hangs_at = None);
        reading.until_pods(0).await;
    }
}

#[tokio::test]
async fn runtime_without_cri_has_failed() {
    let mut reading = Reading::auto(PACE);
    let fake = Fake::start(&reading.containerd(), Says { is_unimplemented: true, ..Says::default() });
    let report = reading.until_failed().await;
    assert!(report.found.contains("unknown service"), "{report:?}");
    assert!(report.remedy.contains("disabled_plugins"), "{report:?}");
    // Docker's own beside that of kubelet.
    let _k3s = Fake::start(&reading.place("run/k3s/containerd/containerd.sock"), says(vec![sandbox(1, "web")], vec![]));
    reading.until_pods(1).await;
    drop(fake);
}

#[tokio::test]
async fn runtime_with_pods_comes_before_one_without() {
    let mut reading = Reading::auto(PACE);
    let _docker = Fake::start(&reading.containerd(), Says::default());
    reading.until_pods(0).await;
    let _k3s = Fake::start(&reading.place("run/k3s/containerd/containerd.sock"), says(vec![sandbox(1, "web")], vec![]));
    reading.until_pods(1).await;
}

#[tokio::test]
async fn answer_that_is_too_large_has_failed() {
    let mut reading = Reading::auto(PACE);
    let huge = Container { id: "x".repeat(17 << 20), ..Container::default() };
    let fake = Fake::start(&reading.containerd(), says(vec![sandbox(1, "web")], vec![huge]));
    let report = reading.until_failed().await;
    assert!(report.found.contains("limit"), "{report:?}");
    fake.change(|says| says.containers.clear());
    reading.until_pods(1).await;
}

#[tokio::test]
async fn socket_of_something_else_has_failed() {
    for bytes in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"", &[0xff; 4096], b"\0\0\0\x04\0\0\0\0\0"] {
        let mut reading = Reading::start(|root| CriOption::Socket(root.join("other.sock")), PACE);
        let other = Fake::writing(&reading.place("other.sock"), bytes);
        let report = reading.until(|report| !report.found.contains("No such file")).await.1;
        assert_eq!(report.state, State::Failed, "{report:?}");
        drop(other);
        let _fake = Fake::start(&reading.place("other.sock"), says(vec![sandbox(1, "web")], Vec::new()));
        reading.until_pods(1).await;
    }
}

#[tokio::test]
async fn socket_that_was_given_and_is_not_there_has_failed() {
    let mut reading = Reading::start(|root| CriOption::Socket(root.join("none.sock")), PACE);
    let report = reading.until(|_| true).await.1;
    assert_eq!((report.state, &*report.remedy), (State::Failed, "name the runtime's socket with --cri, or --cri off"));
}

#[tokio::test]
async fn source_ends_when_nobody_listens() {
    let mut reading = Reading::auto(PACE);
    let fake = Fake::start(&reading.containerd(), says(vec![sandbox(1, "web")], Vec::new()));
    reading.until_pods(1).await;
    reading.updates.close();
    fake.change(|says| says.sandboxes.clear());
    let ended = timeout(PATIENCE, &mut reading.task).await.unwrap().unwrap();
    assert_eq!(ended, Err(NobodyListens));
}

#[tokio::test]
async fn cri_off_is_absent() {
    let (sender, mut updates) = channel(1);
    let (_asks, asked) = channel(1);
    super::super::run(CriOption::Off, "/".into(), Teller::new(Source::Cri, sender), asked).await.unwrap();
    let Some(Update::Report(report)) = updates.recv().await else { panic!("a report") };
    assert_eq!((report.state, &*report.found), (State::Absent, "--cri off"));
}

#[test]
fn failures_say_what_to_do() {
    let socket = |kind| Failure::Socket(io::Error::from(kind));
    let status = |status| Failure::Status(Box::new(status));
    for (failure, remedy) in [
        (socket(io::ErrorKind::PermissionDenied), "run as root, or --cri off"),
        (socket(io::ErrorKind::ConnectionRefused), "start the container runtime, or --cri off"),
        (status(Status::permission_denied("")), "run as root, or --cri off"),
        (status(Status::unavailable("")), "see what the container runtime says: crictl pods; or --cri off"),
    ] {
        assert_eq!(failure.remedy(), remedy);
    }
}
