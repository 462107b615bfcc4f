//! One DNS message at one interface, in words that the product and tcpdump have in common.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use serde_json::Value;

/// One DNS message at one interface.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sighting {
    pub(crate) name: String,
    pub(crate) id: u64,
    pub(crate) is_response: bool,
    pub(crate) ifindex: u64,
    pub(crate) direction: String,
    pub(crate) proto: String,
    pub(crate) src: SocketAddr,
    pub(crate) dst: SocketAddr,
    pub(crate) vlan: Option<u64>,
    pub(crate) len: u64,
}

impl Sighting {
    /// An observation of the product.
    pub(crate) fn of(record: &Value) -> Result<Self> {
        Ok(Self {
            name: record["query"].as_str().unwrap_or_default().to_owned(),
            id: record["transaction_id"].as_u64().context("no transaction_id")?,
            is_response: record["message"] == "response",
            ifindex: record["ifindex"].as_u64().context("no ifindex")?,
            direction: text(record, "direction")?.to_owned(),
            proto: text(record, "proto")?.to_owned(),
            src: socket_address(record, "src")?,
            dst: socket_address(record, "dest")?,
            vlan: record["vlan"].as_u64(),
            len: record["len"].as_u64().context("no len")?,
        })
    }
}

/// `src` and `src_port`, or `dest` and `dest_port`.
pub(crate) fn socket_address(record: &Value, end: &str) -> Result<SocketAddr> {
    let port = record[format!("{end}_port")].as_u64().with_context(|| format!("no {end}_port"))?;
    Ok(SocketAddr::new(text(record, end)?.parse()?, u16::try_from(port)?))
}

fn text<'v>(record: &'v Value, key: &str) -> Result<&'v str> {
    record[key].as_str().with_context(|| format!("no {key} in {record}"))
}
