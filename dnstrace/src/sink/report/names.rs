//! The names that were asked for most, and those that failed most.

use super::page::{Cell, Column, Table, Tone, name, number};
use crate::decode::QuestionName;
use crate::rules::report::{Counted, Frequent, Report};

/// Of each: what else there is, JSON has.
const NAMES_SHOWN: usize = 10;

/// `None` when nothing was asked.
pub(super) fn most_queried(report: &Report) -> Option<Table> {
    const COLUMNS: [Column; 5] = [
        number("", "queries"),
        number("", "NXDOMAIN"),
        number("", "errors"),
        number("no", "response"),
        name("names with the most queries"),
    ];
    table(&report.names.queried, &COLUMNS, |counted| {
        vec![
            Cell::count(counted.count, Tone::Plain),
            Cell::count(counted.nxdomain, Tone::Plain),
            Cell::count(counted.errors, Tone::Bad),
            Cell::count(counted.no_response, Tone::Bad),
            Cell::new(text(counted), Tone::Plain),
        ]
    })
}

/// `None` when nothing failed.
pub(super) fn most_failed(report: &Report) -> Option<Table> {
    const COLUMNS: [Column; 4] =
        [number("", "failures"), number("", "errors"), number("no", "response"), name("names with the most failures")];
    table(&report.names.failed, &COLUMNS, |counted| {
        vec![
            Cell::count(counted.count, Tone::Bad),
            Cell::count(counted.errors, Tone::Bad),
            Cell::count(counted.no_response, Tone::Bad),
            Cell::new(text(counted), Tone::Plain),
        ]
    })
}

fn table(names: &Frequent, columns: &[Column], row: impl Fn(&&Counted) -> Vec<Cell>) -> Option<Table> {
    let most = names.most();
    let shown = &most[..most.len().min(NAMES_SHOWN)];
    let excess = shown.iter().map(|counted| counted.excess).max().filter(|&excess| excess != 0);
    let note =
        excess.map(|excess| format!("more names than can be counted: each count may be up to {excess} too high"));
    let table = Table { more: most.len() - shown.len(), note, ..Table::new(columns, shown, row) };
    (!table.rows.is_empty()).then_some(table)
}

/// In presentation format, without its trailing dot.
pub(super) fn text(counted: &Counted) -> String {
    QuestionName::read(&counted.name).map(|(name, _)| name.to_string()).unwrap_or_default()
}
