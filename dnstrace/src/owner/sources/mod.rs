//! Where facts come from: each source is a task that tells what it knows, and what changes.
//!
//! They run on a thread of their own, so that a file system or a server that hangs holds up nobody. Facts cross to the
//! pipeline's thread in a bounded channel; asks go the other way, and are never waited for.

mod api;
pub mod cri;
pub mod disk;
pub mod host;
mod notice;
mod teller;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use tokio::sync::mpsc::{Receiver, Sender, channel};

pub use self::teller::{NobodyListens, Report, State, Teller, Update};

use self::host::HostRoot;
use self::notice::Notices;
use super::fact::{Source, Text};

/// Facts on their way: those of a large node at its start. Beyond it sources wait.
const UPDATES_MAX: usize = 4_096;
/// Asks on their way. Beyond it one is not asked: what was seen once is seen again.
const ASKS_MAX: usize = 1_024;
/// Facts that are taken at once: the ring buffer must not wait for more.
const DRAIN_MAX: usize = 1_024;

/// Which sources there are to be.
#[derive(Clone, Debug)]
pub struct SourceOptions {
    /// The node's root directory: `/`, `/host` in a debug pod, `/proc/1/root`.
    pub host_root: PathBuf,
    /// The container runtime's socket.
    pub cri: CriOption,
    /// The API server.
    pub kube: KubeOption,
    /// Whether to ask the API server for pods of other nodes.
    pub remote: RemoteOption,
    /// This node's name in the cluster; `None` is to find out.
    pub node: Option<Text>,
    /// Takes a line for a person where a source that should be there is not.
    pub notice: fn(&str),
}

/// `--cri`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CriOption {
    /// The socket that is found at one of the usual places, below the host's root.
    Auto,
    /// None.
    Off,
    /// This one, as it is: not below the host's root.
    Socket(PathBuf),
}

/// `--kube`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KubeOption {
    /// With the credentials at hand: of the pod we are in, or the user's own; none is no error.
    Auto,
    /// Not at all.
    Off,
    /// With this kubeconfig.
    Config(PathBuf),
}

/// `--resolve-remote`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteOption {
    /// Addresses only.
    Off,
    /// Each address that is asked for, at most so many a second.
    Ask,
    /// A watch of all pods of the cluster.
    Watch,
}

/// What the pipeline could not resolve: the source that may know looks at once instead of at its next turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// A cgroup id that no fact has named, with a process that was seen there. The disk source answers each with a
    /// [`Fact::Cgroup`](super::fact::Fact::Cgroup), `Unknown` if need be, after the facts on its container and pod.
    Cgroup {
        /// Inode of its directory.
        id: u64,
        /// Process ID, on the host.
        tgid: Option<u32>,
    },
    /// A netns that no fact has named. The disk source answers each: with the pod, or
    /// [`Fact::NetnsUnknown`](super::fact::Fact::NetnsUnknown).
    Netns(u32),
    /// An address that no fact has named; for the API source, when it is to resolve other nodes' pods.
    Address(std::net::IpAddr),
}

/// The sources, while they run. They end with the process, or when nobody takes what they tell.
pub struct Sources {
    updates: Receiver<Update>,
    asks: Asks,
    /// Those that have told everything they know, or why they do not.
    have_told: BTreeSet<Source>,
}

/// Where asks go. What is full is not waited for.
#[derive(Clone)]
struct Asks {
    disk: Sender<Ask>,
    cri: Sender<Ask>,
    api: Sender<Ask>,
}

impl Asks {
    fn ask(&self, ask: Ask) {
        // Whoever is not there, or behind, is not asked: the pipeline does not wait for it.
        match ask {
            Ask::Cgroup { .. } | Ask::Netns(_) => {
                let _ = self.disk.try_send(ask);
                let _ = self.cri.try_send(ask);
            }
            Ask::Address(_) => {
                let _ = self.api.try_send(ask);
            }
        }
    }
}

impl Sources {
    /// Starts them.
    pub fn start(options: SourceOptions) -> io::Result<Self> {
        let (sender, updates) = channel(UPDATES_MAX);
        let (disk, disk_asks) = channel(ASKS_MAX);
        let (cri, cri_asks) = channel(ASKS_MAX);
        let (api, api_asks) = channel(ASKS_MAX);
        let host = Arc::new(HostRoot::open(&options.host_root)?);
        let (told, forwarded) = channel(UPDATES_MAX);
        let teller = Teller::new(Source::Kernel, told);
        let notice = options.notice;
        let node = options.node.clone().or_else(|| disk::node_name(&host));
        let SourceOptions { cri: cri_option, host_root, kube, remote, .. } = options;
        // Files are read where nobody waits for them: a file system may hang.
        on_a_thread("owner-disk", disk::run(host, teller.clone(), disk_asks))?;
        let ask_runtime = cri::run(cri_option, host_root.clone(), teller.of(Source::Cri), cri_asks);
        let options = api::ApiOptions { kube, remote, node, host_root };
        let ask_server = api::run(options, teller.of(Source::Api), api_asks);
        drop(teller);
        on_a_thread("owner-asking", async move {
            // Each ends when nobody listens any more, or has nobody to ask.
            let _ = tokio::join!(forward(forwarded, sender, notice), ask_runtime, ask_server);
        })?;
        Ok(Self { updates, asks: Asks { disk, cri, api }, have_told: BTreeSet::new() })
    }

    /// What asks them.
    #[must_use]
    pub fn asking(&self) -> Box<dyn FnMut(Ask) + Send> {
        let asks = self.asks.clone();
        Box::new(move |ask| asks.ask(ask))
    }

    /// Takes what they have told, within bounds.
    pub fn drain(&mut self, mut each: impl FnMut(Update)) {
        for _ in 0..DRAIN_MAX {
            let Ok(update) = self.updates.try_recv() else { return };
            if let Update::Report(Report { source, state, .. }) = &update
                && *state != State::Starting
            {
                self.have_told.insert(*source);
            }
            each(update);
        }
    }

    /// Whether every source has told what it knows when it started, or why it does not; as far as it was taken.
    #[must_use]
    pub fn have_told_all(&self) -> bool {
        Source::OF_NODE.iter().all(|source| self.have_told.contains(source))
    }

    /// Waits for what one of them tells next; `None` when all have ended.
    pub async fn next(&mut self) -> Option<Update> {
        self.updates.recv().await
    }
}

/// Runs a task, and what it starts, on a thread of its own, which ends with the process.
fn on_a_thread<T>(name: &str, task: impl Future<Output = T> + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let run = move || {
        runtime.block_on(task);
        // Whoever looks names up for it may hang in the C library.
        runtime.shutdown_background();
    };
    thread::Builder::new().name(name.to_owned()).spawn(run).map(drop)
}

/// Passes on what is told; what is wrong is said, too.
async fn forward(mut told: Receiver<Update>, out: Sender<Update>, notice: fn(&str)) {
    let mut notices = Notices::default();
    while let Some(update) = told.recv().await {
        if let Update::Report(report) = &update
            && let Some(line) = notices.of(report)
        {
            notice(&line);
        }
        if out.send(update).await.is_err() {
            return;
        }
    }
}
