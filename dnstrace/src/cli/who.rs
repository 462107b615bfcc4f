//! What a person types about who is who: where to learn it, and who is meant.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use globset::{Glob, GlobMatcher};

use super::Failure;
use super::message::say;
use crate::owner::fact::{ClusterDnsFact, Fact, Source};
use crate::owner::sources::{CriOption, KubeOption, RemoteOption, SourceOptions, Sources, host};
use crate::owner::{Note, Role};
use crate::sink::{Own, PartyFilter};

/// The port of cluster DNS where none is given.
const DNS_PORT: u16 = 53;

/// Where to learn who is who on this node.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Who is who")]
pub(super) struct SourceArguments {
    /// The node's root directory [default: found by itself, /host in a debug pod]
    #[arg(long, value_name = "PATH")]
    pub(super) host_root: Option<PathBuf>,

    /// Socket of the container runtime: auto, off, or a path like /run/containerd/containerd.sock
    #[arg(long, value_name = "SOCKET", default_value = "auto", value_parser = cri)]
    pub(super) cri: CriOption,

    /// API server: auto uses the credentials at hand if there are any; off, or the file of a kubeconfig
    #[arg(long, value_name = "KUBECONFIG", default_value = "auto", value_parser = kube)]
    pub(super) kube: KubeOption,

    /// Ask the API server for pods of other nodes, at most five a second; watch follows all pods of the cluster
    #[arg(long, value_enum, value_name = "HOW", default_value = "off", num_args = 0..=1, require_equals = true,
          default_missing_value = "ask")]
    pub(super) resolve_remote: RemoteArgument,

    /// This node's name in the cluster [default: what kubelet was told, or the host's name]
    #[arg(long, value_name = "NAME")]
    pub(super) node_name: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum RemoteArgument {
    Off,
    Ask,
    Watch,
}

/// What is known of cluster DNS, and who is meant.
#[derive(Debug, Args)]
pub(super) struct WhoArguments {
    /// Where pods send their queries, if that is not found by itself; can be repeated
    #[arg(long, global = true, value_name = "IP[:PORT]", value_delimiter = ',', value_parser = server,
          help_heading = "Who is who")]
    pub(super) cluster_dns: Vec<SocketAddr>,

    /// The cluster domain, if that is not found by itself
    #[arg(long, global = true, value_name = "NAME", help_heading = "Who is who")]
    pub(super) cluster_domain: Option<String>,

    /// Only what these pods ask or are asked; can be repeated
    #[arg(long, global = true, value_name = "GLOB", value_parser = glob, help_heading = "Filter")]
    pub(super) pod: Vec<GlobMatcher>,

    /// Only pods of these Kubernetes namespaces
    #[arg(short, long, global = true, value_name = "GLOB", value_delimiter = ',', value_parser = glob,
          help_heading = "Filter")]
    pub(super) namespace: Vec<GlobMatcher>,

    /// Only containers with these names
    #[arg(long, global = true, value_name = "GLOB", value_parser = glob, help_heading = "Filter")]
    pub(super) container: Vec<GlobMatcher>,

    /// Only pods of these Deployments, StatefulSets, DaemonSets or Jobs
    #[arg(long, global = true, value_name = "GLOB", value_parser = glob, help_heading = "Filter")]
    pub(super) workload: Vec<GlobMatcher>,

    /// Only what asks cluster DNS (client), what cluster DNS asks (upstream), what the node itself asks, or others
    #[arg(long, global = true, value_enum, value_name = "ROLE", value_delimiter = ',', help_heading = "Filter")]
    pub(super) role: Vec<RoleArgument>,

    /// Leave out what dnstrace itself asks
    #[arg(long, global = true, value_name = "BOOL", default_value_t = true, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", action = clap::ArgAction::Set, help_heading = "Filter")]
    pub(super) exclude_self: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum RoleArgument {
    Client,
    Upstream,
    Node,
    Other,
}

impl From<RoleArgument> for Role {
    fn from(argument: RoleArgument) -> Self {
        match argument {
            RoleArgument::Client => Self::Client,
            RoleArgument::Upstream => Self::Upstream,
            RoleArgument::Node => Self::Node,
            RoleArgument::Other => Self::Other,
        }
    }
}

