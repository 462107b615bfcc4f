//! Nodes as their files show them, to the facts that are told of them. `UPDATE_GOLDEN=1 cargo test` writes what comes out
//! now; read the diff.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use dnstrace::owner::fact::{Fact, Source};
use dnstrace::owner::sources::disk::{self, OwnNetns};
use dnstrace::owner::sources::host::HostRoot;
use dnstrace::owner::sources::{Report, Update};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::Value;
use tempfile::TempDir;

const NODE_NETNS: u32 = 4_026_531_840;

fn trees() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts")
}

/// Ours is the node's, and the number in an interface's name is its index.
fn own() -> OwnNetns {
    OwnNetns {
        inode: Some(NODE_NETNS),
        index_of: |name| name.trim_start_matches(|letter: char| !letter.is_ascii_digit()).parse().ok(),
        addresses: || vec!["192.0.2.2".parse().unwrap()],
    }
}

/// `== path` begins a file, `== path/` is a folder, `== path -> target` a link. `<id a>` is a container ID, `<uid 1>` a
/// UID, `<uid_ 1>` one as systemd writes it.
fn build(tree: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = fill_in(tree);
    for part in text.split("\n== ").skip(1) {
        let (head, content) = part.split_once('\n').unwrap_or((part, ""));
        let (path, target) = head.split_once(" -> ").unwrap_or((head, ""));
        let place = folder.path().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        if path.ends_with('/') {
            fs::create_dir_all(place).unwrap();
        } else if !target.is_empty() {
            symlink(target, place).unwrap();
        } else if path.ends_with("/cmdline") {
            fs::write(place, content.trim().replace(' ', "\0")).unwrap();
        } else {
            fs::write(place, content).unwrap();
        }
    }
    folder
}

fn fill_in(tree: &str) -> String {
    let mut text = tree.to_owned();
    for letter in "abcdef".chars() {
        text = text.replace(&format!("<id {letter}>"), &letter.to_string().repeat(64));
    }
    for number in 1..5 {
        let uid = format!("6a1f0f6e-0000-4000-8000-00000000000{number}");
        text = text.replace(&format!("<uid_ {number}>"), &uid.replace('-', "_"));
        text = text.replace(&format!("<uid {number}>"), &uid);
    }
    text
}

/// A line for each, without what no two runs have in common: times, and inodes of cgroups.
fn lines(updates: &[Update]) -> String {
    updates.iter().map(line).collect()
}

fn line(update: &Update) -> String {
    match update {
        Update::Fact(source, fact) => format!("{} {}\n", source.name(), without_chance(fact)),
        Update::Report(Report { source, state, found, remedy, skipped }) => {
            format!("{} {state:?} | {found} | {remedy} | skipped {skipped}\n", source.name())
        }
    }
}

fn without_chance(fact: &Fact) -> String {
    let mut fact = serde_json::to_value(fact).unwrap();
    for value in fact.as_object_mut().unwrap().values_mut() {
        let fields = value.as_object_mut().unwrap();
        fields.remove("since");
        if let Some(id) = fields.get_mut("id").filter(|id| id.is_u64()) {
            *id = Value::from("inode");
        }
    }
    fact.to_string()
}

#[track_caller]
fn check(name: &str) {
    let folder = build(&fs::read_to_string(trees().join(format!("{name}.tree"))).unwrap());
    let updates = disk::scan(&HostRoot::open(folder.path()).unwrap(), own());
    // Cgroups come in the order of their inodes.
    let mut found: Vec<String> = lines(&updates).lines().map(str::to_owned).collect();
    found.sort_by_key(|line| (!line.contains("\"cgroup\""), line.contains("\"cgroup\"").then(|| line.clone())));
    let found = found.join("\n") + "\n";
    let golden = trees().join(format!("{name}.facts"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&golden, &found).unwrap();
    }
    assert_eq!(found, fs::read_to_string(&golden).unwrap_or_default(), "{}", golden.display());
}

#[test]
fn containerd_with_the_systemd_driver() {
    check("containerd-systemd");
}

#[test]
fn older_containerd_with_the_cgroupfs_driver() {
    check("containerd-cgroupfs");
}

#[test]
fn crio() {
    check("crio");
}

#[test]
fn k3s() {
    check("k3s");
}

#[test]
fn dual_stack() {
    check("dual-stack");
}

#[test]
fn static_pods_and_the_nodes_network() {
    check("static-pods");
}

#[test]
fn what_is_left_after_a_crash() {
    check("stale");
}

#[test]
fn several_networks() {
    check("multus");
}

#[test]
fn secrets_are_not_told() {
    for name in ["containerd-systemd", "crio"] {
        let folder = build(&fs::read_to_string(trees().join(format!("{name}.tree"))).unwrap());
        let updates = disk::scan(&HostRoot::open(folder.path()).unwrap(), own());
        let told = format!("{updates:?}");
        assert!(!told.contains("hunter2") && !told.contains("TOKEN") && !told.contains("PASSWORD"), "{told}");
    }
}

fn skipped(updates: &[Update], wanted: Source) -> u64 {
    let reports = updates.iter().filter_map(|update| match update {
        Update::Report(report) if report.source == wanted => Some(report.skipped),
        _ => None,
    });
    reports.sum()
}

fn facts_of(updates: &[Update], wanted: Source) -> usize {
    updates.iter().filter(|update| matches!(update, Update::Fact(source, _) if *source == wanted)).count()
}

