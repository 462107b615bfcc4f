//! The way of a query through the node and back.

use std::net::IpAddr;

use anyhow::Result;
use dnstrace_tests::node::{SERVICE_V4, SERVICE_V6, wire};
use serde_json::Value;

use crate::cast::{Cast, ask, can_run};
use crate::watch::Watch;

#[test]
fn hops_lead_through_service_nat_to_the_servers_socket_and_back() {
    if can_run("hop path", &["tcpdump"]) {
        hop_path(SERVICE_V4, |cast| cast.server.v4).unwrap();
        hop_path(SERVICE_V6, |cast| cast.server.v6).unwrap();
    }
}

fn hop_path(service: IpAddr, endpoint: fn(&Cast) -> IpAddr) -> Result<()> {
    let (cast, _peer) = Cast::with_peer()?;
    let watch = Watch::start(&cast.node)?;
    ask(&cast.client, "udp", service, &[wire::query(1, "a.example", wire::A)])?;
    let seen = watch.end()?;
    let transaction = seen.only("a.example")?;
    println!("{:#}", transaction);
    println!("{:#?} {}", steps(transaction), endpoint(&cast));
    Ok(())
}

/// `message hook interface direction` of each hop.
pub(crate) fn steps(transaction: &Value) -> Vec<String> {
    let word = |hop: &Value, key: &str| hop[key].as_str().unwrap_or("-").to_owned();
    let step = |hop| ["message", "hook", "interface", "direction"].map(|key| word(hop, key)).join(" ");
    transaction["path"].as_array().into_iter().flatten().map(step).collect()
}