/// Starts the sources of this node.
pub(super) fn start(arguments: &SourceArguments) -> Result<Sources, Failure> {
    let options = options(arguments)?;
    Sources::start(options).map_err(|error| Failure::Start(format!("cannot learn who is who: {error}")))
}

fn options(arguments: &SourceArguments) -> Result<SourceOptions, Failure> {
    let host_root = arguments.host_root.clone().unwrap_or_else(|| host::find(Path::new("/")));
    if !host_root.is_dir() {
        return Err(Failure::Start(format!("--host-root {}: no such directory", host_root.display())));
    }
    Ok(SourceOptions {
        host_root,
        cri: arguments.cri.clone(),
        kube: arguments.kube.clone(),
        remote: match arguments.resolve_remote {
            RemoteArgument::Off => RemoteOption::Off,
            RemoteArgument::Ask => RemoteOption::Ask,
            RemoteArgument::Watch => RemoteOption::Watch,
        },
        node: arguments.node_name.as_deref().map(Into::into),
        notice: |line| say(&format!("dnstrace: {line}")),
    })
}

/// What was typed of cluster DNS, as facts.
pub(super) fn cluster_dns(arguments: &WhoArguments) -> Vec<Note> {
    let domain = arguments.cluster_domain.as_deref().map(|domain| domain.trim_matches('.').into());
    if arguments.cluster_dns.is_empty() && domain.is_none() {
        return Vec::new();
    }
    let fact = ClusterDnsFact { servers: arguments.cluster_dns.clone(), endpoints: Vec::new(), domain };
    vec![Note { at: None, source: Source::User, fact: Fact::ClusterDns(fact) }]
}

/// What a file of `dnstrace owners --format json` says.
pub(super) fn read_owners(files: &[PathBuf]) -> Result<Vec<Note>, Failure> {
    let mut notes = Vec::new();
    for file in files {
        let failed = |why: String| Failure::Start(format!("{}: {why}", file.display()));
        let text = fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty()) {
            let not_one = || failed(format!("line {number} is none of `dnstrace owners --format json`"));
            notes.push(Note::read(line).ok_or_else(not_one)?);
        }
    }
    Ok(notes)
}

/// Whom a filter means.
pub(super) fn parties(arguments: &WhoArguments) -> PartyFilter {
    PartyFilter {
        pods: arguments.pod.clone(),
        namespaces: arguments.namespace.clone(),
        containers: arguments.container.clone(),
        workloads: arguments.workload.clone(),
    }
}

/// Ourselves, as the kernel's hooks see us.
pub(super) fn own(arguments: &WhoArguments) -> Option<Own> {
    if !arguments.exclude_self {
        return None;
    }
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    if namespace == Path::new(FIRST_PID_NAMESPACE) {
        return Some(Own::Process(std::process::id()));
    }
    // In a container of its own, our cgroup is the root of what is seen.
    let path = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = path.lines().find_map(|line| line.strip_prefix("0::/"))?.to_owned();
    fs::metadata(Path::new("/sys/fs/cgroup").join(path)).ok().map(|folder| Own::Cgroup(folder.ino()))
}

/// The PID namespace of the machine itself always has this inode (`PROC_PID_INIT_INO`, `include/linux/proc_ns.h`).
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";

fn glob(text: &str) -> Result<GlobMatcher, String> {
    Glob::new(text).map(|glob| glob.compile_matcher()).map_err(|error| error.kind().to_string())
}

fn server(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse::<IpAddr>().map(|address| SocketAddr::new(address, DNS_PORT));
    address
        .or_else(|_| text.parse())
        .map_err(|_not_one| "no address; give one like 10.96.0.10 or [fd00::a]:5353".to_owned())
}

#[expect(clippy::unnecessary_wraps, reason = "clap takes parsers that may fail")]
fn cri(text: &str) -> Result<CriOption, String> {
    Ok(match text {
        "auto" => CriOption::Auto,
        "off" => CriOption::Off,
        path => CriOption::Socket(PathBuf::from(path.strip_prefix("unix://").unwrap_or(path))),
    })
}

#[expect(clippy::unnecessary_wraps, reason = "clap takes parsers that may fail")]
fn kube(text: &str) -> Result<KubeOption, String> {
    Ok(match text {
        "auto" => KubeOption::Auto,
        "off" => KubeOption::Off,
        path => KubeOption::Config(PathBuf::from(path)),
    })
}
