//! A node whose files change, to what is told of it while that happens.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dnstrace::owner::fact::{CgroupOf, Fact, PodFact, Source};
use dnstrace::owner::sources::host::HostRoot;
use dnstrace::owner::sources::{Ask, Report, State, Teller, Update, disk};
use tempfile::TempDir;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;

/// Far less than a rescan's 30 s: what comes within it was noticed.
const PATIENCE: Duration = Duration::from_secs(15);

const UID: &str = "6a1f0f6e-0000-4000-8000-000000000001";

/// A node, and what is told of it.
struct Node {
    folder: TempDir,
    updates: Receiver<Update>,
    asks: Sender<Ask>,
}

impl Node {
    /// One without pods, whose sources have told what they know.
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for below in
            ["sys/fs/cgroup/kubepods", "sys/fs/cgroup/system.slice/ssh.service", "run/netns", BUNDLES, POD_LOGS]
        {
            fs::create_dir_all(folder.path().join(below)).unwrap();
        }
        fs::write(folder.path().join("sys/fs/cgroup/cgroup.controllers"), "").unwrap();
        let root = folder.path().to_owned();
        Self::start_at(folder, &root).await
    }

    /// The one at `root`.
    async fn start_at(folder: TempDir, root: &Path) -> Self {
        let host = Arc::new(HostRoot::open(root).unwrap());
        let ((sender, updates), (asks, asked)) = (channel(64), channel(8));
        tokio::spawn(disk::run(host, Teller::new(Source::Kernel, sender), asked));
        let mut node = Self { folder, updates, asks };
        node.until(|update| matches!(update, Update::Report(report) if report.source == Source::Kubelet)).await;
        node
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn write(&self, below: &str, content: &str) {
        fs::create_dir_all(self.path(below).parent().unwrap()).unwrap();
        fs::write(self.path(below), content).unwrap();
    }

    fn cgroup(&self, below: &str) -> u64 {
        fs::create_dir_all(self.path("sys/fs/cgroup").join(below)).unwrap();
        fs::metadata(self.path("sys/fs/cgroup").join(below)).unwrap().ino()
    }

    async fn ask(&self, ask: Ask) {
        self.asks.send(ask).await.unwrap();
    }

    /// Everything up to what is waited for.
    async fn until(&mut self, mut wanted: impl FnMut(&Update) -> bool) -> Vec<Update> {
        let mut seen = Vec::new();
        while !seen.last().is_some_and(&mut wanted) {
            let update = timeout(PATIENCE, self.updates.recv()).await;
            assert!(update.is_ok(), "not told: {seen:#?}");
            seen.push(update.unwrap().unwrap());
        }
        seen
    }

    async fn until_fact(&mut self, source: Source, mut wanted: impl FnMut(&Fact) -> bool) -> Vec<Update> {
        self.until(|update| matches!(update, Update::Fact(from, fact) if *from == source && wanted(fact))).await
    }
}

const BUNDLES: &str = "run/containerd/io.containerd.runtime.v2.task/k8s.io";
const POD_LOGS: &str = "var/log/pods";
const RESULTS: &str = "var/lib/cni/results";

fn id(letter: char) -> String {
    letter.to_string().repeat(64)
}

fn sandbox(letter: char) -> String {
    let id = id(letter);
    format!(
        r#"{{"annotations":{{"io.kubernetes.cri.container-type":"sandbox","io.kubernetes.cri.sandbox-id":"{id}",
        "io.kubernetes.cri.sandbox-uid":"{UID}","io.kubernetes.cri.sandbox-namespace":"shop","io.kubernetes.cri.sandbox-name":"web"}},
        "linux":{{"namespaces":[{{"type":"network","path":"/run/netns/x"}}]}}}}"#
    )
}

fn container(sandbox: char) -> String {
    let id = id(sandbox);
    format!(
        r#"{{"annotations":{{"io.kubernetes.cri.container-type":"container","io.kubernetes.cri.sandbox-id":"{id}",
        "io.kubernetes.cri.sandbox-uid":"{UID}","io.kubernetes.cri.container-name":"nginx"}}}}"#
    )
}

fn result(sandbox: char) -> String {
    let id = id(sandbox);
    format!(
        r#"{{"kind":"cniCacheV1","containerId":"{id}","networkName":"pods","cniArgs":[["K8S_POD_NAME","web"],["K8S_POD_UID","{UID}"]],
        "result":{{"ips":[{{"address":"10.244.1.2/24"}}]}}}}"#
    )
}

