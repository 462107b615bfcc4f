//! A line for each client.

use super::page::{Cell, Column, Table, Tone, name, number};
use crate::owner::Party;
use crate::rules::report::{Asker, Client, Report, worst_first};
use crate::sink::{escape, owner};

const COLUMNS: [Column; 12] = [
    name("clients, worst first"),
    number("", "queries"),
    number("", "reached"),
    number("", "answered"),
    number("", "NXDOMAIN"),
    number("", "errors"),
    number("", "TC"),
    number("", "+TCP"),
    number("no", "resp."),
    number("still", "open"),
    number("time", "p50"),
    number("time", "p99"),
];

/// Where the run's end left no query open, nobody needs to see that.
const OPEN: usize = 9;

const NOTE: &str =
    "reached: the server's socket; errors: all but NOERROR, NXDOMAIN; TC: truncated; +TCP: then over TCP";

pub(super) fn table(report: &Report) -> Table {
    let clients = worst_first(&report.clients, |client| &client.tally);
    let mut table = Table::new(&COLUMNS, &clients, |(asker, client)| row(label(asker, client), client));
    table.rows.extend(report.clients.others().map(|others| row("all others".to_owned(), others)));
    table.leave_out_zeros(OPEN);
    table.note = Some(NOTE.to_owned());
    table
}

fn row(label: String, client: &Client) -> Vec<Cell> {
    let tally = &client.tally;
    let reached = if tally.reached == 0 { Cell::unknown() } else { Cell::count(tally.reached, Tone::Plain) };
    let [p50, p99] = Cell::times(&client.times);
    vec![
        Cell::new(label, Tone::Plain),
        Cell::count(tally.queries, Tone::Plain),
        reached,
        Cell::count(tally.answered, Tone::Plain),
        Cell::count(tally.nxdomain, Tone::Plain),
        Cell::count(tally.errors, Tone::Bad),
        Cell::count(tally.truncated, Tone::Warn),
        Cell::count(tally.asked_again, Tone::Plain),
        Cell::count(tally.no_response, Tone::Bad),
        Cell::count(tally.outstanding, Tone::Warn),
        p50,
        p99,
    ]
}

/// `shop/web-7d9c`, or `10.244.0.10 curl, wget`.
fn label(asker: &Asker, client: &Client) -> String {
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
