//! Clients and servers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::counts::{Counts, Times, libcs};
use super::places::ServerName;
use crate::rules::report::{Asker, Client, Server};
use crate::sink::escape;
use crate::sink::json::PartyRecord;

#[derive(Debug, Serialize)]
pub(super) struct ClientRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    src: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    k8s: Option<PartyRecord<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    processes: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    more_processes: bool,
    #[serde(flatten)]
    counts: Counts,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    libc_inferred: BTreeMap<&'static str, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_us: Option<Times>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_latency_us: Option<Times>,
}

impl<'a> ClientRecord<'a> {
    pub(super) fn new(asker: Option<&Asker>, client: &'a Client) -> Self {
        let address = match asker {
            Some(Asker::Address(address)) => Some(*address),
            // A pod by one of its addresses, the first that was seen.
            Some(Asker::Pod(_)) => client.address,
            None => None,
        };
        Self {
            src: address.map(|address| address.to_string()),
            k8s: asker.and_then(|_| PartyRecord::new(client.party.as_ref(), None)),
            processes: client.processes.iter().filter_map(|comm| escape::comm(comm)).collect(),
            more_processes: client.more_processes,
            counts: Counts::new(&client.tally),
            libc_inferred: libcs(&client.libcs),
            latency_us: Times::new(&client.times),
            server_latency_us: Times::new(&client.server_times),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct ServerRecord<'a> {
    #[serde(flatten)]
    name: Option<ServerName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    k8s_dest: Option<PartyRecord<'a>>,
    #[serde(flatten)]
    counts: Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_us: Option<Times>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_latency_us: Option<Times>,
}

impl<'a> ServerRecord<'a> {
    pub(super) fn new(name: Option<ServerName>, server: &'a Server) -> Self {
        Self {
            name,
            k8s_dest: PartyRecord::new(server.party.as_ref(), server.service.as_deref()),
            counts: Counts::new(&server.tally),
            latency_us: Times::new(&server.at_client),
            server_latency_us: Times::new(&server.at_server),
        }
    }
}