fn is_pod(fact: &Fact) -> bool {
    matches!(fact, Fact::Pod(pod) if &*pod.uid == UID)
}

fn is_container(fact: &Fact, letter: char) -> bool {
    matches!(fact, Fact::Container(container) if *container.id == *id(letter))
}

fn cgroup_of(updates: &[Update], wanted: u64) -> Option<CgroupOf> {
    updates.iter().find_map(|update| match update {
        Update::Fact(Source::Kernel, Fact::Cgroup { id, of }) if *id == wanted => Some(of.clone()),
        _ => None,
    })
}

#[tokio::test]
async fn new_bundle_is_told_and_one_that_is_gone() {
    let mut node = Node::start().await;
    let bundle = format!("{BUNDLES}/{}", id('a'));
    // The file comes after its folder.
    fs::create_dir(node.path(&bundle)).unwrap();
    node.write(&format!("{bundle}/config.json"), &sandbox('a'));
    node.until_fact(Source::Oci, is_pod).await;
    fs::remove_dir_all(node.path(&bundle)).unwrap();
    node.until_fact(Source::Oci, |fact| matches!(fact, Fact::ContainerGone { id: gone } if **gone == *id('a'))).await;
}

#[tokio::test]
async fn folder_that_appears_later_is_watched() {
    let mut node = Node::start().await;
    node.write(&format!("{BUNDLES}/{}/config.json", id('a')), &sandbox('a'));
    node.until_fact(Source::Oci, is_pod).await;
    node.write(&format!("{RESULTS}/pods-{}-eth0", id('a')), &result('a'));
    node.until_fact(Source::Cni, is_pod).await;
    fs::remove_file(node.path(&format!("{RESULTS}/pods-{}-eth0", id('a')))).unwrap();
    node.until_fact(Source::Cni, |fact| matches!(fact, Fact::PodGone { uid, .. } if **uid == *UID)).await;
}

#[tokio::test]
async fn file_that_is_still_being_written_is_read_again() {
    let mut node = Node::start().await;
    node.write(&format!("{BUNDLES}/{}/config.json", id('a')), &sandbox('a'));
    let (whole, path) = (result('a'), format!("{RESULTS}/pods-{}-eth0", id('a')));
    node.write(&path, &whole[..40]);
    node.until_fact(Source::Oci, is_pod).await;
    node.write(&path, &whole);
    let updates = node.until_fact(Source::Cni, is_pod).await;
    let skipped = |update: &Update| {
        matches!(update, Update::Report(Report { source: Source::Cni, state: State::Ready, skipped: 1.., .. }))
    };
    assert!(!updates.iter().any(skipped), "{updates:#?}");
}

#[tokio::test]
async fn cgroup_of_a_new_container_is_told_and_one_that_is_gone() {
    let mut node = Node::start().await;
    let path = format!("kubepods/burstable/pod{UID}/{}", id('b'));
    let cgroup = node.cgroup(&path);
    let updates =
        node.until_fact(Source::Kernel, |fact| matches!(fact, Fact::Cgroup { id, .. } if *id == cgroup)).await;
    assert_eq!(cgroup_of(&updates, cgroup), Some(CgroupOf::Container { id: id('b').into(), pod: Some(UID.into()) }));
    fs::remove_dir(node.path("sys/fs/cgroup").join(path)).unwrap();
    node.until_fact(Source::Kernel, |fact| matches!(fact, Fact::CgroupGone { id } if *id == cgroup)).await;
}

#[tokio::test]
async fn ask_for_a_cgroup_is_answered_after_its_container() {
    let mut node = Node::start().await;
    let path = format!("kubepods/burstable/pod{UID}/{}", id('b'));
    node.write(&format!("{BUNDLES}/{}/config.json", id('a')), &sandbox('a'));
    node.write(&format!("{BUNDLES}/{}/config.json", id('b')), &container('a'));
    let cgroup = node.cgroup(&path);
    node.ask(Ask::Cgroup { id: cgroup, tgid: None }).await;
    let updates =
        node.until_fact(Source::Kernel, |fact| matches!(fact, Fact::Cgroup { id, .. } if *id == cgroup)).await;
    let is_told = |update: &Update| matches!(update, Update::Fact(Source::Oci, fact) if is_container(fact, 'b'));
    assert!(updates.iter().any(is_told), "{updates:#?}");
}

