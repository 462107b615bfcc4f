//! Debian's containerd with runc and CNI plugins, in namespaces of its own: a node without Kubernetes, whose kubelet is
//! the test. It stands in seconds.
//!
//! ```no_run
//! # use dnstrace_tests::containerd::{Containerd, PodSpec};
//! let mut node = Containerd::start()?;
//! let spec = PodSpec { namespace: "shop", name: "web-0", container: "web", nameservers: &["10.0.0.1"], ..PodSpec::default() };
//! let pod = node.run_pod(&spec)?;
//! let said = node.exec(&pod, &["/lookup", "name.example"])?;
//! node.remove_pod(&pod)?;
//! # anyhow::Ok(())
//! ```
//!
//! For `--host-root` there is [`root`](Containerd::root); its pods' packets are in [`netns`](Containerd::netns).

mod cri;
mod message;
mod pod;

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub use self::pod::{PodSpec, RunningPod};

use self::cri::Cri;
use self::message::{
    CreateContainerRequest, ExecSyncRequest, ExecSyncResponse, Id, Nothing, PodSandboxStatusResponse,
    RunPodSandboxRequest,
};
use crate::kube::cgroups::Root;
use crate::kube::space::{self, Space};
use crate::kube::state::{self, State};
use crate::kube::{images, packages, wait};
use crate::node::Netns;

/// One node at a time.
const STATE: &str = "containerd-node";

/// Where the cgroups of its pods are.
const CGROUPS: Root = Root("dnstrace-containerd");

/// Configuration, by where the node has it: as the Kubernetes node's.
const FILES: [(&str, &str); 2] = [
    ("/etc/containerd/config.toml", include_str!("../../kube/containerd.toml")),
    ("/etc/cni/net.d/10-pods.conflist", include_str!("../../kube/cni.conflist")),
];

/// containerd answers within a second; a busy machine needs a multiple.
const START_LIMIT: Duration = Duration::from_secs(30);

/// What a pod says when it is told to must come by then.
const EXEC_LIMIT_S: i64 = 20;

/// The node; when dropped, it goes with everything on it.
#[derive(Debug)]
pub struct Containerd {
    cri: Cri,
    running: Option<Child>,
    space: Space,
    netns: Netns,
    state: State,
    /// No other node's folders are made or removed as long as this one stands.
    _lock: File,
}

impl Containerd {
    /// Starts it, without pods. What is left of one that was killed is removed first.
    pub fn start() -> Result<Self> {
        ensure!(crate::skip::is_root(), "a node needs network namespaces, mounts and cgroups: run this as root");
        let lock = state::lock()?;
        packages::install()?;
        let state = State::named(STATE)?;
        remove(&state)?;
        state.create()?;
        Self::start_in(&state, lock).inspect_err(|_| {
            // The first error is the one to report; what cannot be removed now, the next start finds.
            let _ = remove(&state);
        })
    }

    fn start_in(state: &State, lock: File) -> Result<Self> {
        let netns = Netns::new()?;
        CGROUPS.create()?;
        let space = Space::create(state, &netns.path())?;
        for (path, text) in FILES {
            fs::write(state.on_node(path), text).with_context(|| format!("cannot write the node's {path}"))?;
        }
        let cri = Cri::new(state.on_node("/run/containerd/containerd.sock"))?;
        let mut node = Self { cri, running: None, space, netns, state: state.clone(), _lock: lock };
        node.start_runtime()?;
        images::import(&node.state, &node.space, &[images::PAUSE, images::MUSL])?;
        Ok(node)
    }

    /// What of a node is left on this machine: nothing, when there is none.
    pub fn remains() -> Result<Vec<PathBuf>> {
        let all = CGROUPS.folders()?.into_iter().chain([State::named(STATE)?.path("")]);
        Ok(all.filter(|path| path.exists()).collect())
    }

