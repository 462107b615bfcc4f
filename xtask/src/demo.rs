//! `cargo xtask demo`: what dnstrace shows on a throw-away node whose pods look up names that exist, do not exist, are never
//! answered, and do not fit. Nothing is installed; where the node cannot be made, a recording shows the same.

mod client;
mod cluster;
mod forward;
mod screen;
mod server;
mod signals;
mod tracer;
mod zone;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use clap::{Subcommand, ValueEnum};
use dnstrace_tests::{command, product, skip};
use nix::errno::Errno;

use cluster::Cluster;
use tracer::Tracer;

/// Arguments.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    /// This CoreDNS instead of the embedded cluster DNS
    #[arg(long, value_name = "PATH")]
    coredns: Option<PathBuf>,
    /// End after this time, for example 20s or 5m
    #[arg(long = "for", value_name = "TIME", default_value = "20s")]
    duration: String,
    /// Lines for people, or one JSON object a line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The hops of each transaction below it
    #[arg(long)]
    path: bool,
    /// Also record what is shown to this pcapng file
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// What this program is when the demo starts it again in a pod.
#[derive(Subcommand)]
#[command(hide = true)]
enum Part {
    /// The cluster's DNS
    ClusterDns,
    /// The world's DNS
    Upstream,
    /// What looks up names
    Client {
        /// Its name: what it looks up
        pod: String,
    },
}

/// Stub resolvers of the demo give up after four seconds; dnstrace's own 5 s would show it only when the demo is over.
const QUERY_TIMEOUT: &str = "2500ms";

/// Runs it.
pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.part {
        Some(Part::ClusterDns) => server::run(server::Role::ClusterDns),
        Some(Part::Upstream) => server::run(server::Role::Upstream),
        Some(Part::Client { pod }) => client::run(pod),
        None => show(args),
    }
}

fn show(args: &Args) -> Result<()> {
    eprintln!("building dnstrace");
    if !skip::is_root() {
        return replay(&built()?, args, "a throw-away node needs root (`sudo -E cargo xtask demo`)");
    }
    let binary = product::binary()?;
    // From here on a signal waits until what was made can be removed.
    let signals = signals::Signals::block()?;
    let cluster = match Cluster::start(args.coredns.as_deref()) {
        Err(error) if is_forbidden(&error) => return replay(&binary, args, &format!("{error:#}")),
        cluster => cluster?,
    };
    live(&binary, args, cluster, &signals)
}

/// The product; where root built it, nobody else can build it again, and what there is will do.
fn built() -> Result<PathBuf> {
    product::binary().or_else(|error| {
        let beside = std::env::current_exe()?.with_file_name("dnstrace");
        ensure!(beside.exists(), error);
        eprintln!("cannot build it: this is the one of the last build");
        Ok(beside)
    })
}

/// dnstrace on the cluster's node until it ends, or a signal comes.
fn live(binary: &Path, args: &Args, mut cluster: Cluster, signals: &signals::Signals) -> Result<()> {
    eprintln!("\n{}", screen::introduction());
    let mut dnstrace = cluster.node().command(binary);
    match &args.record {
        None => dnstrace.arg("trace"),
        Some(file) => dnstrace.args(["record", "--print", "--output"]).arg(file),
    };
    // Only what this node's pods do: other DNS of the machine is none of the demo's business.
    dnstrace.arg("--cgroup").arg(cluster.node().cgroup().path()).args(["--for", &args.duration]);
    let tracer = Tracer::start(dnstrace.args(view(args)))?;
    cluster.start_clients()?;
    tracer.until_end(signals)
}

/// The same from the recording in the tree.
fn replay(binary: &Path, args: &Args, reason: &str) -> Result<()> {
    eprintln!("{reason}\nso this is a recording of one");
    eprintln!("\n{}", screen::introduction());
    let mut dnstrace = Command::new(binary);
    command::visible(dnstrace.arg("read").arg(product::workspace().join(RECORDING)).args(view(args)))
}

/// Below the top of the source tree; `--record` and `gzip -9n` make it.
const RECORDING: &str = "tests/captures/demo.pcapng.gz";

fn view(args: &Args) -> Vec<&'static str> {
    let format = match args.format {
        Format::Text => "text",
        Format::Json => "json",
    };
    let mut view = vec!["--timeout", QUERY_TIMEOUT, "--format", format];
    view.extend(args.path.then_some("--path"));
    view
}

/// Whether the kernel says that this process may not do it, as in a container without privileges.
fn is_forbidden(error: &anyhow::Error) -> bool {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>();
        let errno = cause.downcast_ref::<Errno>();
        io.is_some_and(|io| [PermissionDenied, ReadOnlyFilesystem].contains(&io.kind()))
            || errno.is_some_and(|errno| [Errno::EPERM, Errno::EACCES, Errno::EROFS].contains(errno))
    })
}
