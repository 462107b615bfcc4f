//! What is dropped and what is rejected says so, with its transaction, live and in a recording.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use dnstrace_tests::command;
use dnstrace_tests::node::{SERVICE_V4, SERVICE_V6, wire};
use dnstrace_tests::product::{self, Run};
use serde_json::Value;

use crate::cast::{Cast, ask, can_run};

#[test]
fn query_that_a_policy_drops_is_dropped_at_its_rule() {
    if can_run("policy drop", &[]) {
        policy().unwrap();
    }
}

fn policy() -> Result<()> {
    for service in [SERVICE_V4, SERVICE_V6] {
        let cast = Cast::new()?;
        cast.node.deny_dns()?;
        let (transaction, _) =
            watched(&cast, |cast| ask(&cast.client, "send", service, &[wire::query(1, "dropped.example", wire::A)]))?;
        let drops: Vec<&Value> = signs(&transaction).filter(|sign| sign["event"] == "dropped").collect();
        ensure!(drops.len() == 1, "{transaction:#}");
        let (reason, location) = (&drops[0]["reason"], &drops[0]["location"]);
        ensure!(reason == "NETFILTER_DROP" && location == "nft_do_chain", "{}", drops[0]);
        ensure!(drops[0]["hook"] == "drop" && drops[0]["message"] == "query", "{}", drops[0]);
        // Behind the Service's NAT, which nothing saw the query after.
        let endpoint = if service.is_ipv4() { cast.server.v4 } else { cast.server.v6 };
        ensure!(drops[0]["dest"] == endpoint.to_string(), "{transaction:#}");
    }
    Ok(())
}

#[test]
fn query_to_a_closed_port_has_no_socket() {
    if can_run("closed port", &[]) {
        closed_port().unwrap();
    }
}

fn closed_port() -> Result<()> {
    let cast = Cast::new()?;
    let (transaction, text) =
        watched(&cast, |cast| ask(&cast.client, "send", SERVICE_V4, &[wire::query(1, "dropped.example", wire::A)]))?;
    let dropped = signs(&transaction).find(|sign| sign["event"] == "dropped").context("no drop")?;
    ensure!(dropped["reason"] == "NO_SOCKET" && dropped["location"] == "__udp4_lib_rcv", "{dropped}");
    ensure!(dropped["netns"] == cast.server.netns().inode()?, "{dropped}");
    ensure!(text.contains("dropped NO_SOCKET at __udp4_lib_rcv"), "{text}");
    // The server says it, too, and the node sees it pass.
    let rejected = signs(&transaction).find(|sign| sign["event"] == "icmp").context("no ICMP error")?;
    ensure!(rejected["from"] == cast.server.v4.to_string() && rejected["icmp_type"] == 3, "{rejected}");
    ensure!(rejected["icmp_code"] == 3 && rejected["message"] == "query", "{rejected}");
    ensure!(text.contains(&format!("ICMP port unreachable from {}", cast.server.v4)), "{text}");
    Ok(())
}

/// The only transaction that was recorded while `traffic` went, as it is read back; and the same as text.
fn watched(cast: &Cast, traffic: impl FnOnce(&Cast) -> Result<()>) -> Result<(Value, String)> {
    let folder = tempfile::tempdir()?;
    let recording = folder.path().join("drops.pcapng");
    let output = recording.to_str().context("no text")?;
    let cgroup = cast.node.cgroup().path().to_str().context("no text")?;
    let arguments = ["--print", "--path", "--format", "json", "--cgroup", cgroup];
    let run = Run::start(cast.node.netns(), &[&["record", "--output", output][..], &arguments].concat())?;
    traffic(cast)?;
    let records = run.stop()?.json()?;
    product::same_as_replayed(&records, &recording, &[])?;
    let summary = records.iter().find(|record| record["kind"] == "summary").context("no summary")?;
    ensure!(summary["adds_up"] == true, "{summary:#}");
    let mut ours = records.iter().filter(|record| record["query"] == "dropped.example");
    let transaction = ours.next().context("no transaction")?.clone();
    ensure!(ours.next().is_none(), "more than one transaction");
    let mut read = Command::new(product::binary()?);
    let text = command::of(read.arg("read").arg(&recording).args(["--name", "dropped.example"]))?;
    Ok((transaction, text))
}

fn signs(transaction: &Value) -> impl Iterator<Item = &Value> {
    transaction["signs"].as_array().into_iter().flatten()
}
