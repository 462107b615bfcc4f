//! Clients and servers.

use serde::Serialize;

use super::counts::{Counts, Times};
use super::places::ServerName;
use crate::rules::report::{Client, Server};
use crate::sink::escape;

#[derive(Debug, Serialize)]
pub(super) struct ClientRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    src: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    processes: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    more_processes: bool,
    #[serde(flatten)]
    counts: Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_us: Option<Times>,
}

impl ClientRecord {
    pub(super) fn new(src: Option<String>, client: &Client) -> Self {
        Self {
            src,
            processes: client.processes.iter().filter_map(|comm| escape::comm(comm)).collect(),
            more_processes: client.more_processes,
            counts: Counts::new(&client.tally),
            latency_us: Times::new(&client.times),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct ServerRecord {
    #[serde(flatten)]
    name: Option<ServerName>,
    #[serde(flatten)]
    counts: Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_us: Option<Times>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_latency_us: Option<Times>,
}

impl ServerRecord {
    pub(super) fn new(name: Option<ServerName>, server: &Server) -> Self {
        Self {
            name,
            counts: Counts::new(&server.tally),
            latency_us: Times::new(&server.at_client),
            server_latency_us: Times::new(&server.at_server),
        }
    }
}
