//! The CRI source, and the whole product, with a real containerd, runc and CNI plugins; the test is kubelet.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::{IpAddr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;
use std::time::Duration;

use dnstrace::owner::fact::{ContainerFact, Fact, PodFact, Source, Text, Workload, WorkloadBy};
use dnstrace::owner::sources::{Ask, CriOption, Report, State, Teller, Update, cri};
use dnstrace_tests::containerd::{Containerd, PodSpec, RunningPod};
use dnstrace_tests::product::{self, Run};
use dnstrace_tests::skip;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;

/// Far more than the source's slowest turn.
const PATIENCE: Duration = Duration::from_secs(45);

const WEB: PodSpec<'_> = PodSpec {
    namespace: "shop",
    name: "web-66b6c48dd5-x7k2p",
    container: "nginx",
    labels: &[("app", "web"), ("pod-template-hash", "66b6c48dd5"), ("team", "nobody's business")],
    host_network: false,
    nameservers: &["192.0.2.53"],
};
const AGENT: PodSpec<'_> = PodSpec {
    namespace: "kube-system",
    name: "agent-x7k2p",
    container: "agent",
    labels: &[("k8s-app", "agent"), ("controller-revision-hash", "7d9c6c8b4f")],
    host_network: true,
    nameservers: &[],
};
const OTHER_AGENT: PodSpec<'_> = PodSpec { name: "other-q8w2r", container: "other", labels: &[], ..AGENT };
const DB: PodSpec<'_> =
    PodSpec { namespace: "shop", name: "db-0", container: "db", labels: &[], host_network: false, nameservers: &[] };

/// The node's address at its bridge.
const BRIDGE: &str = "10.244.0.1";

/// The source, and what it tells.
struct Reading {
    tokio: Runtime,
    updates: Receiver<Update>,
    asks: Sender<Ask>,
}

impl Reading {
    fn start(root: &Path) -> Self {
        let tokio = Runtime::new().unwrap();
        let (sender, updates) = channel(64);
        let (asks, asked) = channel(8);
        tokio.spawn(cri::run(CriOption::Auto, root.to_owned(), Teller::new(Source::Cri, sender), asked));
        Self { tokio, updates, asks }
    }

    /// Everything told until a report that `wanted` is true of, and that report.
    fn until(&mut self, wanted: impl Fn(&Report) -> bool) -> (Vec<Fact>, Report) {
        let mut facts = Vec::new();
        loop {
            let next = async { timeout(PATIENCE, self.updates.recv()).await };
            match self.tokio.block_on(next).expect("an update in time").expect("the source goes on") {
                Update::Fact(_, fact) => facts.push(fact),
                Update::Report(report) if wanted(&report) => return (facts, report),
                Update::Report(_) => {}
            }
        }
    }

    /// Asks, and returns what is told until there are as many.
    fn until_ready(&mut self, count: usize) -> Vec<Fact> {
        self.asks.blocking_send(Ask::Netns(1)).unwrap();
        let found = format!(": {count} pods, {count} containers");
        self.until(|report| report.state == State::Ready && report.found.ends_with(&found)).0
    }
}

fn workload(kind: &str, name: &str) -> Workload {
    Workload { kind: kind.into(), name: name.into(), by: WorkloadBy::Labels }
}

/// What is to be told of a pod.
fn facts_of(pod: &RunningPod, known: PodFact) -> [Fact; 2] {
    let text = |text: &str| Some(Text::from(text));
    let told = PodFact {
        uid: pod.uid.as_str().into(),
        sandbox: text(&pod.sandbox),
        namespace: text(&pod.namespace),
        name: text(&pod.name),
        addresses: pod.addresses.clone(),
        ..known
    };
    let container = ContainerFact {
        id: pod.container.as_str().into(),
        name: text(&pod.container_name),
        image: text("dnstrace.test/musl:1"),
        pod: text(&pod.uid),
        sandbox: text(&pod.sandbox),
    };
    [Fact::Pod(told), Fact::Container(container)]
}

