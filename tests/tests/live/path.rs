//! The way of a query through the node and back.

use std::net::IpAddr;

use anyhow::{Context, Result, ensure};
use dnstrace_tests::node::{NODE_V4, SERVICE_V4, SERVICE_V6, UPSTREAM_V4, wire};
use serde_json::Value;

use crate::cast::{Cast, Peer, ask, can_run};
use crate::watch::Watch;
use dnstrace_tests::servers::{Program, Server};

#[test]
fn hops_lead_through_service_nat_to_the_servers_socket_and_back() {
    if can_run("hop path", &["tcpdump"]) {
        hop_path(SERVICE_V4, |cast| cast.server.v4).unwrap();
        hop_path(SERVICE_V6, |cast| cast.server.v6).unwrap();
    }
}

const THROUGH_THE_SERVICE: [&str; 12] = [
    "query socket - out",
    "query device vcli1 in",
    "query device cni0 in",
    "query device cni0 out",
    "query device vdns1 out",
    "query socket - in",
    "response socket - out",
    "response device vdns1 in",
    "response device cni0 in",
    "response device cni0 out",
    "response device vcli1 out",
    "response socket - in",
];
/// Of the steps above, those before and after the NAT.
const ASKED_SERVICE: [usize; 6] = [0, 1, 2, 9, 10, 11];

fn hop_path(service: IpAddr, endpoint: fn(&Cast) -> IpAddr) -> Result<()> {
    let (cast, _peer) = Cast::with_peer()?;
    let watch = Watch::start(&cast.node)?;
    ask(&cast.client, "udp", service, &[wire::query(1, "a.example", wire::A)])?;
    let seen = watch.end()?;
    let transaction = seen.only("a.example")?;
    ensure!(steps(transaction) == THROUGH_THE_SERVICE, "{:#?}", steps(transaction));
    ensure!(transaction["dest_orig"] == service.to_string(), "{transaction:#}");
    ensure!(transaction["dest"] == endpoint(&cast).to_string(), "{transaction:#}");
    ensure!(transaction["cgroup_id"] == cast.client.cgroup().id()?, "{transaction:#}");
    ensure!(transaction["netns"] == cast.client.netns().inode()?, "{transaction:#}");
    for (index, hop) in hops(transaction).enumerate() {
        let server = if hop["message"] == "query" { &hop["dest"] } else { &hop["src"] };
        let expected = if ASKED_SERVICE.contains(&index) { service } else { endpoint(&cast) };
        ensure!(*server == expected.to_string(), "{hop}");
    }
    // Observations are the same hops, each on its own, and belong together.
    let observed: Vec<String> = seen.observations.iter().map(step).collect();
    ensure!(observed == THROUGH_THE_SERVICE, "{observed:#?}");
    let first = &seen.observations[0]["transaction"];
    ensure!(seen.observations.iter().all(|observation| observation["transaction"] == *first));
    Ok(())
}

#[test]
fn masqueraded_query_to_the_upstream_is_caused_by_the_clients() {
    if can_run("masquerade", &["tcpdump"]) {
        masquerade().unwrap();
    }
}

const TO_THE_UPSTREAM: [&str; 10] = [
    "query socket - out",
    "query device vdns1 in",
    "query device cni0 in",
    "query device up0 out",
    "query socket - in",
    "response socket - out",
    "response device up0 in",
    "response device cni0 out",
    "response device vdns1 out",
    "response socket - in",
];

fn masquerade() -> Result<()> {
    let cast = Cast::new()?;
    let upstream = cast.node.upstream()?;
    let _peer = Peer::serve(&upstream, &[upstream.v4])?;
    let _coredns = Server::start(Program::CoreDns, &cast.server)?;
    let watch = Watch::start(&cast.node)?;
    ask(&cast.client, "udp", SERVICE_V4, &[wire::query(2, "a.example", wire::A)])?;
    let seen = watch.end()?;
    let of = |client: IpAddr| {
        let of_client = seen.named("a.example").into_iter().find(|record| record["src"] == client.to_string());
        of_client.with_context(|| format!("no transaction of {client}: {:#?}", seen.transactions))
    };
    let (asked, forwarded) = (of(cast.client.v4)?, of(cast.server.v4)?);
    ensure!(seen.transactions.len() == 2, "{:#?}", seen.transactions);
    ensure!(steps(asked) == THROUGH_THE_SERVICE, "{:#?}", steps(asked));
    ensure!(steps(forwarded) == TO_THE_UPSTREAM, "{:#?}", steps(forwarded));
    ensure!(forwarded["cause"] == asked["id"], "{forwarded:#}");
    ensure!(forwarded["dest"] == UPSTREAM_V4.to_string() && forwarded["dest_orig"].is_null(), "{forwarded:#}");
    ensure!(forwarded["process"]["comm"] == "coredns" && asked["process_dest"]["comm"] == "coredns", "{forwarded:#}");
    let on_the_wire = |hop: &&Value| hop["interface"] == "up0";
    for hop in hops(forwarded).filter(on_the_wire) {
        let client = if hop["message"] == "query" { &hop["src"] } else { &hop["dest"] };
        ensure!(*client == NODE_V4.to_string(), "{hop}");
    }
    Ok(())
}

/// The hops of a transaction.
pub(crate) fn hops(transaction: &Value) -> impl Iterator<Item = &Value> {
    transaction["path"].as_array().into_iter().flatten()
}

/// `message hook interface direction` of each hop.
pub(crate) fn steps(transaction: &Value) -> Vec<String> {
    hops(transaction).map(step).collect()
}

/// `message hook interface direction`.
pub(crate) fn step(hop: &Value) -> String {
    ["message", "hook", "interface", "direction"].map(|key| hop[key].as_str().unwrap_or("-")).join(" ")
}
