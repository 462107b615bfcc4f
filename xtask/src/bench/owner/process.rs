//! The memory of a whole process that has learned who is who of every source: `dnstrace owners`, which ends when each has
//! told what it knows. The API server is asked without TLS, which adds less than half a MiB.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use dnstrace_tests::product;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::cluster::{self, Cluster};
use super::names::{self, CONTAINERS, HOST_NETWORK, NODE, PODS};
use super::{runtime, tree};
use crate::bench::peak;

/// The most of several counts.
const ROUNDS: u32 = 5;

/// What was measured.
pub(super) struct Measured {
    /// Peaks in KiB: of a process with every source,
    pub(super) whole_kib: u64,
    /// and of one with none.
    pub(super) without_kib: u64,
    /// Requests that the API server got of one process,
    pub(super) requests: u32,
    /// and with `--kube off`.
    pub(super) requests_off: u32,
}

/// A node with its runtime and its API server.
struct Node {
    folder: TempDir,
    cluster: Cluster,
    /// Whoever answers, until it is dropped.
    _threads: Runtime,
}

/// Measures it.
pub(super) fn run() -> Result<Measured> {
    let node = Node::new()?;
    let mut measured = Measured { whole_kib: 0, without_kib: 0, requests: 0, requests_off: 0 };
    for _ in 0..ROUNDS {
        let (before, kib) = (node.cluster.requests(), node.with_everything()?);
        measured.whole_kib = measured.whole_kib.max(kib);
        measured.requests = measured.requests.max(node.cluster.requests() - before);
        let before = node.cluster.requests();
        node.without_api_server()?;
        measured.requests_off = measured.requests_off.max(node.cluster.requests() - before);
        measured.without_kib = measured.without_kib.max(node.without_anything()?);
    }
    Ok(measured)
}

impl Node {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let threads = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let cluster = Cluster::serve(threads.handle())?;
        let path = |name| folder.path().join(name);
        runtime::serve(threads.handle(), &path("cri.sock"))?;
        fs::write(path("kubeconfig"), cluster.kubeconfig())?;
        fs::create_dir(path("empty"))?;
        tree::build(&path("node"))?;
        Ok(Self { folder, cluster, _threads: threads })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn with_everything(&self) -> Result<u64> {
        let kubeconfig = self.path("kubeconfig");
        let kib = self.owners("node", &self.path("cri.sock"), &kubeconfig)?;
        check(&fs::read_to_string(self.path("table"))?)?;
        Ok(kib)
    }

    /// Credentials are at hand, and not used.
    fn without_api_server(&self) -> Result<u64> {
        self.owners("node", &self.path("cri.sock"), Path::new("off"))
    }

    fn without_anything(&self) -> Result<u64> {
        self.owners("empty", Path::new("off"), Path::new("off"))
    }

    fn owners(&self, root: &str, cri: &Path, kube: &Path) -> Result<u64> {
        let mut command = Command::new(product::binary()?);
        command.arg("owners").arg("--host-root").arg(self.path(root)).arg("--cri").arg(cri).arg("--kube").arg(kube);
        command.env("KUBECONFIG", self.path("kubeconfig"));
        command.stdin(Stdio::null()).stdout(File::create(self.path("table"))?).stderr(Stdio::null());
        peak::of(&mut command)
    }
}

/// Every source has told everything: otherwise the memory is not that of all sources.
fn check(table: &str) -> Result<()> {
    for pod in 0..PODS {
        let name = format!("{}/{}", names::namespace(pod), names::pod(pod));
        let row = line(table, &name)?;
        let said = wanted(pod);
        ensure!(said.iter().all(|said| row.contains(said)), "{said:?} is not all in: {row}");
    }
    let own = PODS - PODS / HOST_NETWORK;
    for (source, found) in [
        ("kernel", format!("{} cgroups of pods and containers", 2 * PODS + CONTAINERS)),
        ("cni", format!("{own} pods")),
        ("oci", format!("{PODS} pods and {CONTAINERS} containers")),
        ("cri", format!("{PODS} pods, {CONTAINERS} containers")),
        ("kubelet", format!("{PODS} pods in /var/lib/kubelet/pods")),
        ("logs", format!("{PODS} pods in /var/log/pods")),
        ("api", format!("{PODS} pods of {NODE}; {} Services; cluster DNS with", cluster::SERVICES + 1)),
        ("resolv-conf", format!("cluster DNS in /etc/resolv.conf of {PODS} pods")),
        ("kubelet-config", "cluster DNS 10.96.0.10".to_owned()),
    ] {
        let row = line(table, source)?;
        ensure!(row.split_whitespace().nth(1) == Some("ok") && row.contains(&found), "not {found:?}: {row}");
    }
    Ok(())
}

/// kubelet's file is asked only where nobody else knows a pod's addresses; it is read all the same.
fn wanted(pod: u32) -> Vec<String> {
    let mut wanted: Vec<String> = names::containers(pod).map(names::container).to_vec();
    wanted.push(format!("Deployment {}", names::deployment(pod)));
    if names::has_host_network(pod) {
        wanted.extend(["the node's", "  oci cri logs api"].map(str::to_owned));
    } else {
        wanted.extend(names::addresses(pod).map(|address| address.to_string()));
        wanted.push("  cni oci cri logs api".to_owned());
    }
    wanted
}

fn line<'a>(table: &'a str, first: &str) -> Result<&'a str> {
    let mut lines = table.lines();
    let row = lines.find(|line| line.split_whitespace().next() == Some(first));
    row.with_context(|| format!("no row of {first} in:\n{table}"))
}
