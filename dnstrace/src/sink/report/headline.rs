//! The most important in a line, and what there was of each kind.

use std::time::Duration;

use super::lookups;
use super::page::{Cell, Line, Tone};
use crate::rules::report::Report;
use crate::sink::{iana, time};

const NOERROR: u16 = 0;
const NXDOMAIN: u16 = 3;

/// `412 transactions of 6 clients in 30 s: 9 without response, 5 SERVFAIL, 4 truncated`.
pub(super) fn headline(report: &Report) -> Vec<Cell> {
    let time = report.span.length().map(|length| format!(" in {}", words(length))).unwrap_or_default();
    let transactions = report.total.transactions();
    if transactions == 0 {
        return vec![Cell::new(format!("no DNS transactions{time}"), Tone::Bold)];
    }
    let clients = match (report.clients.len(), report.clients.others()) {
        (count, Some(_)) => format!("more than {count} clients"),
        (count, None) => plural(count as u64, "client"),
    };
    let begin = format!("{} of {clients}{time}: ", plural(transactions, "transaction"));
    let mut cells = vec![Cell::new(begin, Tone::Bold)];
    for (at, cell) in troubles(report).into_iter().enumerate() {
        cells.extend((at != 0).then(|| Cell::new(", ", Tone::Plain)));
        cells.push(cell);
    }
    cells
}

fn troubles(report: &Report) -> Vec<Cell> {
    let total = &report.total;
    let mut cells = Vec::new();
    let mut add = |count: u64, what: &str, tone| {
        cells.extend((count != 0).then(|| Cell::new(format!("{count} {what}"), tone)));
    };
    add(total.no_response, "without response", Tone::Bad);
    add(total.response_lost, "with a response that was lost", Tone::Bad);
    for (code, count) in most(&report.rcodes).into_iter().filter(|(code, _)| ![NOERROR, NXDOMAIN].contains(code)) {
        add(count, &iana::rcode(code), Tone::Bad);
    }
    add(total.truncated, "truncated", Tone::Warn);
    add(total.outstanding, "still outstanding", Tone::Warn);
    if total.retransmissions != 0 {
        cells.push(Cell::new(plural(total.retransmissions, "retransmission"), Tone::Warn));
    }
    if cells.is_empty() {
        let (text, tone) =
            if total.queries == 0 { ("no query among them", Tone::Warn) } else { ("all answered", Tone::Good) };
        cells.push(Cell::new(text, tone));
    }
    cells
}

/// `2026-11-24 05:27:35 to 2026-11-24 05:27:42 UTC`.
pub(super) fn period(report: &Report) -> Option<String> {
    let (from, until) = report.span.walls()?;
    Some(format!("{} to {} UTC", time::date_and_time(from), time::date_and_time(until)))
}

/// Rcodes, types, and what has no table.
pub(super) fn kinds(report: &Report) -> Vec<Line> {
    let rcodes = most(&report.rcodes).into_iter().map(|(code, count)| {
        let tone = if [NOERROR, NXDOMAIN].contains(&code) { Tone::Plain } else { Tone::Bad };
        Cell::new(format!("{} {count}", iana::rcode(code)), tone)
    });
    let types = most(report.types.iter()).into_iter();
    let types = types.map(|(qtype, count)| Cell::new(format!("{} {count}", iana::record_type(qtype)), Tone::Plain));
    let others = report.types.others().map(|count| Cell::new(format!("others {count}"), Tone::Plain));
    let total = &report.total;
    let also = [
        (total.duplicate_responses, "further response"),
        (total.late, "late response"),
        (total.unsolicited - total.late, "response without query"),
    ];
    let also = also.into_iter().filter(|&(count, _)| count != 0);
    let lines = [
        ("rcodes", rcodes.collect::<Vec<_>>()),
        ("types", types.chain(others).collect()),
        ("also", also.map(|(count, what)| Cell::new(plural(count, what), Tone::Warn)).collect()),
    ];
    let lines = lines.into_iter().filter(|(_, parts)| !parts.is_empty());
    let lines = lines.map(|(label, parts)| Line { label: label.to_owned(), parts, separator: ", " });
    let asked = [lookups::lookups(report), lookups::libcs(report), lookups::slow(report)];
    asked.into_iter().flatten().chain(lines).collect()
}

/// The most frequent first, equal ones by number.
fn most<'c>(counts: impl IntoIterator<Item = (&'c u16, &'c u64)>) -> Vec<(u16, u64)> {
    let mut counts: Vec<_> = counts.into_iter().map(|(&number, &count)| (number, count)).collect();
    counts.sort_by_key(|&(number, count)| (std::cmp::Reverse(count), number));
    counts
}

/// `1 client`, `2 clients`; `responses without query`.
pub(super) fn plural(count: u64, what: &str) -> String {
    let (noun, rest) = what.split_once(" without").map_or((what, None), |(noun, rest)| (noun, Some(rest)));
    let end = if count == 1 { "" } else { "s" };
    match rest {
        Some(rest) => format!("{count} {noun}{end} without{rest}"),
        None => format!("{count} {noun}{end}"),
    }
}

/// How long it was watched: `412 ms`, `7.1 s`, `30 s`, `10 min`, `3 h 5 min`.
fn words(length: Duration) -> String {
    let (millis, seconds) = (length.as_millis(), length.as_secs());
    match seconds {
        0 => {
            let mut text = String::new();
            time::push_duration(&mut text, length);
            text
        }
        1..10 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        10..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_as_people_say_them() {
        for (millis, text) in [
            (0, "0 µs"),
            (412, "412 ms"),
            (7_190, "7.1 s"),
            (30_004, "30 s"),
            (119_999, "119 s"),
            (600_000, "10 min"),
            (11_100_000, "3 h 5 min"),
        ] {
            assert_eq!(words(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn nouns_have_plurals() {
        assert_eq!(plural(1, "response without query"), "1 response without query");
        assert_eq!(plural(2, "response without query"), "2 responses without query");
        assert_eq!(plural(0, "client"), "0 clients");
    }
}
