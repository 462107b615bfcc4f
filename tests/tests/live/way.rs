//! The way of a transaction through the devices, as far as it does not depend on who watches: what sockets saw is left out,
//! and times.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::path::hops;
use crate::sighting::socket_address;

/// A transaction's way.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Way {
    name: String,
    id: u64,
    /// At the first device.
    client: SocketAddr,
    steps: Vec<Step>,
}

/// One message at one device.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Step {
    is_response: bool,
    attempt: u64,
    ifindex: u64,
    is_out: bool,
    src: SocketAddr,
    dst: SocketAddr,
}

/// The ways of those transactions that devices saw, in an order that does not depend on times.
pub(crate) fn ways(transactions: &[Value]) -> Result<Vec<Way>> {
    let ways = transactions.iter().map(way).collect::<Result<Vec<Option<Way>>>>()?;
    let mut ways: Vec<Way> = ways.into_iter().flatten().collect();
    ways.sort();
    Ok(ways)
}

fn way(transaction: &Value) -> Result<Option<Way>> {
    let at_devices = hops(transaction).filter(|hop| hop["hook"] == "device");
    let steps = at_devices.map(step).collect::<Result<Vec<_>>>()?;
    let Some(first) = steps.first() else { return Ok(None) };
    Ok(Some(Way {
        name: transaction["query"].as_str().unwrap_or_default().to_owned(),
        id: transaction["transaction_id"].as_u64().context("no transaction_id")?,
        client: if first.is_response { first.dst } else { first.src },
        steps,
    }))
}

fn step(hop: &Value) -> Result<Step> {
    Ok(Step {
        is_response: hop["message"] == "response",
        attempt: hop["attempt"].as_u64().context("no attempt")?,
        ifindex: hop["ifindex"].as_u64().context("no ifindex")?,
        is_out: hop["direction"] == "out",
        src: socket_address(hop, "src")?,
        dst: socket_address(hop, "dest")?,
    })
}
