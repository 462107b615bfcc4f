//! Items to lines that a person reads.

mod answer;
mod broken;
mod causes;
mod finding;
mod line;
mod outcome;
mod path;
mod point;
mod sighting;
mod signs;
mod summary;
mod way;
mod who;

use std::time::Duration;

pub use broken::between_words;
pub(super) use outcome::last_seen;
pub use summary::summary;
pub(super) use summary::{difference, ledger_parts, words};

use causes::Causes;

use super::{Item, Lost, Palette};

/// How text looks.
#[derive(Clone, Debug)]
pub struct TextOptions {
    /// A line for every hop below its transaction.
    pub path: bool,
    /// Colours.
    pub palette: Palette,
    /// How long a query waited that got no response.
    pub query_timeout: Duration,
    /// How wide it may be.
    pub layout: Layout,
}

/// Where the parts of a transaction stand: all on one line for other programs and wide terminals; else question and
/// outcome on the first line, who and which way below it, on as many as they need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// As wide as the terminal, if there is one.
    columns: Option<usize>,
}

/// Time, two addresses with a process, a cluster name, an address as answer, five points: with less they would not fit
/// on a line.
const ONE_LINE_WIDTH: usize = 200;

impl Layout {
    /// For a terminal of `columns`; `None` is no terminal.
    #[must_use]
    pub fn fitting(columns: Option<u16>) -> Self {
        Self { columns: columns.map(usize::from) }
    }

    /// The columns that are too few for one line.
    fn narrow(self) -> Option<usize> {
        self.columns.filter(|&columns| columns < ONE_LINE_WIDTH)
    }

    /// How wide the column of names may become: time, type and duration stand beside it, and `NOERROR 198.51.100.17`.
    fn name_max(self) -> usize {
        self.narrow().map_or(NAME_MAX, |columns| columns.saturating_sub(52).clamp(NAME_MIN, NAME_MAX))
    }
}

/// Most names of a cluster fit.
const NAME_MIN: usize = 24;
/// Keeps one long name from pushing all others away.
const NAME_MAX: usize = 48;

/// Writes items as text.
#[derive(Debug)]
pub struct Text {
    options: TextOptions,
    columns: Columns,
    causes: Causes,
    /// Room for the lines of one item, used again.
    lines: String,
}

/// What lines have in common.
#[derive(Debug)]
struct Columns {
    who: Column,
    name: Column,
    outcome: Column,
    place: Column,
    addresses: Column,
}

impl Text {
    /// Nothing is written yet.
    #[must_use]
    pub fn new(options: TextOptions) -> Self {
        // The first lines of most nodes fit these; the bounds keep one long name from pushing all others away.
        let columns = Columns {
            who: Column::new(38, 120),
            name: Column::new(NAME_MIN, options.layout.name_max()),
            outcome: Column::new(20, 36),
            place: Column::new(10, 28),
            addresses: Column::new(36, 48),
        };
        Self { options, columns, causes: Causes::default(), lines: String::new() }
    }

    /// Writes one item as one line, or as several with `path`.
    pub fn write(&mut self, item: &Item, out: &mut Vec<u8>) {
        let mut lines = std::mem::take(&mut self.lines);
        lines.clear();
        match item {
            Item::Transaction(transaction) => {
                line::write(self, transaction, &mut lines);
                if self.options.path {
                    // Writing to a `String` cannot fail.
                    let _ = path::write(&self.options.palette, transaction, &mut lines);
                }
            }
            Item::Observation(sighting) => sighting::write(self, sighting, &mut lines),
            Item::Finding(told) => finding::write(&self.options.palette, told, &mut lines),
            // Standard output has transactions only; losses and sums are told on standard error.
            Item::Lost(_) | Item::Summary(_) => {}
        }
        if let Some(columns) = self.options.layout.columns {
            lines = broken::between_words(&lines, columns);
        }
        out.extend_from_slice(lines.as_bytes());
        self.lines = lines;
    }
}

/// Blanks between columns.
const COLUMN_GAP: usize = 2;

/// A column that grows with what it holds, up to a bound: lines stay aligned without being wider than they must.
#[derive(Debug)]
struct Column {
    width: usize,
    max: usize,
}

impl Column {
    fn new(width: usize, max: usize) -> Self {
        Self { width, max }
    }

    /// Appends what `write` appends, and blanks to the next column.
    fn fill(&mut self, line: &mut String, write: impl FnOnce(&mut String)) {
        let begin = line.len();
        write(line);
        let width = line[begin..].chars().count();
        self.fill_from(line, width);
    }

    /// Appends blanks to the next column behind `width` characters.
    fn fill_from(&mut self, line: &mut String, width: usize) {
        self.width = self.width.max(width.min(self.max));
        push_blanks(line, self.width.saturating_sub(width) + COLUMN_GAP);
    }
}

fn push_blanks(line: &mut String, count: usize) {
    line.extend(std::iter::repeat_n(' ', count));
}

/// What was lost, as a line for standard error.
pub(super) fn lost(lost: &Lost) -> String {
    format!("lost {} at {}: {}", lost.count, lost.place, lost.reason)
}

fn end_line(line: &mut String) {
    // Trailing blanks come from columns that are empty to the end of the line.
    line.truncate(line.trim_end_matches(' ').len());
    line.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{BootTime, Direction, Hook, Point};
    use crate::join::{Hop, MessageKind, Outcome, Transaction};
    use crate::sink::{Names, Numbered};

    #[test]
    fn column_grows_up_to_its_bound() {
        let mut column = Column::new(4, 6);
        let mut line = String::new();
        for part in ["ab", "abcde", "ab", "äbcdefghij", "ab"] {
            column.fill(&mut line, |line| line.push_str(part));
            line.push('|');
        }
        assert_eq!(line, "ab    |abcde  |ab     |äbcdefghij  |ab      |");
    }

    #[test]
    fn colours_change_nothing_but_colours() {
        let plain = outcome_lines(Palette::plain());
        let coloured = outcome_lines(Palette::coloured());
        assert_ne!(plain, coloured);
        assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
        assert!(coloured.contains("\u{1b}[1m\u{1b}[31mno response in 5 s\u{1b}[0m"), "{coloured:?}");
    }

    /// A query without response, its hop below it.
    fn outcome_lines(palette: Palette) -> String {
        let (client, server) = ("10.0.0.1:40000".parse().unwrap(), "10.0.0.53:53".parse().unwrap());
        let point = Point { hook: Hook::Device, direction: Direction::Out, ifindex: 7, netns: 0 };
        let hop = Hop {
            time: BootTime(0),
            point,
            message: MessageKind::Query,
            attempt: 0,
            src: client,
            dst: server,
            vlan: None,
        };
        let between = Transaction::between(client, server);
        let record = Box::new(Transaction { outcome: Outcome::NoResponse, path: vec![hop], ..between });
        let item = Item::Transaction(Numbered { seq: 0, record, names: Names::default() });
        let mut out = Vec::new();
        let query_timeout = Duration::from_secs(5);
        let layout = Layout::fitting(None);
        Text::new(TextOptions { path: true, palette, query_timeout, layout }).write(&item, &mut out);
        String::from_utf8(out).unwrap()
    }
}