#[test]
fn files_that_make_no_sense_are_skipped_and_the_rest_is_told() {
    let folder = build(&fs::read_to_string(trees().join("containerd-systemd.tree")).unwrap());
    let below = |path: &str| folder.path().join(path);
    let results = below("var/lib/cni/results");
    let bundles = below("run/containerd/io.containerd.runtime.v2.task/k8s.io");
    let before = disk::scan(&HostRoot::open(folder.path()).unwrap(), own());

    let good = fs::read(results.join(fill_in("bridge-<id a>-eth0"))).unwrap();
    fs::write(results.join("1-truncated"), &good[..good.len() / 2]).unwrap();
    fs::write(results.join("2-wrong-type"), br#"{"kind":"cniCacheV1","containerId":7}"#).unwrap();
    File::create(results.join("3-huge")).unwrap().set_len(100 << 20).unwrap();
    mkfifo(&results.join("4-fifo"), Mode::S_IRWXU).unwrap();
    symlink("5-loop", results.join("5-loop")).unwrap();
    fs::create_dir(results.join("6-folder")).unwrap();
    fs::write(results.join(OsStr::from_bytes(b"7-\xff")), &good).unwrap();

    for (letter, content) in [("c", &b"{\"annotations\":{"[..]), ("d", b"7"), ("e", b"\xff\xfe")] {
        fs::create_dir(bundles.join(letter.repeat(64))).unwrap();
        fs::write(bundles.join(letter.repeat(64)).join("config.json"), content).unwrap();
    }
    fs::create_dir(bundles.join("f".repeat(64))).unwrap();
    mkfifo(&bundles.join("f".repeat(64)).join("config.json"), Mode::S_IRWXU).unwrap();
    fs::create_dir(bundles.join(OsStr::from_bytes(b"\xff"))).unwrap();

    fs::create_dir(below("var/log/pods/nonsense")).unwrap();
    fs::create_dir(below("var/lib/kubelet/pods/no uid")).unwrap();
    fs::remove_file(below("var/lib/kubelet/config.yaml")).unwrap();
    symlink("/var/lib/kubelet/config.yaml", below("var/lib/kubelet/config.yaml")).unwrap();

    let after = disk::scan(&HostRoot::open(folder.path()).unwrap(), own());
    for (source, count) in [(Source::Cni, 7), (Source::Oci, 5), (Source::Logs, 1), (Source::Kubelet, 1)] {
        assert_eq!(skipped(&after, source), count, "{}\n{}", source.name(), lines(&after));
        assert_eq!(facts_of(&after, source), facts_of(&before, source), "{}", source.name());
    }
    assert_eq!(facts_of(&after, Source::KubeletConfig), 0);
}

#[test]
fn node_without_kubernetes_has_no_source() {
    let folder = tempfile::tempdir().unwrap();
    let updates = disk::scan(&HostRoot::open(folder.path()).unwrap(), own());
    assert_eq!(facts_of(&updates, Source::Kernel), 1, "the node itself");
    assert_eq!(updates.len(), 8, "{}", lines(&updates));
}

/// A pod of a sandbox and two containers.
fn add_pod(root: &Path, pod: usize) {
    let (uid, sandbox) = (format!("6a1f0f6e-0000-4000-8000-{pod:012}"), format!("{pod:064x}"));
    let padding = "x".repeat(12_000);
    for (at, kind) in ["sandbox", "container", "container"].into_iter().enumerate() {
        let id = format!("{:064x}", pod + 1000 * at);
        let bundle = root.join("run/containerd/io.containerd.runtime.v2.task/k8s.io").join(&id);
        fs::create_dir_all(root.join(format!("sys/fs/cgroup/kubepods/burstable/pod{uid}/{id}"))).unwrap();
        fs::create_dir_all(&bundle).unwrap();
        let config = format!(
            r#"{{"process":{{"env":["PADDING={padding}"]}},"linux":{{"namespaces":[{{"type":"network"}}]}},
            "annotations":{{"io.kubernetes.cri.container-type":"{kind}","io.kubernetes.cri.sandbox-id":"{sandbox}",
            "io.kubernetes.cri.sandbox-uid":"{uid}","io.kubernetes.cri.sandbox-name":"web-{pod}"}}}}"#
        );
        fs::write(bundle.join("config.json"), config).unwrap();
    }
    let result = format!(
        r#"{{"kind":"cniCacheV1","containerId":"{sandbox}","cniArgs":[["K8S_POD_NAME","web-{pod}"],["K8S_POD_UID","{uid}"]],
        "result":{{"ips":[{{"address":"10.244.1.{pod}/24"}}]}}}}"#
    );
    fs::create_dir_all(root.join("var/lib/cni/results")).unwrap();
    fs::write(root.join(format!("var/lib/cni/results/pods-{sandbox}-eth0")), result).unwrap();
}

#[test]
fn node_of_250_pods_is_told_whole() {
    let folder = tempfile::tempdir().unwrap();
    (0..250).for_each(|pod| add_pod(folder.path(), pod));
    fs::write(folder.path().join("sys/fs/cgroup/cgroup.controllers"), "").unwrap();
    let updates = disk::scan(&HostRoot::open(folder.path()).unwrap(), own());
    let counts = [Source::Kernel, Source::Oci, Source::Cni].map(|source| facts_of(&updates, source));
    assert_eq!(counts, [250 * 4 + 1, 250 * 4, 250]);
}
