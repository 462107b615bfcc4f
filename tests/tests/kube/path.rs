//! The path of a transaction on the node: from the pod's socket through its veth to CoreDNS's socket, and back.

use anyhow::{Context, Result, bail, ensure};
use dnstrace_tests::kube::CLUSTER_DNS;
use serde_json::Value;

use crate::Client;

/// An error says what of the transaction is not as it must be.
pub(crate) fn check(transaction: &Value, client: &Client, servers: &[Client]) -> Result<()> {
    ensure!(transaction["outcome"] == "answered", "{}", transaction["outcome"]);
    ensure!(transaction["cgroup_id"] == client.cgroup_id, "cgroup {}", transaction["cgroup_id"]);
    ensure!(transaction["process"]["comm"] == "lookup", "process {}", transaction["process"]);
    ensure!(transaction["process_dest"]["comm"] == "coredns", "server {}", transaction["process_dest"]);
    ensure!(CLUSTER_DNS.iter().any(|&address| transaction["dest_orig"] == address), "{}", transaction["dest_orig"]);
    let server = server(transaction, servers)?;
    let there = points(transaction, "query")?;
    let back = points(transaction, "response")?;
    let between = client.veth.as_deref().into_iter().collect::<Vec<_>>();
    check_way(&there, &between, server).with_context(|| format!("query: {}", there.join(" ▸ ")))?;
    // The way back is the same with the ends exchanged.
    check_way(&reversed(&back), &between, server).with_context(|| format!("response: {}", back.join(" ▸ ")))
}

/// The DNS pod that the Service sent it to.
fn server<'a>(transaction: &Value, servers: &'a [Client]) -> Result<&'a str> {
    let has = |server: &&Client| server.pod.addresses.iter().any(|address| transaction["dest"] == address.to_string());
    let server = servers.iter().find(has).with_context(|| format!("server {}", transaction["dest"]))?;
    server.veth.as_deref().context("CoreDNS has the node's network")
}

fn check_way(points: &[String], veth: &[&str], server: &str) -> Result<()> {
    let mut way = vec!["socket out".to_owned()];
    way.extend(veth.iter().map(|veth| format!("{veth} in")));
    ensure!(points.starts_with(&way), "does not begin with {}", way.join(" ▸ "));
    let end = [format!("{server} out"), "socket in".to_owned()];
    ensure!(points.ends_with(&end), "does not end with {}", end.join(" ▸ "));
    Ok(())
}

/// Seen from the other end: what went out came in.
fn reversed(points: &[String]) -> Vec<String> {
    let turned = points.iter().rev().map(|point| match point.rsplit_once(' ') {
        Some((place, "in")) => format!("{place} out"),
        Some((place, _)) => format!("{place} in"),
        None => point.clone(),
    });
    turned.collect()
}

/// The observation points of one message, in time order: `socket out`, `veth1 in`.
fn points(transaction: &Value, message: &str) -> Result<Vec<String>> {
    let Some(path) = transaction["path"].as_array() else { bail!("no path") };
    let hops = path.iter().filter(|hop| hop["message"] == message);
    hops.map(|hop| {
        let place = if hop["hook"] == "socket" { &hop["hook"] } else { &hop["interface"] };
        Ok(format!("{} {}", place.as_str().context("a hop without a place")?, hop["direction"].as_str().unwrap_or("?")))
    })
    .collect()
}
