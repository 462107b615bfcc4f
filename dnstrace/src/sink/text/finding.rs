//! A finding among transactions: two lines, what is wrong and what to do.

use crate::rules::finding::Finding;
use crate::sink::palette::paint;
use crate::sink::{Palette, finding, time};

pub(super) fn write(palette: &Palette, told: &Finding, lines: &mut String) {
    paint(lines, palette.dim, |lines| time::push_time_of_day(lines, told.last.1));
    lines.push_str("  ");
    let head = format!("{} ({}, {})", told.rule.id, told.severity.name(), told.certainty.name());
    paint(lines, finding::style(told.severity, palette), |lines| lines.push_str(&head));
    lines.push_str("  ");
    paint(lines, palette.bold, |lines| lines.push_str(&finding::sentence(told)));
    lines.push_str("\n    ");
    paint(lines, palette.dim, |lines| {
        lines.push_str(&finding::times(told));
        lines.push_str("; what to do: ");
        lines.push_str(told.rule.remedy);
    });
    lines.push('\n');
}
