//! A line for each client.

use super::page::{Cell, Column, Table, Tone, name, number};
use crate::owner::Party;
use crate::rules::report::{Asker, Client, Report, Tally, worst_first};
use crate::sink::{escape, owner};

const COLUMNS: [Column; 14] = [
    name("clients, worst first"),
    number("", "queries"),
    number("", "reached"),
    number("", "answered"),
    number("", "errors"),
    number("", "lost"),
    number("", "looped"),
    number("still", "open"),
    number("TC", "+TCP"),
    number("search", "waste"),
    number("client", "p50"),
    number("client", "p99"),
    number("server", "p50"),
    number("server", "p99"),
];

/// Errors, loops, queries that the run's end left open, truncation: where there is none, nobody needs to see that. The last
/// one first, as the others move up.
const SELDOM: [usize; 4] = [8, 7, 6, 4];

const NOTE: &str = "reached: came out at the server's socket; errors: all but NOERROR and NXDOMAIN; lost: no response, or \
                    one that did not come to its client; TC +TCP: truncated, and how many of these were asked again over \
                    TCP; search waste: queries for names that only the search list made, and that do not exist; columns of \
                    zeros are left out";

pub(super) fn table(report: &Report) -> Table {
    let mut clients = worst_first(&report.clients, |client| &client.tally);
    clients.retain(|(_, client)| has_asked(client));
    let mut table = Table::new(&COLUMNS, &clients, |(asker, client)| row(label(asker, client), client));
    table.rows.extend(
        report.clients.others().filter(|others| has_asked(others)).map(|others| row("all others".to_owned(), others)),
    );
    for at in SELDOM {
        table.leave_out_zeros(at);
    }
    table.note = Some(NOTE.to_owned());
    table
}

/// Who gets responses to queries from before the run only has nothing but zeros.
fn has_asked(client: &Client) -> bool {
    client.tally.queries != 0
}

fn row(label: String, client: &Client) -> Vec<Cell> {
    let tally = &client.tally;
    let reached = if tally.reached == 0 { Cell::unknown() } else { Cell::count(tally.reached, Tone::Plain) };
    let [p50, p99] = Cell::times(&client.times);
    let [server_p50, server_p99] = Cell::times(&client.server_times);
    vec![
        Cell::new(label, Tone::Plain),
        Cell::count(tally.queries, Tone::Plain),
        reached,
        Cell::count(tally.answered - tally.response_lost, Tone::Plain),
        Cell::count(tally.errors, Tone::Bad),
        Cell::count(tally.lost(), Tone::Bad),
        Cell::count(tally.looped, Tone::Bad),
        Cell::count(tally.outstanding, Tone::Warn),
        truncated(tally),
        Cell::count(tally.wasted, Tone::Plain),
        p50,
        p99,
        server_p50,
        server_p99,
    ]
}

/// `4 +3`: one that is not asked again over TCP has an answer that is cut.
fn truncated(tally: &Tally) -> Cell {
    match tally.truncated {
        0 => Cell::count(0, Tone::Plain),
        truncated => Cell::new(format!("{truncated} +{}", tally.asked_again), Tone::Warn),
    }
}

/// `shop/web-7d9c`, or `10.244.0.10 curl, wget`.
pub(super) fn label(asker: &Asker, client: &Client) -> String {
    let address = match (asker, &client.party) {
        (_, Some(Party::Pod { pod, .. })) => return owner::pod_name(pod),
        (_, Some(Party::Remote(_))) => return client.party.as_ref().map(owner::party).unwrap_or_default(),
        (Asker::Address(address), _) => address.to_string(),
        (Asker::Pod(uid), _) => uid.to_string(),
    };
    let names: Vec<_> = client.processes.iter().filter_map(|comm| escape::comm(comm)).collect();
    let more = if client.more_processes { ", …" } else { "" };
    format!("{address} {}{more}", names.join(", ")).trim_end().to_owned()
}
