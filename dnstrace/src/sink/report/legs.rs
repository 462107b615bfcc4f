//! In which leg of their way each client's queries are lost.

use super::clients::label;
use super::page::{Cell, Column, Kind, Table, Tone, name};
use crate::rules::path::Leg;
use crate::rules::report::{Report, Tally, worst_first};

const CLIENTS: Column = name("lost queries of each client, by where");
const TOTAL: Column = Column { head: ["", "lost"], kind: Kind::Number };
const REST: Column = Column { head: ["not", "known"], kind: Kind::Number };

/// Behind the total, and before what is not known.
const FIRST_LEG: usize = 2;

const NOTE: &str = "lost behind the last place where the query, or its response, was seen; what no hook watches (dnstrace \
                    doctor), or another node, cannot be told from lost";

/// `None` when a response to every query came to its client.
pub(super) fn table(report: &Report) -> Option<Table> {
    let mut clients = worst_first(&report.clients, |client| &client.tally);
    clients.retain(|(_, client)| client.tally.lost() != 0);
    clients.sort_by_key(|(_, client)| std::cmp::Reverse(client.tally.lost()));
    let legs = Leg::ALL.map(|leg| Column { head: head(leg), kind: Kind::Number });
    let columns: Vec<_> = [CLIENTS, TOTAL].into_iter().chain(legs).chain([REST]).collect();
    let mut table = Table::new(&columns, &clients, |(asker, client)| row(label(asker, client), &client.tally));
    let others = report.clients.others().filter(|others| others.tally.lost() != 0);
    table.rows.extend(others.map(|others| row("all others".to_owned(), &others.tally)));
    for at in (FIRST_LEG..columns.len()).rev() {
        table.leave_out_zeros(at);
    }
    table.note = Some(NOTE.to_owned());
    (!table.rows.is_empty()).then_some(table)
}

fn row(label: String, tally: &Tally) -> Vec<Cell> {
    let legs = Leg::ALL.map(|leg| tally.legs.get(leg));
    let rest = tally.lost().saturating_sub(legs.iter().sum());
    let counts = [tally.lost()].into_iter().chain(legs).chain([rest]);
    [Cell::new(label, Tone::Plain)].into_iter().chain(counts.map(|count| Cell::count(count, Tone::Bad))).collect()
}

/// As [`Leg::words`], in two lines: `server` above `→ upstream`.
fn head(leg: Leg) -> [&'static str; 2] {
    let words = leg.words();
    let second = words.find('→').or_else(|| words.rfind(' ').map(|at| at + 1)).unwrap_or_default();
    [words[..second].trim_end(), &words[second..]]
}
