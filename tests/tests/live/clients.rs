//! Real clients, each asking each real server: every query they make is one answered transaction, by its process.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use dnstrace_tests::node::{Pod, SERVICE_V4};
use dnstrace_tests::servers::{Program, Server};
use dnstrace_tests::{clients, command};
use serde_json::Value;
use tempfile::TempDir;

use crate::cast::{Cast, Peer, can_run};
use crate::watch::{Seen, Watch};

const PACKAGES: [&str; 6] = ["bind9-dnsutils", "dnsmasq-base", "libc-bin", "musl-tools", "tcpdump", "unbound"];

#[test]
fn clients_of_coredns_are_known_by_their_processes() {
    check(Program::CoreDns);
}

#[test]
fn clients_of_unbound_are_known_by_their_processes() {
    check(Program::Unbound);
}

#[test]
fn clients_of_dnsmasq_are_known_by_their_processes() {
    check(Program::Dnsmasq);
}

fn check(server: Program) {
    if can_run("clients and servers", &PACKAGES) {
        clients_ask(server).unwrap();
    }
}

/// A client: what it is run as, its process's name, and what carries its queries.
struct Client {
    program: PathBuf,
    arguments: Vec<String>,
    comm: &'static str,
    proto: &'static str,
    name: String,
}

fn all(folder: &Path) -> Result<Vec<Client>> {
    let service = format!("@{SERVICE_V4}");
    let dig = ["+tries=1", "+time=10", "+noall", "+answer", &service];
    let client = |program: PathBuf, arguments: &[&str], comm, proto, name: &str| {
        // The final dot keeps the search list out of it.
        let name = format!("{name}.example");
        let arguments = arguments.iter().map(ToString::to_string).chain([format!("{name}.")]).collect();
        Client { program, arguments, comm, proto, name }
    };
    Ok(vec![
        client("getent".into(), &["ahosts"], "getent", "udp", "glibc"),
        client(clients::musl(folder)?, &[], "musl-lookup", "udp", "musl"),
        client(clients::go(folder)?, &[], "go-lookup", "udp", "go"),
        client("dig".into(), &[&dig[..], &["+noedns"]].concat(), "dig", "udp", "dig-plain"),
        client("dig".into(), &[&dig[..], &["+bufsize=4096"]].concat(), "dig", "udp", "dig-edns"),
        client("dig".into(), &[&dig[..], &["+tcp"]].concat(), "dig", "tcp", "dig-tcp"),
    ])
}

fn clients_ask(program: Program) -> Result<()> {
    let folder = TempDir::new()?;
    let clients = all(folder.path())?;
    let mut cast = Cast::new()?;
    cast.client.set_resolv_conf(&format!("nameserver {SERVICE_V4}\n"));
    let upstream = cast.node.upstream()?;
    let _peer = Peer::serve(&upstream, &[upstream.v4])?;
    let _server = Server::start(program, &cast.server)?;
    let watch = Watch::start(&cast.node)?;
    for client in &clients {
        run(&cast.client, client).with_context(|| client.name.clone())?;
    }
    let seen = watch.end()?;
    for client in &clients {
        verify(&cast, program, client, &seen).with_context(|| format!("{} of {program:?}", client.name))?;
    }
    Ok(())
}

fn run(pod: &Pod, client: &Client) -> Result<()> {
    command::of(pod.command(&client.program)?.args(&client.arguments)).map(drop)
}

fn verify(cast: &Cast, program: Program, client: &Client, seen: &Seen) -> Result<()> {
    let of = |pod: &Pod| -> Vec<&Value> {
        let address = pod.v4.to_string();
        seen.named(&client.name).into_iter().filter(|record| record["src"] == address).collect()
    };
    let (asked, forwarded) = (of(&cast.client), of(&cast.server));
    ensure!(!asked.is_empty() && !forwarded.is_empty(), "not seen: {:#?}", seen.transactions);
    for record in &asked {
        ensure!(record["outcome"] == "answered" && record["reply_code"] == "NOERROR", "{record:#}");
        ensure!(record["process"]["comm"] == client.comm && record["proto"] == client.proto, "{record:#}");
        ensure!(record["cgroup_id"] == cast.client.cgroup().id()?, "{record:#}");
        ensure!(record["process_dest"]["comm"] == program.comm(), "{record:#}");
        ensure!(record["dest_orig"] == SERVICE_V4.to_string(), "{record:#}");
    }
    let ids: Vec<&Value> = asked.iter().map(|record| &record["id"]).collect();
    for record in &forwarded {
        ensure!(record["process"]["comm"] == program.comm(), "{record:#}");
        ensure!(ids.contains(&&record["cause"]), "no cause: {record:#}");
    }
    Ok(())
}
