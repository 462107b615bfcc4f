//! Queries that got no response, or not at once.

use anyhow::{Result, ensure};
use dnstrace_tests::command;
use dnstrace_tests::node::{SERVICE_V4, wire};

use crate::cast::{Cast, ask, can_run};
use crate::path::{hops, step, steps};
use crate::watch::Watch;

#[test]
fn retransmission_is_a_second_attempt_of_one_transaction() {
    if can_run("retransmission", &["tcpdump"]) {
        retransmission().unwrap();
    }
}

fn retransmission() -> Result<()> {
    let (mut cast, _peer) = Cast::with_peer()?;
    // glibc sends the same bytes again from the same port when a second has passed.
    cast.client.set_resolv_conf(&format!("nameserver {SERVICE_V4}\noptions timeout:1 attempts:3\n"));
    let watch = Watch::start(&cast.node)?;
    command::of(cast.client.command("getent")?.args(["ahostsv4", "first-lost.example."]))?;
    let seen = watch.end()?;
    let transaction = seen.only("first-lost.example")?;
    ensure!(transaction["outcome"] == "answered" && transaction["retransmits"] == 1, "{transaction:#}");
    ensure!(transaction["latency_us"].as_u64() > Some(1_000_000), "from the first attempt: {transaction:#}");
    ensure!(transaction["process"]["comm"] == "getent", "{transaction:#}");
    let at_server =
        |attempt| hops(transaction).filter(|hop| hop["attempt"] == attempt && step(hop) == "query socket - in").count();
    ensure!([at_server(0), at_server(1)] == [1, 1], "both reached the server: {:#?}", steps(transaction));
    ensure!(hops(transaction).filter(|hop| hop["message"] == "response").all(|hop| hop["attempt"] == 1));
    ensure!(seen.summary["retransmits"] == 1 && seen.summary["answered"] == 1, "{:#}", seen.summary);
    Ok(())
}

#[test]
fn query_that_the_server_ignores_was_last_seen_at_its_socket() {
    if can_run("no response", &["tcpdump"]) {
        let (cast, _peer) = Cast::with_peer().unwrap();
        no_response(&cast, "silent.example", "query socket - in").unwrap();
    }
}

#[test]
fn query_that_the_node_drops_was_last_seen_entering_the_bridge() {
    if can_run("drop in the node", &["nftables", "tcpdump"]) {
        let (cast, _peer) = Cast::with_peer().unwrap();
        let drop = "table inet drops { chain forward { type filter hook forward priority 0; udp dport 53 drop; }; }";
        command::of(cast.node.command("nft").arg(drop)).unwrap();
        no_response(&cast, "dropped.example", "query device cni0 in").unwrap();
    }
}

#[test]
fn response_that_the_node_drops_was_last_seen_leaving_the_server() {
    if can_run("response dropped in the node", &["nftables", "tcpdump"]) {
        response_dropped().unwrap();
    }
}

fn response_dropped() -> Result<()> {
    let (cast, _peer) = Cast::with_peer()?;
    let drop = "table inet drops { chain forward { type filter hook forward priority 0; udp sport 53 drop; }; }";
    command::of(cast.node.command("nft").arg(drop))?;
    let watch = Watch::start(&cast.node)?;
    ask(&cast.client, "send", SERVICE_V4, &[wire::query(3, "a.example", wire::A)])?;
    watch.next(|record| record["query"] == "a.example")?;
    let seen = watch.end()?;
    let transaction = seen.only("a.example")?;
    let last = hops(transaction).last().map(step);
    ensure!(last.as_deref() == Some("response device cni0 in"), "{last:?}");
    Ok(())
}

fn no_response(cast: &Cast, name: &str, last: &str) -> Result<()> {
    let watch = Watch::with(&cast.node, &["--timeout", "1s"])?;
    ask(&cast.client, "send", SERVICE_V4, &[wire::query(4, name, wire::A)])?;
    let ended = watch.next(|record| record["query"] == name)?;
    ensure!(ended["outcome"] == "no-response" && ended["timeout"] == true, "{ended:#}");
    ensure!(step(&ended["last_seen"]) == last, "{ended:#}");
    let seen = watch.end()?;
    ensure!(seen.only(name)? == &ended && seen.summary["no_response"] == 1, "{:#}", seen.summary);
    Ok(())
}

#[test]
fn second_response_is_counted_with_its_transaction() {
    if can_run("duplicate response", &["tcpdump"]) {
        duplicate_response().unwrap();
    }
}

fn duplicate_response() -> Result<()> {
    let (cast, _peer) = Cast::with_peer()?;
    let watch = Watch::start(&cast.node)?;
    ask(&cast.client, "udp", SERVICE_V4, &[wire::query(5, "twice.example", wire::A)])?;
    let seen = watch.end()?;
    let transaction = seen.only("twice.example")?;
    ensure!(transaction["duplicate_responses"] == 1 && transaction["outcome"] == "answered", "{transaction:#}");
    Ok(())
}
