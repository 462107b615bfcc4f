//! The end of a run, for standard error.

use std::fmt::{self, Write};

use crate::rules::{Ledger, Totals};
use crate::sink::palette::Painted;
use crate::sink::{Palette, Summary, iana, time};

/// What a run adds up to, in a few lines.
#[must_use]
pub fn summary(summary: &Summary, palette: &Palette) -> String {
    let mut text = String::new();
    // Writing to a `String` cannot fail.
    let _ = write(summary, palette, &mut text);
    text
}

fn write(summary: &Summary, palette: &Palette, out: &mut String) -> fmt::Result {
    let totals = &summary.totals;
    if let Some((first, last)) = totals.span {
        writeln!(out, "{} to {} UTC", time::date_and_time(first), time::date_and_time(last))?;
    }
    writeln!(out, "transactions  {}", transactions(totals))?;
    if !totals.rcodes.is_empty() {
        let rcodes = totals.rcodes.iter().map(|(&rcode, count)| format!("{} {count}", iana::rcode(rcode)));
        writeln!(out, "rcodes        {}", rcodes.collect::<Vec<_>>().join(", "))?;
    }
    for ledger in &summary.ledgers {
        write_ledger(ledger, palette, out)?;
    }
    if !summary.quality.is_empty() {
        let told = summary.quality.iter().map(|(name, count)| format!("{count} {}", words(name)));
        writeln!(out, "{:12}  {}", "also", told.collect::<Vec<_>>().join(", "))?;
    }
    Ok(())
}

fn transactions(totals: &Totals) -> String {
    let mut text = totals.transactions.to_string();
    let mut separator = ':';
    for (count, what) in [
        (totals.answered, "answered"),
        (totals.response_lost, "of them lost"),
        (totals.no_response, "no response"),
        (totals.unsolicited, "unsolicited"),
        (totals.outstanding, "outstanding"),
        (totals.late, "of them late"),
        (totals.truncated, "truncated"),
        (totals.retransmissions, "retransmissions"),
    ] {
        if count != 0 {
            text = format!("{text}{separator} {count} {what}");
            separator = ',';
        }
    }
    text
}

fn write_ledger(ledger: &Ledger, palette: &Palette, out: &mut String) -> fmt::Result {
    write!(out, "{:12}  {}", words(ledger.what), ledger_parts(ledger))?;
    if let Some(difference) = difference(ledger) {
        write!(out, "  {}", Painted(difference, palette.bad))?;
    }
    writeln!(out)
}

/// `206 = 190 emitted + 16 no payload`.
pub(in crate::sink) fn ledger_parts(ledger: &Ledger) -> String {
    let parts = ledger.parts.iter().filter(|(_, count)| *count != 0);
    let parts: Vec<_> = parts.map(|(name, count)| format!("{count} {}", words(name))).collect();
    let sum = if parts.is_empty() { "0".to_owned() } else { parts.join(" + ") };
    format!("{} = {sum}", ledger.total)
}

/// What is to be said of a ledger that is wrong.
pub(in crate::sink) fn difference(ledger: &Ledger) -> Option<String> {
    (!ledger.adds_up()).then(|| format!("does not add up: the parts are {}", ledger.sum()))
}

/// A counter's name as it is read.
pub(in crate::sink) fn words(name: &str) -> String {
    name.replace('_', " ")
}
