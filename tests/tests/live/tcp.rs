//! TCP: after truncation, in pieces, many in one, large; and UDP datagrams larger than a frame.

use anyhow::{Result, ensure};
use dnstrace_tests::command;
use dnstrace_tests::node::{SERVICE_V4, SERVICE_V6, wire};
use serde_json::Value;

use crate::cast::{Cast, ask, can_run};
use crate::path::step;
use crate::watch::{Seen, Watch};

#[test]
fn truncated_response_is_followed_by_the_same_name_over_tcp() {
    if can_run("truncation", &["bind9-dnsutils", "tcpdump"]) {
        truncation().unwrap();
    }
}

fn truncation() -> Result<()> {
    let (cast, _peer) = Cast::with_peer()?;
    let watch = Watch::start(&cast.node)?;
    let server = format!("@{SERVICE_V4}");
    command::of(cast.client.command("dig")?.args([&server, "truncated.example", "A", "+tries=1"]))?;
    let seen = watch.end()?;
    let both = seen.named("truncated.example");
    let of = |proto| both.iter().filter(move |record| record["proto"] == proto);
    ensure!(both.len() == 2 && of("udp").count() == 1 && of("tcp").count() == 1, "{both:#?}");
    ensure!(of("udp").all(|record| record["truncated"] == true && record["answer_count"] == 0), "{both:#?}");
    ensure!(of("tcp").all(|record| record["truncated"] == false && record["answer_count"] == 1), "{both:#?}");
    ensure!(seen.summary["truncated"] == 1);
    Ok(())
}

#[test]
fn tcp_message_of_one_byte_segments_is_one_observation_at_each_point() {
    if can_run("TCP split", &["tcpdump"]) {
        in_pieces("bytewise", 1).unwrap();
    }
}

#[test]
fn pipelined_tcp_queries_are_a_transaction_each() {
    if can_run("TCP pipelined", &["tcpdump"]) {
        in_pieces("tcp", 20).unwrap();
        in_pieces("bytewise", 3).unwrap();
    }
}

fn in_pieces(verb: &str, count: u16) -> Result<()> {
    let (cast, _peer) = Cast::with_peer()?;
    for service in [SERVICE_V4, SERVICE_V6] {
        let watch = Watch::start(&cast.node)?;
        let queries: Vec<Vec<u8>> = (0..count).map(|id| wire::query(id, &format!("q{id}.example"), wire::A)).collect();
        ask(&cast.client, verb, service, &queries)?;
        let seen = watch.end()?;
        for id in 0..count {
            let transaction = seen.only(&format!("q{id}.example"))?;
            ensure!(transaction["outcome"] == "answered" && transaction["proto"] == "tcp", "{transaction:#}");
            ensure!(transaction["path"].as_array().map(Vec::len) == Some(12), "{transaction:#}");
        }
        let packets = seen.ledger("packets")?;
        ensure!(packets["skipped"] == 0 && (verb == "tcp" || packets["held"].as_u64() > Some(100)), "{packets}");
    }
    Ok(())
}

#[test]
fn large_response_over_tcp_is_whole() {
    if can_run("large TCP response", &["tcpdump"]) {
        large_over_tcp().unwrap();
    }
}

fn large_over_tcp() -> Result<()> {
    let (cast, _peer) = Cast::with_peer()?;
    let watch = Watch::start(&cast.node)?;
    // More than two frames hold: a super-packet, or several segments.
    ask(&cast.client, "tcp", SERVICE_V4, &[wire::query(1, "huge.example", wire::A)])?;
    ask(&cast.client, "tcp", SERVICE_V6, &[wire::query(2, "huge.v6.example", wire::A)])?;
    let seen = watch.end()?;
    whole(&seen, "huge.example", 250)?;
    whole(&seen, "huge.v6.example", 250)
}

fn whole(seen: &Seen, name: &str, count: usize) -> Result<()> {
    let transaction = seen.only(name)?;
    ensure!(transaction["answer_count"] == count, "{transaction:#}");
    // As many as a record may have.
    ensure!(transaction["answers"].as_array().map(Vec::len) == Some(count.min(64)), "{transaction:#}");
    ensure!(transaction["capture_truncated"].is_null(), "{transaction:#}");
    Ok(())
}

#[test]
fn response_in_fragments_is_whole_at_sockets_and_its_first_fragment_at_devices() {
    if can_run("fragments", &["tcpdump"]) {
        fragments().unwrap();
    }
}

fn fragments() -> Result<()> {
    let (cast, _peer) = Cast::with_peer()?;
    let watch = Watch::start(&cast.node)?;
    ask(&cast.client, "udp", SERVICE_V4, &[wire::query(1, "huge.example", wire::A)])?;
    ask(&cast.client, "udp", SERVICE_V6, &[wire::query(2, "huge.v6.example", wire::AAAA)])?;
    let seen = watch.end()?;
    for name in ["huge.example", "huge.v6.example"] {
        let transaction = seen.only(name)?;
        ensure!(transaction["outcome"] == "answered" && transaction["answer_count"] == 250, "{transaction:#}");
    }
    let cut = |record: &&Value| record["message"] == "response" && record["capture_truncated"] == true;
    let cut: Vec<String> = seen.observations.iter().filter(cut).map(step).collect();
    ensure!(!cut.is_empty() && cut.iter().all(|step| step.starts_with("response device ")), "{cut:#?}");
    let device = seen.ledger("device_hook")?;
    ensure!(device["fragment"].as_u64() > Some(0), "later fragments are counted: {device}");
    Ok(())
}
