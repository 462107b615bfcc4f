//! What applications asked, and where the time of slow responses went.

use std::time::Duration;

use super::page::{Cell, Line, Tone};
use crate::rules::lookup::LookupOutcome;
use crate::rules::report::Report;
use crate::rules::spent::Part;
use crate::sink::time;

/// `found 24, not found 6, p50 4.1 ms, p99 12 ms`; `None` where nobody was seen to look up anything.
pub(super) fn lookups(report: &Report) -> Option<Line> {
    let lookups = &report.lookups;
    let outcomes = LookupOutcome::ALL.into_iter().filter(|outcome| lookups.get(*outcome) != 0);
    let mut parts: Vec<_> = outcomes.map(|outcome| plain(words(outcome), lookups.get(outcome))).collect();
    for (share, words) in [(0.5, "p50"), (0.99, "p99")] {
        let quantile = lookups.times.quantile(share).filter(|_| !parts.is_empty());
        parts.extend(quantile.map(|time| Cell::new(format!("{words} {}", duration(time)), Tone::Plain)));
    }
    let wasted = report.total.wasted;
    let waste = format!("{wasted} of {} queries wasted by search lists", lookups.queries);
    parts.extend((wasted != 0).then(|| Cell::new(waste, Tone::Plain)));
    line("lookups", parts)
}

/// `glibc 20, musl 4 (inferred)`: lookups, by what seems to have made them.
pub(super) fn libcs(report: &Report) -> Option<Line> {
    let libcs: Vec<_> = report.lookups.libcs.iter().map(|(libc, count)| (libc.name(), count)).collect();
    let known: u64 = libcs.iter().map(|(_, count)| count).sum();
    let rest = report.lookups.count().saturating_sub(known);
    let rest = (rest != 0 && known != 0).then_some(("not known", rest));
    let mut parts: Vec<_> = libcs.into_iter().chain(rest).map(|(name, count)| plain(name, count)).collect();
    if known != 0 {
        parts.push(Cell::new("inferred from the form of the lookups", Tone::Dim));
    }
    line("libc", parts)
}

/// `12 of 100 ms or more, mostly at the server 2, waiting for upstream 10`.
pub(super) fn slow(report: &Report) -> Option<Line> {
    let slow = &report.total.slow;
    let all = format!("{} took {} or more", slow.count(), time::limit(report.slow));
    let mut parts = vec![Cell::new(all, Tone::Warn)];
    let most = slow.iter().map(|(part, count)| format!("{count} mostly {}", place(part)));
    parts.extend(most.map(|text| Cell::new(text, Tone::Plain)));
    line("slow", parts).filter(|_| slow.count() != 0)
}

fn line(label: &str, parts: Vec<Cell>) -> Option<Line> {
    (!parts.is_empty()).then(|| Line { label: label.to_owned(), parts, separator: ", " })
}

fn plain(words: &str, count: u64) -> Cell {
    Cell::new(format!("{words} {count}"), Tone::Plain)
}

fn words(outcome: LookupOutcome) -> &'static str {
    match outcome {
        LookupOutcome::Found => "found",
        LookupOutcome::NotFound => "not found",
        LookupOutcome::Failed => "failed",
        LookupOutcome::Open => "still open",
    }
}

fn place(part: Part) -> &'static str {
    match part {
        Part::Again => "until the query was sent again",
        Part::There => "on the way to the server",
        Part::Server => "at the server",
        Part::Upstream => "waiting for upstream",
        Part::Beyond => "behind where the query was last seen",
        Part::Back => "on the way back",
    }
}

fn duration(time: Duration) -> String {
    let mut text = String::new();
    time::push_duration(&mut text, time);
    text
}
