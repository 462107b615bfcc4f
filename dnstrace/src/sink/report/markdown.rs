//! A page to paste into a ticket.
//!
//! What comes from the network stands in code spans, where no markup, link or mention is one. What could end a code span
//! or a cell there becomes `\DDD`, as other bytes do that are not to be shown (RFC 1035, 5.1).

use std::fmt::{self, Write};

use super::page::{Cell, Column, Kind, Line, Page, Table};

pub(super) fn write(page: &Page) -> String {
    let mut text = String::new();
    // Writing to a `String` cannot fail.
    let _ = push_page(page, &mut text);
    text
}

fn push_page(page: &Page, out: &mut String) -> fmt::Result {
    if !page.verdict.is_empty() {
        writeln!(out, "**{}**\n", plain(&page.verdict))?;
    }
    writeln!(out, "{}\n", plain(&page.headline))?;
    for block in &page.findings {
        writeln!(out, "- **{}**", plain(&block.head))?;
        for line in &block.lines {
            writeln!(out, "  - {} {}", line.label.trim(), code(&joined(line)))?;
        }
    }
    if page.more_findings != 0 {
        writeln!(out, "- and {} more findings", page.more_findings)?;
    }
    if !page.findings.is_empty() {
        writeln!(out)?;
    }
    for warning in &page.warnings {
        writeln!(out, "Warning: {}\n", code(warning))?;
    }
    if let Some(period) = &page.period {
        writeln!(out, "{period}\n")?;
    }
    page.tables.iter().try_for_each(|table| push_table(table, out))?;
    for line in &page.kinds {
        writeln!(out, "- {}: {}", line.label, joined(line))?;
    }
    writeln!(out, "\n```text")?;
    for line in &page.ledgers {
        writeln!(out, "{:13} {}", line.label, joined(line))?;
    }
    writeln!(out, "```")
}

fn push_table(table: &Table, out: &mut String) -> fmt::Result {
    for column in &table.columns {
        write!(out, "| {} ", head(column))?;
    }
    writeln!(out, "|")?;
    for column in &table.columns {
        out.push_str(if column.kind == Kind::Number { "|--:" } else { "|---" });
    }
    writeln!(out, "|")?;
    for row in &table.rows {
        for (cell, column) in row.iter().zip(&table.columns) {
            write!(out, "| {} ", shown(cell, column.kind))?;
        }
        writeln!(out, "|")?;
    }
    if table.more != 0 {
        writeln!(out, "\nand {} more", table.more)?;
    }
    if let Some(note) = &table.note {
        writeln!(out, "\n{note}")?;
    }
    writeln!(out)
}

fn plain(cells: &[Cell]) -> String {
    cells.iter().map(|cell| cell.text.as_str()).collect::<String>().trim_end().to_owned()
}

fn head(column: &Column) -> String {
    column.head.join(" ").trim_start().to_owned()
}

fn shown(cell: &Cell, kind: Kind) -> String {
    match kind {
        Kind::Number => cell.text.clone(),
        Kind::Name => code(&cell.text),
    }
}

fn joined(line: &Line) -> String {
    line.parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(line.separator)
}

/// A code span of text that has no control characters.
fn code(text: &str) -> String {
    let mut span = String::from("`");
    for character in text.chars() {
        match character {
            '`' | '|' | '<' | '>' => {
                let _ = write!(span, "\\{:03}", u32::from(character));
            }
            other => span.push(other),
        }
    }
    span.push('`');
    span
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_code_span() {
        assert_eq!(code("a`b|c<d>e"), "`a\\096b\\124c\\060d\\062e`");
        assert_eq!(code("*[x](http://y)* @z"), "`*[x](http://y)* @z`");
    }
}
