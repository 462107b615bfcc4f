//! The path of a transaction on the node: from the pod's socket through its veth to CoreDNS's socket, and back.

use anyhow::{Context, Result, bail, ensure};
use dnstrace_tests::kube::CLUSTER_DNS;
use serde_json::Value;

use crate::Client;

/// An error says what of the transaction is not as it must be.
pub(crate) fn check(transaction: &Value, client: &Client, servers: &[Client]) -> Result<()> {
    check_ends(transaction, client, servers).with_context(|| shown(transaction))
}

/// A line for each observation point, for a person who looks for the fault.
pub(crate) fn shown(transaction: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let hops = transaction["path"].as_array().into_iter().flatten().map(|hop| {
        let [message, place, src, dest] = [&hop["message"], &point(hop).into(), &hop["src"], &hop["dest"]].map(text);
        format!("\n    {message} {place}: {src}:{} to {dest}:{}", hop["src_port"], hop["dest_port"])
    });
    let known = ["id", "ts", "record_type", "query", "outcome"].map(|field| text(&transaction[field])).join(" ");
    format!("\n  {known}{}", hops.collect::<String>())
}

fn check_ends(transaction: &Value, client: &Client, servers: &[Client]) -> Result<()> {
    ensure!(transaction["outcome"] == "answered", "{}", transaction["outcome"]);
    ensure!(transaction["cgroup_id"] == client.cgroup_id, "cgroup {}", transaction["cgroup_id"]);
    ensure!(transaction["process"]["comm"] == "lookup", "process {}", transaction["process"]);
    ensure!(transaction["process_dest"]["comm"] == "coredns", "server {}", transaction["process_dest"]);
    let server = server(transaction, servers)?;
    let there = points(transaction, "query")?;
    let back = points(transaction, "response")?;
    check_way(&there, client.veth.as_deref(), server).context("query")?;
    // The way back is the same with the ends exchanged.
    check_way(&reversed(&back), client.veth.as_deref(), server).context("response")?;
    ensure!(CLUSTER_DNS.iter().any(|&address| transaction["dest_orig"] == address), "{}", transaction["dest_orig"]);
    Ok(())
}

/// The DNS pod that the Service sent it to.
fn server<'a>(transaction: &Value, servers: &'a [Client]) -> Result<&'a str> {
    let has = |server: &&Client| server.pod.addresses.iter().any(|address| transaction["dest"] == address.to_string());
    let server = servers.iter().find(has).with_context(|| format!("server {}", transaction["dest"]))?;
    server.veth.as_deref().context("CoreDNS has the node's network")
}

fn check_way(points: &[String], veth: Option<&str>, server: &str) -> Result<()> {
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

/// The observation points of one message, in time order.
fn points(transaction: &Value, message: &str) -> Result<Vec<String>> {
    let Some(path) = transaction["path"].as_array() else { bail!("no path") };
    Ok(path.iter().filter(|hop| hop["message"] == message).map(point).collect())
}

/// `socket out`, `veth1 in`.
fn point(hop: &Value) -> String {
    let place = if hop["hook"] == "socket" { &hop["hook"] } else { &hop["interface"] };
    format!("{} {}", place.as_str().unwrap_or("?"), hop["direction"].as_str().unwrap_or("?"))
}
