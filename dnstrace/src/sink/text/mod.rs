//! Items to lines that a person reads.

mod answer;
mod causes;
mod line;
mod outcome;
mod path;
mod point;
mod sighting;
mod summary;

use std::io::{self, Write};
use std::time::Duration;

pub use summary::summary;

use causes::Causes;

use super::escape::Padded;
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
}

/// Writes items as text.
#[derive(Debug)]
pub struct Text {
    options: TextOptions,
    columns: Columns,
    causes: Causes,
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
            who: Column::new(38, 60),
            name: Column::new(24, 48),
            outcome: Column::new(20, 36),
            place: Column::new(10, 28),
            addresses: Column::new(36, 48),
        };
        Self { options, columns, causes: Causes::default() }
    }

    /// Writes one item as one line, or as several with `path`.
    pub fn write(&mut self, item: &Item, out: &mut Vec<u8>) -> io::Result<()> {
        match item {
            Item::Transaction(transaction) => {
                line::write(self, transaction, out)?;
                if self.options.path { path::write(&self.options.palette, transaction, out) } else { Ok(()) }
            }
            Item::Observation(sighting) => sighting::write(self, sighting, out),
            // Standard output has transactions only; losses and sums are told on standard error.
            Item::Lost(_) | Item::Summary(_) => Ok(()),
        }
    }
}

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

    /// The blanks to write after `plain`, which is written in colour already.
    fn blanks(&mut self, plain: &str) -> Padded<'static> {
        let width = plain.chars().count();
        self.width = self.width.max(width.min(self.max));
        Padded("", self.width.saturating_sub(width))
    }
}

/// What was lost, as a line for standard error.
pub(super) fn lost(lost: &Lost) -> String {
    format!("lost {} at {}: {}", lost.count, lost.place, lost.reason)
}

fn end_line(out: &mut Vec<u8>) -> io::Result<()> {
    // Trailing blanks come from columns that are empty to the end of the line.
    while out.last() == Some(&b' ') {
        out.pop();
    }
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_grows_up_to_its_bound() {
        let mut column = Column::new(4, 6);
        assert_eq!(column.blanks("ab").to_string(), "  ");
        assert_eq!(column.blanks("abcde").to_string(), "");
        assert_eq!(column.blanks("ab").to_string(), "   ");
        assert_eq!(column.blanks("abcdefghij").to_string(), "");
        assert_eq!(column.blanks("ab").to_string(), "    ");
    }
}
