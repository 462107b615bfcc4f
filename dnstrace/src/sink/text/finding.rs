//! A finding among transactions: what is wrong, how that is known, and where to read what to do.

use crate::rules::finding::{Evidence, Finding};
use crate::sink::palette::paint;
use crate::sink::{Palette, finding, time};

/// Below the first line.
const INDENT: &str = "\n    ";

pub(super) fn write(palette: &Palette, told: &Finding, lines: &mut String) {
    paint(lines, palette.dim, |lines| time::push_time_of_day(lines, told.last.1));
    let head = format!("  {} (", told.rule.id);
    paint(lines, finding::style(told.severity, palette), |lines| lines.push_str(&head));
    lines.push_str(told.severity.name());
    lines.push_str(", ");
    lines.push_str(told.certainty.name());
    lines.push_str(")  ");
    paint(lines, palette.bold, |lines| lines.push_str(&finding::sentence(told)));
    let example = |evidence: &Evidence| format!("e.g. {}", finding::evidence(evidence));
    let seen = [Some(finding::times(told)), told.evidence.first().map(example)];
    let below = [seen.into_iter().flatten().collect::<Vec<_>>().join("; "), remedy(told)];
    for line in below {
        lines.push_str(INDENT);
        paint(lines, palette.dim, |lines| lines.push_str(&line));
    }
    lines.push('\n');
}

fn remedy(told: &Finding) -> String {
    format!("dnstrace explain {} says what to do", told.rule.id)
}