fn sorted(mut facts: Vec<Fact>) -> Vec<Fact> {
    facts.sort_by_key(|fact| format!("{fact:?}"));
    facts
}

/// In an order that does not depend on ids, without times; these are in the past.
fn comparable(mut facts: Vec<Fact>) -> Vec<Fact> {
    let now = dnstrace::capture::live::boot_time();
    for fact in &mut facts {
        if let Fact::Pod(pod) = fact {
            assert!(pod.since.take().is_some_and(|since| since.0 > 0 && since <= now), "{pod:?}");
        }
    }
    sorted(facts)
}

#[test]
fn pods_of_a_real_runtime_are_told_with_addresses_and_labels() {
    if !skip::is_root() {
        return skip::skip("containerd", "not root");
    }
    let mut node = Containerd::start().unwrap();
    let mut reading = Reading::start(&node.root());
    let web = what_runs_is_told(&node, &mut reading);
    what_is_removed_is_told(&node, &mut reading, &web);
    a_restart_changes_nothing(&mut node, &mut reading);
}

fn what_runs_is_told(node: &Containerd, reading: &mut Reading) -> RunningPod {
    let [web, agent] = [WEB, AGENT].map(|spec| node.run_pod(&spec).unwrap());
    assert_eq!(web.addresses.iter().map(IpAddr::is_ipv6).collect::<Vec<_>>(), [false, true]);
    assert_ne!(web.netns, node.netns().inode().unwrap());
    assert_eq!((agent.netns, agent.addresses.len()), (node.netns().inode().unwrap(), 0));
    let web_fact = PodFact {
        host_network: Some(false),
        labels: vec![("app".into(), "web".into())],
        workload: Some(workload("Deployment", "web")),
        ..PodFact::default()
    };
    let agent_fact = PodFact {
        host_network: Some(true),
        labels: vec![("k8s-app".into(), "agent".into())],
        workload: Some(workload("DaemonSet", "agent")),
        ..PodFact::default()
    };
    let expected = [facts_of(&web, web_fact), facts_of(&agent, agent_fact)].concat();
    assert_eq!(comparable(reading.until_ready(2)), sorted(expected));
    web
}

fn what_is_removed_is_told(node: &Containerd, reading: &mut Reading, web: &RunningPod) {
    node.remove_pod(web).unwrap();
    let expected = vec![
        Fact::ContainerGone { id: web.container.as_str().into() },
        Fact::PodGone { uid: web.uid.as_str().into(), sandbox: Some(web.sandbox.as_str().into()) },
    ];
    assert_eq!(comparable(reading.until_ready(1)), expected);
}

fn a_restart_changes_nothing(node: &mut Containerd, reading: &mut Reading) {
    node.stop_runtime().unwrap();
    reading.asks.blocking_send(Ask::Netns(1)).unwrap();
    let (facts, away) = reading.until(|report| report.state == State::Failed);
    assert_eq!((facts, away.remedy.is_empty()), (Vec::new(), false), "{}", away.found);
    node.start_runtime().unwrap();
    let db = node.run_pod(&DB).unwrap();
    let db_fact = PodFact { host_network: Some(false), ..PodFact::default() };
    // Of the pod that was there before, there is nothing to tell.
    assert_eq!(comparable(reading.until_ready(2)), sorted(facts_of(&db, db_fact).to_vec()));
}

#[test]
fn pods_send_queries_to_their_nameserver() {
    if !skip::is_root() {
        return skip::skip("containerd", "not root");
    }
    let node = Containerd::start().unwrap();
    for spec in [WEB, AGENT] {
        let pod = node.run_pod(&PodSpec { nameservers: &[BRIDGE], ..spec }).unwrap();
        let server = node.netns().run(|| Ok(UdpSocket::bind((BRIDGE, 53))?)).unwrap();
        server.set_read_timeout(Some(PATIENCE)).unwrap();
        let said = thread::scope(|scope| {
            scope.spawn(|| deny(&server));
            node.exec(&pod, &["/lookup", "name.example"]).unwrap()
        });
        assert!(said.starts_with("name.example: "), "{said}");
    }
}

