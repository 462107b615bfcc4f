//! The whole source against an API server that answers as each test says.

mod cluster;
mod outages;
mod pods;
mod remote;
mod server;

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::server::FakeApi;
use super::credentials::Surroundings;
use super::pace::Pace;
use super::{ApiOptions, run_at};
use crate::owner::fact::{Fact, PodFact, Source};
use crate::owner::sources::teller::NobodyListens;
use crate::owner::sources::{Ask, KubeOption, RemoteOption, Report, State, Teller, Update};

const NODE: &str = "node-a";

/// Longer than anything takes on a machine that does something else, too.
const PATIENCE: Duration = Duration::from_secs(20);

/// Nothing is repeated but what failed, and that at once.
fn pace() -> Pace {
    let (soon, never) = (Duration::from_millis(5), Duration::from_hours(1));
    Pace {
        retry_first: soon,
        retry_max: 4 * soon,
        watches: soon,
        services: never,
        services_asked: never,
        endpoints: never,
        remote_asks: soon,
        ..Pace::default()
    }
}

fn options(remote: RemoteOption) -> ApiOptions {
    ApiOptions { kube: KubeOption::Auto, remote, node: Some(NODE.into()), host_root: PathBuf::new() }
}

/// The source as it runs.
struct Run {
    task: JoinHandle<Result<(), NobodyListens>>,
    updates: mpsc::Receiver<Update>,
    asks: mpsc::Sender<Ask>,
    facts: Vec<Fact>,
    reports: Vec<Report>,
    _folder: TempDir,
}

impl Run {
    fn start(api: &FakeApi) -> Self {
        Self::with(api, options(RemoteOption::Off), pace())
    }

    fn with(api: &FakeApi, options: ApiOptions, pace: Pace) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("config");
        fs::write(&file, kubeconfig(&api.url())).unwrap();
        let around = Surroundings {
            in_cluster: false,
            kubeconfig: Some(file.into()),
            home: None,
            host_root: options.host_root.clone(),
        };
        Self::around(around, options, (pace, folder))
    }

    fn around(around: Surroundings, options: ApiOptions, (pace, folder): (Pace, TempDir)) -> Self {
        let (sender, updates) = mpsc::channel(16);
        let (asks, asked) = mpsc::channel(1024);
        let start = (options, Teller::new(Source::Api, sender), asked);
        let task = tokio::spawn(run_at(pace, around, start));
        Self { task, updates, asks, facts: Vec::new(), reports: Vec::new(), _folder: folder }
    }

    /// Reads on until that is so.
    async fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !is_so(self) {
            let next = tokio::time::timeout_at(deadline, self.updates.recv()).await;
            match next.unwrap_or_else(|_| panic!("not in time: {what}\n{:#?}\n{:#?}", self.facts, self.reports)) {
                Some(Update::Fact(source, fact)) => {
                    assert_eq!(source, Source::Api);
                    self.facts.push(fact);
                }
                Some(Update::Report(report)) => self.reports.push(report),
                None => panic!("ended before: {what}\n{:#?}\n{:#?}", self.facts, self.reports),
            }
        }
    }

    async fn until_ready(&mut self) {
        self.until("ready", |run| run.is(State::Ready)).await;
    }

    fn is(&self, state: State) -> bool {
        self.reports.last().is_some_and(|report| report.state == state)
    }

    fn last(&self) -> &Report {
        self.reports.last().unwrap()
    }

    /// What was told of pods, in this order.
    fn pods(&self) -> Vec<&PodFact> {
        let pod = |fact: &'_ Fact| matches!(fact, Fact::Pod(_));
        let pods = self.facts.iter().filter(|fact| pod(fact));
        pods.map(|fact| if let Fact::Pod(pod) = fact { pod } else { unreachable!() }).collect()
    }

    fn pod(&self, name: &str) -> Option<&PodFact> {
        self.pods().into_iter().rev().find(|pod| pod.name.as_deref() == Some(name))
    }

    fn is_gone(&self, uid: &str) -> bool {
        self.facts.iter().any(|fact| matches!(fact, Fact::PodGone { uid: gone, sandbox: None } if **gone == *uid))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The server hears of something that tells nothing here.
async fn wait_for(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
}

fn kubeconfig(url: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: it\ncontexts:\n- name: it\n  context: {{cluster: it, user: it}}\n\
         clusters:\n- name: it\n  cluster: {{server: \"{url}\"}}\nusers:\n- name: it\n  user: {{token: secret-token}}\n"
    )
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}
