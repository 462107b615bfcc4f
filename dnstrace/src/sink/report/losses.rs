//! What the reader should know of how the report came about.

use super::page::{Cell, Line, Tone};
use crate::sink::Summary;
use crate::sink::escape;
use crate::sink::text::{difference, ledger_parts, words};

/// Between the parts of a sum.
const PLUS: &str = " + ";

/// What was lost, so that the numbers are too small.
pub(super) fn warnings(summary: &Summary) -> Vec<String> {
    let lost = summary.ledgers.iter().filter(|ledger| ledger.lost() != 0);
    let lost = lost.map(|ledger| {
        format!("{} of {} lost at the {}: numbers are too small", ledger.lost(), ledger.total, words(ledger.what))
    });
    let wrong =
        summary.ledgers.iter().filter_map(|ledger| Some(format!("{}: {}", words(ledger.what), difference(ledger)?)));
    // They name files.
    let told = summary.warnings.iter().chain(&summary.error).map(|text| escape::printable(text.as_bytes()));
    lost.chain(wrong).chain(told).collect()
}

/// Every total with its parts.
pub(super) fn ledgers(summary: &Summary) -> Vec<Line> {
    let ledgers = summary.ledgers.iter().map(|ledger| {
        let parts = ledger_parts(ledger);
        line(words(ledger.what), parts.split(PLUS).map(str::to_owned), PLUS)
    });
    let quality = summary.quality.iter().map(|(name, count)| format!("{count} {}", words(name)));
    let also = (!summary.quality.is_empty()).then(|| line("also".to_owned(), quality, ", "));
    ledgers.chain(also).collect()
}

fn line(label: String, parts: impl Iterator<Item = String>, separator: &'static str) -> Line {
    Line { label, parts: parts.map(|part| Cell::new(part, Tone::Plain)).collect(), separator }
}