#[test]
fn queries_of_every_pod_are_named_with_cri_and_with_files_only() {
    if !skip::is_root() {
        return skip::skip("containerd", "not root");
    }
    let node = Containerd::start().unwrap();
    let at_bridge = |spec: PodSpec<'static>| node.run_pod(&PodSpec { nameservers: &[BRIDGE], ..spec }).unwrap();
    // The first makes the bridge, the last two share the node's network: their cgroups tell them apart.
    let pods = [WEB, DB, AGENT, OTHER_AGENT].map(at_bridge);
    let server = node.netns().run(|| Ok(UdpSocket::bind((BRIDGE, 53))?)).unwrap();
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    for cri in ["auto", "off"] {
        let lines = seen_of(&node, &pods, (&server, cri));
        for pod in &pods {
            let own: Vec<&Value> = lines.iter().filter(|line| line["query"] == asked_by(pod)).collect();
            assert_eq!(own.len(), 2, "--cri {cri}: {} of A and AAAA: {own:#?}", pod.name);
            assert!(own.iter().all(|transaction| is_named(transaction, pod)), "--cri {cri}: {own:#?}");
        }
    }
}

/// What the product prints and replays while every pod looks up a name of its own.
fn seen_of(node: &Containerd, pods: &[RunningPod], (server, cri): (&UdpSocket, &str)) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("containerd.pcapng");
    let (root, cgroup) = (node.root(), node.cgroup().unwrap());
    let [output, root, cgroup] = [&recording, &root, &cgroup].map(|path| path.to_str().unwrap());
    let words = ["record", "--print", "--format", "json", "--path", "--output", output, "--cgroup", cgroup];
    let sources = ["--host-root", root, "--cri", cri, "--kube", "off"];
    let run = Run::start(node.netns(), &[&words[..], &sources].concat()).unwrap();
    for pod in pods {
        thread::scope(|scope| {
            scope.spawn(|| deny(server));
            node.exec(pod, &["/lookup", &asked_by(pod)]).unwrap();
        });
    }
    let lines = run.stop().unwrap().json().unwrap();
    product::same_as_replayed(&lines, &recording, &[]).unwrap();
    lines
}

/// Only this pod asks for it.
fn asked_by(pod: &RunningPod) -> String {
    format!("{}.example", pod.name)
}

fn is_named(transaction: &Value, pod: &RunningPod) -> bool {
    let named = &transaction["k8s"];
    let by = if pod.addresses.is_empty() { "cgroup" } else { "netns" };
    named["namespace"] == pod.namespace
        && (&named["pod"], &named["uid"]) == (&json!(pod.name), &json!(pod.uid))
        && (&named["by"], &named["confidence"]) == (&json!(by), &json!("certain"))
        && named["container"] == pod.container_name
        && transaction["container_id"] == pod.container
        && transaction["process"]["comm"] == "lookup"
}

/// Answers the first two queries, of A and AAAA, with NXDOMAIN.
fn deny(socket: &UdpSocket) {
    let mut buffer = [0; 512];
    for _ in 0..2 {
        let (length, client) = socket.recv_from(&mut buffer).unwrap();
        buffer[2] |= 0x80;
        buffer[3] = 3;
        socket.send_to(&buffer[..length], client).unwrap();
    }
}

#[test]
fn nothing_is_left_of_a_node_whose_test_fails() {
    if !skip::is_root() {
        return skip::skip("containerd", "not root");
    }
    let failed = catch_unwind(AssertUnwindSafe(|| {
        let node = Containerd::start().unwrap();
        node.run_pod(&DB).unwrap();
        assert!(!Containerd::remains().unwrap().is_empty());
        panic!("as a test that fails");
    }));
    assert_eq!(failed.unwrap_err().downcast_ref(), Some(&"as a test that fails"));
    assert_eq!(Containerd::remains().unwrap(), Vec::<std::path::PathBuf>::new());
}
