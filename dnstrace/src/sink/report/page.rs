//! What a person reads, before it is text or markdown.

use anstyle::Style;

use super::findings::Block;
use super::{Observed, clients, findings, headline, last_seen, legs, losses, names, servers};
use crate::rules::report::ResponseTimes;
use crate::sink::{Palette, Summary, time};

/// Rows of a table: a screen is not more, and the worst come first.
pub(super) const ROWS_MAX: usize = 20;

/// What a piece of text means, which is its colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tone {
    #[default]
    Plain,
    /// There for completeness.
    Dim,
    /// What the eye looks for.
    Bold,
    Good,
    Warn,
    Bad,
}

impl Tone {
    pub(super) fn style(self, palette: &Palette) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Dim => palette.dim,
            Self::Bold => palette.bold,
            Self::Good => palette.good,
            Self::Warn => palette.warn,
            Self::Bad => palette.bad,
        }
    }
}

/// A piece of text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) tone: Tone,
}

impl Cell {
    pub(super) fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }

    /// A number; none draws no eye.
    pub(super) fn count(count: u64, tone: Tone) -> Self {
        Self::new(count.to_string(), if count == 0 { Tone::Dim } else { tone })
    }

    /// What nobody knows.
    pub(super) fn unknown() -> Self {
        Self::new("-", Tone::Dim)
    }

    /// Median and 99th percentile.
    pub(super) fn times(times: &ResponseTimes) -> [Self; 2] {
        [0.5, 0.99].map(|share| match times.quantile(share) {
            Some(quantile) => {
                let mut text = String::new();
                time::push_duration(&mut text, quantile);
                Self::new(text, Tone::Plain)
            }
            None => Self::unknown(),
        })
    }
}

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// To the right.
    Number,
    /// To the left; it may come from the network.
    Name,
}

/// A column, with its head in one or two lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) head: [&'static str; 2],
    pub(super) kind: Kind,
}

/// A head with its two lines.
pub(super) const fn number(first: &'static str, second: &'static str) -> Column {
    Column { head: [first, second], kind: Kind::Number }
}

/// A head that says what the table is of.
pub(super) const fn name(head: &'static str) -> Column {
    Column { head: ["", head], kind: Kind::Name }
}

/// Rows, each with a cell for every column.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Cell>>,
    /// Rows that are left out.
    pub(super) more: usize,
    /// What the reader should know of it.
    pub(super) note: Option<String>,
}

impl Table {
    /// The first rows of `entries`.
    pub(super) fn new<E>(columns: &[Column], entries: &[E], row: impl Fn(&E) -> Vec<Cell>) -> Self {
        let rows = entries.iter().take(ROWS_MAX).map(row).collect();
        Self { columns: columns.to_vec(), rows, more: entries.len().saturating_sub(ROWS_MAX), note: None }
    }

    /// Without a column in which there is nothing but zeros.
    pub(super) fn leave_out_zeros(&mut self, at: usize) {
        if self.rows.iter().all(|row| row.get(at).is_none_or(|cell| cell.text == "0")) {
            self.columns.remove(at);
            self.rows.iter_mut().for_each(|row| drop(row.remove(at)));
        }
    }
}

/// A line of several parts behind a word that says what they are.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) label: String,
    /// Lines are broken between parts.
    pub(super) parts: Vec<Cell>,
    /// Between parts.
    pub(super) separator: &'static str,
}

/// A whole report.
#[derive(Debug)]
pub(super) struct Page {
    /// What is wrong, in a line.
    pub(super) verdict: Vec<Cell>,
    pub(super) headline: Vec<Cell>,
    /// What is wrong, and what to do.
    pub(super) findings: Vec<Block>,
    /// Findings that are left out.
    pub(super) more_findings: usize,
    pub(super) period: Option<String>,
    pub(super) warnings: Vec<String>,
    pub(super) tables: Vec<Table>,
    pub(super) kinds: Vec<Line>,
    pub(super) ledgers: Vec<Line>,
}

/// What is wrong, in a line; `None` where no query was seen that could be judged.
pub(super) fn verdict(observed: &Observed, summary: &Summary) -> Option<Vec<Cell>> {
    let is_judged = observed.report.total.queries != 0;
    is_judged.then(|| findings::verdict(&observed.findings, losses::warnings(summary).is_empty()))
}

impl Page {
    pub(super) fn new(observed: &Observed, summary: &Summary) -> Self {
        let report = &*observed.report;
        let tables = [
            Some(clients::table(report)),
            legs::table(report),
            last_seen::table(observed),
            Some(servers::table(report)),
            names::most_queried(report),
            names::most_failed(report),
            names::most_wasted(report),
        ];
        let warnings = losses::warnings(summary);
        Self {
            verdict: verdict(observed, summary).unwrap_or_default(),
            findings: findings::blocks(&observed.findings),
            more_findings: findings::more(&observed.findings),
            headline: headline::headline(report),
            period: headline::period(report),
            warnings,
            tables: tables.into_iter().flatten().filter(|table| !table.rows.is_empty()).collect(),
            kinds: headline::kinds(report),
            ledgers: losses::ledgers(summary),
        }
    }
}
