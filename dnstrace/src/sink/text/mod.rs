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
    /// Where the parts of a transaction stand.
    pub layout: Layout,
}

/// Where the parts of a transaction stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// All on one line, for wide terminals and other programs.
    OneLine,
    /// Question and outcome on the first line, who and which way on the second.
    TwoLines,
}

/// Time, two addresses with a process, a cluster name, an address as answer, five points: with less they would not fit
/// on a line.
const ONE_LINE_WIDTH: u16 = 200;

impl Layout {
    /// For a terminal of `columns`; `None` is no terminal.
    #[must_use]
    pub fn fitting(columns: Option<u16>) -> Self {
        if columns.is_some_and(|columns| columns < ONE_LINE_WIDTH) { Self::TwoLines } else { Self::OneLine }
    }
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
    use std::sync::Arc;

    use super::*;
    use crate::capture::{BootTime, Direction, Hook, Point, Socket, WallTime};
    use crate::decode::Transport;
    use crate::join::{Hop, MessageKind, Outcome, Transaction, TransactionId};
    use crate::sink::Numbered;

    #[test]
    fn column_grows_up_to_its_bound() {
        let mut column = Column::new(4, 6);
        assert_eq!(column.blanks("ab").to_string(), "  ");
        assert_eq!(column.blanks("abcde").to_string(), "");
        assert_eq!(column.blanks("ab").to_string(), "   ");
        assert_eq!(column.blanks("abcdefghij").to_string(), "");
        assert_eq!(column.blanks("ab").to_string(), "    ");
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
        let record = Box::new(Transaction {
            id: TransactionId(1),
            time: BootTime(0),
            wall: WallTime(0),
            outcome: Outcome::NoResponse,
            transport: Transport::Udp,
            client,
            server,
            server_after_nat: None,
            query: None,
            response: None,
            attempts: Vec::new(),
            duplicate_responses: 0,
            path: vec![hop],
            path_cut: 0,
            client_socket: Socket::default(),
            server_socket: Socket::default(),
            response_time: None,
            server_response_time: None,
            late_for: None,
            cause: None,
        });
        let item = Item::Transaction(Numbered { seq: 0, record, interfaces: Arc::default() });
        let mut out = Vec::new();
        let query_timeout = Duration::from_secs(5);
        let layout = Layout::OneLine;
        Text::new(TextOptions { path: true, palette, query_timeout, layout }).write(&item, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }
}