#[tokio::test]
async fn every_ask_for_a_cgroup_is_answered() {
    let mut node = Node::start().await;
    let service = node.cgroup("system.slice/ssh.service");
    for (asked, of) in [(service, CgroupOf::Host { unit: "ssh.service".into() }), (u64::MAX, CgroupOf::Unknown)] {
        for _ in 0..2 {
            node.ask(Ask::Cgroup { id: asked, tgid: Some(1) }).await;
            let updates = node.until_fact(Source::Kernel, |fact| matches!(fact, Fact::Cgroup { .. })).await;
            assert_eq!(cgroup_of(&updates, asked), Some(of.clone()));
        }
    }
}

#[tokio::test]
async fn every_ask_for_a_netns_is_answered() {
    let mut node = Node::start().await;
    node.ask(Ask::Netns(7)).await;
    node.until_fact(Source::Kernel, |fact| *fact == Fact::NetnsUnknown { netns: 7 }).await;

    fs::create_dir_all(node.path("proc/2001/ns")).unwrap();
    symlink("net:[4026532001]", node.path("proc/2001/ns/net")).unwrap();
    node.write("proc/2001/cgroup", &format!("0::/kubepods/pod{UID}/{}\n", id('a')));
    node.write(&format!("{BUNDLES}/{}/init.pid", id('a')), "2001");
    node.write(&format!("{BUNDLES}/{}/config.json", id('a')), &sandbox('a'));
    let with_netns = |fact: &Fact| matches!(fact, Fact::Pod(PodFact { netns: Some(4_026_532_001), .. }));
    node.until_fact(Source::Oci, with_netns).await;
    node.ask(Ask::Netns(4_026_532_001)).await;
    node.until_fact(Source::Oci, with_netns).await;
}

#[tokio::test]
async fn it_ends_when_nobody_listens() {
    let folder = tempfile::tempdir().unwrap();
    let host = Arc::new(HostRoot::open(folder.path()).unwrap());
    let ((sender, updates), (_asks, asked)) = (channel(64), channel(1));
    let run = tokio::spawn(disk::run(host, Teller::new(Source::Kernel, sender), asked));
    // Nothing happens on this node, so that nothing more is told.
    drop(updates);
    assert!(timeout(PATIENCE, run).await.unwrap().unwrap().is_err());
}

/// Cgroups of the kernel's own, which are gone when this is dropped.
struct RealCgroup {
    made: Vec<PathBuf>,
}

impl RealCgroup {
    /// `None` where that is not possible.
    fn make(below: &[&str]) -> Option<Self> {
        let mounts = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(Path::new);
        let mut path = mounts.into_iter().find(|mount| mount.join("cgroup.controllers").exists())?.to_owned();
        let mut cgroup = Self { made: Vec::new() };
        for name in below {
            path.push(name);
            fs::create_dir(&path).ok()?;
            cgroup.made.push(path.clone());
        }
        Some(cgroup)
    }
}

impl Drop for RealCgroup {
    fn drop(&mut self) {
        for path in self.made.iter().rev() {
            let _ = fs::remove_dir(path);
        }
    }
}

#[tokio::test]
async fn cgroup_of_the_kernels_own_is_told_and_looked_up() {
    let mut node = Node::start_at(tempfile::tempdir().unwrap(), Path::new("/")).await;
    let (top, pod, service) = (format!("dnstrace-watch-{}", std::process::id()), format!("pod{UID}"), "x.service");
    let Some(container) = RealCgroup::make(&[&top, "kubepods", &pod, &id('b')]) else {
        return eprintln!("SKIP cannot make a cgroup v2");
    };
    let cgroup = fs::metadata(container.made.last().unwrap()).unwrap().ino();
    let is_told = |fact: &Fact| matches!(fact, Fact::Cgroup { id, .. } if *id == cgroup);
    let updates = node.until_fact(Source::Kernel, is_told).await;
    assert_eq!(cgroup_of(&updates, cgroup), Some(CgroupOf::Container { id: id('b').into(), pod: Some(UID.into()) }));

    fs::create_dir(container.made[0].join(service)).unwrap();
    let asked = fs::metadata(container.made[0].join(service)).unwrap().ino();
    node.ask(Ask::Cgroup { id: asked, tgid: None }).await;
    let is_answer = |fact: &Fact| matches!(fact, Fact::Cgroup { id, .. } if *id == asked);
    let updates = node.until_fact(Source::Kernel, is_answer).await;
    fs::remove_dir(container.made[0].join(service)).unwrap();
    assert_eq!(cgroup_of(&updates, asked), Some(CgroupOf::Host { unit: service.into() }));

    drop(container);
    node.until_fact(Source::Kernel, |fact| matches!(fact, Fact::CgroupGone { id } if *id == cgroup)).await;
}