    /// The node's root directory: what `--host-root` is for a tool in a pod.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.space.root()
    }

    /// The cgroup of all its pods, for `--cgroup`.
    pub fn cgroup(&self) -> Result<PathBuf> {
        CGROUPS.version_2()
    }

    /// The node's netns, where its bridge is.
    #[must_use]
    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    /// Ends containerd and starts it again; pods go on.
    pub fn restart(&mut self) -> Result<()> {
        self.stop_runtime()?;
        self.start_runtime()
    }

    /// Ends containerd; pods go on.
    pub fn stop_runtime(&mut self) -> Result<()> {
        let Some(mut running) = self.running.take() else { return Ok(()) };
        // nsenter waits for its child, which is containerd.
        let parent = running.id();
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))?;
        for child in children.split_whitespace() {
            kill(Pid::from_raw(child.parse()?), Signal::SIGTERM)?;
        }
        running.wait()?;
        Ok(())
    }

    /// Starts containerd, and waits until it answers.
    pub fn start_runtime(&mut self) -> Result<()> {
        let log = File::options().create(true).append(true).open(self.state.log("containerd"))?;
        let mut command = self.space.command("containerd");
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // Ctrl-C in the terminal is for us, not for the node.
        self.running = Some(command.process_group(0).spawn().context("cannot start containerd")?);
        let waited = wait::until_ok("containerd", START_LIMIT, || self.cri.call::<_, Nothing>("Version", Nothing {}));
        wait::explain(waited.map(drop), || self.state.last_log_lines("containerd"))
    }

    /// Runs a pod, as kubelet does.
    pub fn run_pod(&self, spec: &PodSpec<'_>) -> Result<RunningPod> {
        let uid = fs::read_to_string("/proc/sys/kernel/random/uuid")?.trim().to_owned();
        fs::create_dir_all(self.state.on_node(&pod::log_directory(spec, &uid)).join(spec.container))?;
        let sandbox_config = pod::sandbox_config(spec, &uid);
        let run = RunPodSandboxRequest { config: Some(sandbox_config.clone()) };
        let sandbox = self.cri.call::<_, Id>("RunPodSandbox", run)?.id;
        let create = CreateContainerRequest {
            pod_sandbox_id: sandbox.clone(),
            config: Some(pod::container_config(spec, &uid)),
            sandbox_config: Some(sandbox_config),
        };
        let container = self.cri.call::<_, Id>("CreateContainer", create)?.id;
        self.cri.call::<_, Nothing>("StartContainer", Id { id: container.clone() })?;
        self.running_pod(spec, RunningPod { uid, sandbox, container, ..RunningPod::of(spec) })
    }

    /// Stops a pod and removes it, as kubelet does for one that was deleted.
    pub fn remove_pod(&self, pod: &RunningPod) -> Result<()> {
        let (container, sandbox) = (Id { id: pod.container.clone() }, Id { id: pod.sandbox.clone() });
        self.cri.call::<_, Nothing>("StopContainer", container.clone())?;
        self.cri.call::<_, Nothing>("RemoveContainer", container)?;
        self.cri.call::<_, Nothing>("StopPodSandbox", sandbox.clone())?;
        self.cri.call::<_, Nothing>("RemovePodSandbox", sandbox)?;
        CGROUPS.remove_below(&pod::cgroup(&pod.uid))
    }

    /// Runs a program in a pod's container to its end, and returns what it prints.
    pub fn exec(&self, pod: &RunningPod, words: &[&str]) -> Result<String> {
        let request = ExecSyncRequest {
            container_id: pod.container.clone(),
            cmd: words.iter().map(|word| (*word).to_owned()).collect(),
            timeout: EXEC_LIMIT_S,
        };
        let ExecSyncResponse { stdout, stderr, exit_code } = self.cri.call("ExecSync", request)?;
        ensure!(exit_code == 0, "{words:?}: {exit_code}\n{}", String::from_utf8_lossy(&stderr));
        Ok(String::from_utf8_lossy(&stdout).into_owned())
    }

    fn running_pod(&self, spec: &PodSpec<'_>, begun: RunningPod) -> Result<RunningPod> {
        let request = Id { id: begun.sandbox.clone() };
        let answer: PodSandboxStatusResponse = self.cri.call("PodSandboxStatus", request)?;
        let addresses = if spec.host_network { Vec::new() } else { pod::addresses(answer.status) };
        let process = CGROUPS.process(&begun.container)?;
        let netns = fs::metadata(format!("/proc/{process}/ns/net"))?.ino();
        Ok(RunningPod { addresses, process, netns, cgroup: CGROUPS.id(&begun.container)?, ..begun })
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        // Nothing can be done about what the kernel keeps; the next start tries again.
        let _ = remove(&self.state);
        // What it waited for has ended with the others.
        let _ = self.running.take().map(|mut running| running.wait());
    }
}

fn remove(state: &State) -> Result<()> {
    if let Some(space) = Space::existing(state)? {
        space.end()?;
    }
    CGROUPS.remove()?;
    space::remove_mount_points(state)?;
    state.remove()
}
