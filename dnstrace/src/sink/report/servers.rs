//! A line for each server.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::page::{Cell, Column, Table, Tone, name, number};
use crate::owner::Party;
use crate::rules::report::{Asked, Report, Server, worst_first};
use crate::sink::owner;

/// The port that needs no mention.
const DNS_PORT: u16 = 53;

const COLUMNS: [Column; 10] = [
    name("servers, → behind NAT"),
    number("", "queries"),
    number("", "answered"),
    number("", "errors"),
    number("no", "response"),
    number("still", "open"),
    number("client", "p50"),
    number("client", "p99"),
    number("server", "p50"),
    number("server", "p99"),
];

/// Where the run's end left no query open, nobody needs to see that.
const OPEN: usize = 5;

const NOTE: &str = "server p50, p99: from query to response at the server's own socket";

pub(super) fn table(report: &Report) -> Table {
    let mut servers = worst_first(&report.servers, |server| &server.tally);
    servers.retain(|(_, server)| was_asked(server));
    // A Service of two families, a node with several addresses: what has one name is told apart by address.
    let mut named: BTreeMap<String, usize> = BTreeMap::new();
    for (asked, server) in &servers {
        *named.entry(label(asked, server)).or_default() += 1;
    }
    let mut table = Table::new(&COLUMNS, &servers, |(asked, server)| {
        let label = label(asked, server);
        let is_alone = named.get(&label) == Some(&1);
        row(if is_alone { label } else { format!("{label} ({})", address(asked.server)) }, server)
    });
    table.rows.extend(
        report.servers.others().filter(|others| was_asked(others)).map(|others| row("all others".to_owned(), others)),
    );
    table.leave_out_zeros(OPEN);
    table.note = Some(NOTE.to_owned());
    table
}

/// What answers queries from before the run only has nothing but zeros.
fn was_asked(server: &Server) -> bool {
    server.tally.queries != 0
}

fn row(label: String, server: &Server) -> Vec<Cell> {
    let tally = &server.tally;
    let [client_p50, client_p99] = Cell::times(&server.at_client);
    let [server_p50, server_p99] = Cell::times(&server.at_server);
    vec![
        Cell::new(label, Tone::Plain),
        Cell::count(tally.queries, Tone::Plain),
        Cell::count(tally.answered, Tone::Plain),
        Cell::count(tally.errors, Tone::Bad),
        Cell::count(tally.no_response, Tone::Bad),
        Cell::count(tally.outstanding, Tone::Warn),
        client_p50,
        client_p99,
        server_p50,
        server_p99,
    ]
}

/// `svc kube-system/kube-dns → kube-system/coredns-x`, each as far as it has a name.
fn label(asked: &Asked, server: &Server) -> String {
    let pod = server.party.as_ref().and_then(Party::pod).map(|pod| owner::pod_name(pod));
    let service = server.service.as_deref().map(owner::service);
    match asked.after_nat {
        Some(behind) => {
            let service = service.unwrap_or_else(|| address(asked.server));
            format!("{service} → {}", pod.unwrap_or_else(|| address(behind)))
        }
        None => service.or(pod).unwrap_or_else(|| address(asked.server)),
    }
}

/// Without the port that every server has.
pub(super) fn address(server: SocketAddr) -> String {
    if server.port() == DNS_PORT { server.ip().to_string() } else { server.to_string() }
}
