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
        number("", "lost"),
        name("names with the most queries"),
    ];
    let total = &report.total;
    let all = [total.queries, total.nxdomain, total.errors, total.lost(), 0];
    table(&report.names.queried, &COLUMNS, all, |row| {
        vec![
            Cell::count(row[0], Tone::Plain),
            Cell::count(row[1], Tone::Plain),
            Cell::count(row[2], Tone::Bad),
            Cell::count(row[3], Tone::Bad),
        ]
    })
}

/// `None` when nothing failed.
pub(super) fn most_failed(report: &Report) -> Option<Table> {
    const COLUMNS: [Column; 4] =
        [number("", "failures"), number("", "errors"), number("", "lost"), name("names with the most failures")];
    let total = &report.total;
    let all = [total.failures(), 0, total.errors, total.lost(), 0];
    table(&report.names.failed, &COLUMNS, all, |row| {
        vec![Cell::count(row[0], Tone::Bad), Cell::count(row[2], Tone::Bad), Cell::count(row[3], Tone::Bad)]
    })
}

/// `None` when no query was wasted.
pub(super) fn most_wasted(report: &Report) -> Option<Table> {
    const COLUMNS: [Column; 3] =
        [number("search", "waste"), number("", "lookups"), name("names whose lookups waste the most queries")];
    let all = [report.total.wasted, 0, 0, 0, report.lookups.wasteful_lookups];
    table(&report.lookups.wasteful, &COLUMNS, all, |row| {
        vec![Cell::count(row[0], Tone::Plain), Cell::count(row[4], Tone::Plain)]
    })
}

/// How often in all, with NXDOMAIN, with another error, lost; in how many lookups.
type Row = [u64; 5];

fn row(counted: &Counted) -> Row {
    [counted.count, counted.nxdomain, counted.errors, counted.no_response + counted.response_lost, counted.lookups]
}

fn table(names: &Frequent, columns: &[Column], mut rest: Row, cells: impl Fn(Row) -> Vec<Cell>) -> Option<Table> {
    let most: Vec<_> = names.most().into_iter().filter(|counted| is_known(counted)).take(NAMES_SHOWN).collect();
    let labelled = |row: Row, label: String| {
        let mut cells = cells(row);
        cells.push(Cell::new(label, Tone::Plain));
        cells
    };
    let mut table = Table::new(columns, &most, |counted| labelled(row(counted), text(counted)));
    for counted in &most {
        let own = row(&Counted { count: counted.count - counted.excess, ..(*counted).clone() });
        rest = std::array::from_fn(|at| rest[at].saturating_sub(own[at]));
    }
    if rest[0] != 0 {
        table.rows.push(labelled(rest, "all others".to_owned()));
    }
    let excess = most.iter().map(|counted| counted.excess).max().filter(|&excess| excess != 0);
    table.note = excess.map(|excess| format!("more names than can be counted: a count may be up to {excess} too high"));
    (!table.rows.is_empty()).then_some(table)
}

/// A name that came last of many inherits its count: nobody should look for it.
fn is_known(counted: &Counted) -> bool {
    counted.excess <= counted.count / 2
}

/// In presentation format, without its trailing dot.
pub(super) fn text(counted: &Counted) -> String {
    QuestionName::read(&counted.name).map(|(name, _)| name.to_string()).unwrap_or_default()
}
