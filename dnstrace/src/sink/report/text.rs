//! A page for a terminal of 100 columns.

use super::page::{Cell, Column, Kind, Line, Page, Table, Tone};
use crate::sink::Palette;
use crate::sink::palette::paint;

/// What a page fits: terminals at 3 a.m., mails, and two windows beside each other.
const WIDTH: usize = 100;
/// Between columns where there is room, and where labels need it.
const GAPS: [usize; 2] = [2, 1];
/// The longest label of a line is `socket hook`, and others that fit it.
const LABEL: usize = 14;

pub(super) fn write(page: &Page, palette: &Palette) -> String {
    let mut text = String::new();
    if !page.verdict.is_empty() {
        push_cells(&mut text, &page.verdict, palette);
    }
    push_headline(&mut text, page, palette);
    for block in &page.findings {
        text.push('\n');
        push_cells(&mut text, &block.head, palette);
        block.lines.iter().for_each(|line| push_line(&mut text, line, palette));
    }
    if page.more_findings != 0 {
        text.push('\n');
        push_wrapped(
            &mut text,
            &format!("and {} more findings; --format json has them", page.more_findings),
            Tone::Dim,
            palette,
        );
    }
    for table in &page.tables {
        text.push('\n');
        push_table(&mut text, table, palette);
    }
    for lines in [&page.kinds, &page.ledgers].into_iter().filter(|lines| !lines.is_empty()) {
        text.push('\n');
        for line in lines {
            push_line(&mut text, line, palette);
        }
    }
    text
}

/// Broken between parts, as other lines are; the first part is the subject.
fn push_cells(text: &mut String, cells: &[Cell], palette: &Palette) {
    let mut column = 0;
    for cell in cells {
        let width = cell.text.chars().count();
        if column + width > WIDTH && column != 0 {
            trim(text);
            text.push_str("\n  ");
            column = 2;
        }
        column += paint(text, cell.tone.style(palette), |text| text.push_str(&cell.text));
    }
    trim(text);
    text.push('\n');
}

fn push_headline(text: &mut String, page: &Page, palette: &Palette) {
    push_cells(text, &page.headline, palette);
    for warning in &page.warnings {
        push_wrapped(text, &format!("warning: {warning}"), Tone::Bad, palette);
    }
    if let Some(period) = &page.period {
        push_wrapped(text, period, Tone::Dim, palette);
    }
}

fn push_table(text: &mut String, table: &Table, palette: &Palette) {
    let layout = Layout::of(table);
    for at in 0..2 {
        let head = |column: &Column| {
            let tone = if column.kind == Kind::Name { Tone::Bold } else { Tone::Dim };
            Cell::new(column.head[at], tone)
        };
        let cells: Vec<_> = table.columns.iter().map(head).collect();
        if cells.iter().any(|cell| !cell.text.is_empty()) {
            layout.push_row(text, &cells, palette);
        }
    }
    table.rows.iter().for_each(|row| layout.push_row(text, row, palette));
    if table.more != 0 {
        push_wrapped(text, &format!("and {} more; --format json has them", table.more), Tone::Dim, palette);
    }
    if let Some(note) = &table.note {
        push_wrapped(text, note, Tone::Dim, palette);
    }
}

/// How wide the columns of one table are.
struct Layout<'t> {
    columns: &'t [Column],
    widths: Vec<usize>,
    gap: usize,
}

impl<'t> Layout<'t> {
    fn of(table: &'t Table) -> Self {
        let columns = &table.columns;
        let mut widths: Vec<_> = (0..columns.len()).map(|at| width(table, at)).collect();
        let others = |widths: &[usize], gap: usize| widths.iter().skip(1).map(|width| width + gap).sum::<usize>();
        let fits = |gap: &usize| widths[0] + others(&widths, *gap) <= WIDTH;
        let gap = GAPS.into_iter().find(fits).unwrap_or(GAPS[1]);
        if columns[0].kind == Kind::Name && !fits(&gap) {
            // Labels that are wider get a line of their own.
            widths[0] = WIDTH.saturating_sub(others(&widths, gap));
        }
        Self { columns, widths, gap }
    }

    fn push_row(&self, text: &mut String, cells: &[Cell], palette: &Palette) {
        let mut column = 0;
        for (at, cell) in cells.iter().enumerate() {
            let gap = if at == 0 { 0 } else { self.gap };
            let blanks = self.widths[at].saturating_sub(cell.text.chars().count());
            let [before, after] = match self.columns[at].kind {
                Kind::Number => [gap + blanks, 0],
                Kind::Name => [gap, blanks],
            };
            push_blanks(text, before);
            column += before + after + push_cell(text, cell, WIDTH.saturating_sub(column + before), palette);
            if at == 0 && column > self.widths[0] {
                text.push('\n');
                push_blanks(text, self.widths[0]);
                column = self.widths[0];
            } else {
                push_blanks(text, after);
            }
        }
        trim(text);
        text.push('\n');
    }
}

/// Of the widest cell of a column.
fn width(table: &Table, at: usize) -> usize {
    let head = table.columns[at].head.iter().map(|head| head.chars().count());
    let cells = table.rows.iter().filter_map(|row| Some(row.get(at)?.text.chars().count()));
    head.chain(cells).max().unwrap_or(0)
}

/// Appends a cell, cut where it is wider than the rest of the page.
fn push_cell(text: &mut String, cell: &Cell, room: usize, palette: &Palette) -> usize {
    if cell.text.is_empty() {
        return 0;
    }
    paint(text, cell.tone.style(palette), |text| {
        if cell.text.chars().count() <= room {
            text.push_str(&cell.text);
        } else {
            text.extend(cell.text.chars().take(room.saturating_sub(1)));
            text.push('…');
        }
    })
}

fn push_line(text: &mut String, line: &Line, palette: &Palette) {
    let label = paint(text, palette.dim, |text| text.push_str(&line.label));
    let mut column = label.max(LABEL);
    push_blanks(text, column - label);
    for (at, part) in line.parts.iter().enumerate() {
        let separator = if at == 0 { "" } else { line.separator };
        // A blank at the end of a line is none.
        if at != 0 && column + separator.len() + part.text.chars().count() + 1 > WIDTH {
            text.push_str(separator);
            trim(text);
            text.push('\n');
            push_blanks(text, LABEL);
            column = LABEL;
        } else {
            text.push_str(separator);
            column += separator.len();
        }
        column += paint(text, part.tone.style(palette), |text| text.push_str(&part.text));
    }
    text.push('\n');
}

/// Appends words in lines of their own.
fn push_wrapped(text: &mut String, words: &str, tone: Tone, palette: &Palette) {
    let mut line = String::new();
    let mut lines = Vec::new();
    for word in words.split(' ') {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    for line in lines {
        paint(text, tone.style(palette), |text| text.push_str(&line));
        text.push('\n');
    }
}

fn push_blanks(text: &mut String, count: usize) {
    text.extend(std::iter::repeat_n(' ', count));
}

fn trim(text: &mut String) {
    text.truncate(text.trim_end_matches(' ').len());
}
