//! The demo's node with what runs on it: pods that ask, pods that answer, the world.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use dnstrace_tests::node::{Node, Pod, UPSTREAM_V4};
use tempfile::TempDir;

use super::client::CLIENTS;
use super::zone;

/// All of it; gone when dropped, programs first.
pub(super) struct Cluster {
    programs: Vec<Program>,
    /// What CoreDNS reads.
    _configuration: Option<TempDir>,
    /// Pods that ask, as `CLIENTS` lists them.
    clients: Vec<Pod>,
    _servers: [Pod; 2],
    _upstream: Pod,
    node: Node,
}

/// A running program, killed when dropped.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail when it has ended, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Cluster {
    /// The node and its servers, which answer from when this returns. The clients do not ask yet.
    pub(super) fn start(coredns: Option<&Path>) -> Result<Self> {
        let node = Node::new()?;
        let clients = CLIENTS.iter().map(|client| node.pod(client.interface)).collect::<Result<_>>()?;
        let servers = [node.pod("vdns1")?, node.pod("vdns2")?];
        let upstream = node.upstream()?;
        node.service(&[&servers[0], &servers[1]])?;
        let configuration = coredns.map(|_| configuration()).transpose()?;
        let mut programs = vec![server(&mut own(&upstream, &["upstream"])?, "ready")?];
        for pod in &servers {
            programs.push(match (coredns, &configuration) {
                (Some(program), Some(folder)) => server(&mut coredns_in(pod, program, folder.path())?, COREDNS_READY)?,
                _ => server(&mut own(pod, &["cluster-dns"])?, "ready")?,
            });
        }
        Ok(Self { programs, _configuration: configuration, clients, _servers: servers, _upstream: upstream, node })
    }

    /// Lets the clients ask, until the cluster is dropped.
    pub(super) fn start_clients(&mut self) -> Result<()> {
        for (client, pod) in CLIENTS.iter().zip(&self.clients) {
            let child = own(pod, &["client", client.name])?.stdin(Stdio::null()).spawn();
            self.programs.push(Program(child.with_context(|| format!("cannot start {}", client.name))?));
        }
        Ok(())
    }

    /// The node.
    pub(super) fn node(&self) -> &Node {
        &self.node
    }
}

/// Starts a server and waits for the line that says that it answers.
fn server(command: &mut Command, ready: &str) -> Result<Program> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let name = command.get_program().display();
    let mut program = Program(child.with_context(|| format!("cannot start {name}"))?);
    // The pipe stays open in the program's hands: CoreDNS would die of a closed one.
    let mut lines = BufReader::new(program.0.stdout.as_mut().context("no stdout of a server")?);
    let mut line = String::new();
    while !line.starts_with(ready) {
        line.clear();
        ensure!(lines.read_line(&mut line)? > 0, "{name} ended before it was ready");
    }
    Ok(program)
}

/// This program as a part of the demo, in a pod, without the terminal's Ctrl-C: it ends with the demo.
fn own(pod: &Pod, arguments: &[&str]) -> Result<Command> {
    let mut command = pod.command(std::env::current_exe()?)?;
    command.arg("demo").args(arguments).process_group(0);
    Ok(command)
}

/// The last line of its begin.
const COREDNS_READY: &str = "CoreDNS-";

fn coredns_in(pod: &Pod, program: &Path, folder: &Path) -> Result<Command> {
    let mut command = pod.command(program)?;
    command.arg("-conf").arg(folder.join("Corefile")).current_dir(folder).process_group(0);
    Ok(command)
}

/// The cluster zone in a file instead of the `kubernetes` plugin, which would need an API server.
fn configuration() -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let corefile = format!("cluster.local {{\n  file cluster.local.zone\n}}\n. {{\n  forward . {UPSTREAM_V4}\n}}\n");
    fs::write(folder.path().join("Corefile"), corefile)?;
    fs::write(folder.path().join("cluster.local.zone"), zone::cluster_file())?;
    Ok(folder)
}
