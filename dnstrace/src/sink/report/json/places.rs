//! Servers, and where queries without a response were last seen.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use crate::rules::report::{Asked, LastSeen, Place, most_missed};
use crate::sink::escape;
use crate::sink::json::PlaceRecord;
use crate::sink::report::Observed;

/// As in the record of a transaction: `dest` is who answers, `dest_orig` whom the client asked.
#[derive(Debug, Serialize)]
pub(super) struct ServerName {
    dest: IpAddr,
    dest_port: u16,
    #[serde(flatten)]
    service: Option<Service>,
}

#[derive(Debug, Serialize)]
struct Service {
    dest_orig: IpAddr,
    dest_orig_port: u16,
}

impl ServerName {
    pub(super) fn new(asked: &Asked) -> Self {
        let service = |_: SocketAddr| Service { dest_orig: asked.server.ip(), dest_orig_port: asked.server.port() };
        let answers = asked.after_nat.unwrap_or(asked.server);
        Self { dest: answers.ip(), dest_port: answers.port(), service: asked.after_nat.map(service) }
    }
}

/// Queries without a response, by whom they were sent to and where they were last seen.
#[derive(Debug, Serialize)]
pub(super) struct Unanswered {
    no_response: u64,
    outstanding: u64,
    #[serde(flatten)]
    place: Option<Seen>,
}

#[derive(Debug, Serialize)]
struct Seen {
    /// As asked.
    dest: IpAddr,
    dest_port: u16,
    #[serde(flatten)]
    place: PlaceRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    process_dest: Option<Process>,
}

#[derive(Debug, Serialize)]
struct Process {
    pid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    comm: Option<String>,
}

/// Each place, and all others together.
pub(super) fn unanswered(observed: &Observed) -> (Vec<Unanswered>, Option<Unanswered>) {
    let places = &observed.report.last_seen;
    let told = most_missed(places)
        .into_iter()
        .map(|(place, seen)| Unanswered::new(Some(Seen::new(observed, place, seen)), seen));
    (told.collect(), places.others().map(|seen| Unanswered::new(None, seen)))
}

impl Unanswered {
    fn new(place: Option<Seen>, seen: &LastSeen) -> Self {
        Self { no_response: seen.no_response, outstanding: seen.outstanding, place }
    }
}

impl Seen {
    fn new(observed: &Observed, place: &Place, seen: &LastSeen) -> Self {
        let process = seen.server_socket.process;
        Self {
            dest: place.server.ip(),
            dest_port: place.server.port(),
            place: PlaceRecord::new(place.point, &observed.interfaces),
            process_dest: process.map(|process| Process { pid: process.tgid, comm: escape::comm(&process.comm) }),
        }
    }
}
