//! Findings in words.

use std::fmt::Write;

use anstyle::Style;

use super::escape::printable;
use super::message::mark;
use super::{Palette, time};
use crate::decode::iana;
use crate::rules::finding::{Evidence, Finding, Severity, Subject};

/// Whom it is about: `shop/web-7d9c`, `svc kube-system/kube-dns (10.96.0.10)`, `192.0.2.53`.
pub(super) fn subject(subject: &Subject) -> String {
    printable(subject.to_string().as_bytes())
}

/// What is wrong, in one sentence with its subject.
pub(super) fn sentence(finding: &Finding) -> String {
    printable(format!("{} {}", finding.subject, finding.sentence).as_bytes())
}

/// How often, and when: `12 times, 10:03:11.120 to 10:03:40.007`.
pub(super) fn times(finding: &Finding) -> String {
    let (mut first, mut last) = (String::new(), String::new());
    time::push_time_of_day(&mut first, finding.first.1);
    time::push_time_of_day(&mut last, finding.last.1);
    match finding.count {
        1 => format!("once, at {first}"),
        count => format!("{count} times, {first} to {last}{}", rate(finding)),
    }
}

/// Above one a second, a rate says more than a count.
fn rate(finding: &Finding) -> String {
    let seconds = finding.last.0.since(finding.first.0).as_secs();
    match finding.count.checked_div(seconds) {
        Some(rate) if rate > 0 => format!(", {rate}/s"),
        _ => String::new(),
    }
}

/// Who suffers from it: `shop/web-7d9c, shop/db-0 and 3 more`; `None` where only the subject itself does.
pub(super) fn affected(finding: &Finding) -> Option<String> {
    let names: Vec<_> = finding.affected.iter().map(subject).collect();
    let more = finding.affected_count.saturating_sub(names.len() as u64);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    (!names.is_empty()).then(|| format!("{}{more}", names.join(", ")))
}

/// One transaction: `#1cf83e 10:03:11.120 A drop1.example: no response`.
pub(super) fn evidence(evidence: &Evidence) -> String {
    let mut text = mark(evidence.transaction);
    text.push(' ');
    time::push_time_of_day(&mut text, evidence.wall);
    if let Some((name, qtype)) = &evidence.question {
        // Writing to a `String` cannot fail.
        let _ = write!(text, " {} {name}", iana::record_type(*qtype));
    }
    text.push_str(": ");
    text.push_str(&printable(evidence.fate.as_bytes()));
    text
}

/// What the eye looks for first.
pub(super) fn style(severity: Severity, palette: &Palette) -> Style {
    match severity {
        Severity::Error => palette.bad,
        Severity::Warning => palette.warn,
        Severity::Advice => palette.bold,
    }
}
