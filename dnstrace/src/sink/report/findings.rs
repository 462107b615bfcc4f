//! What is wrong: the verdict in a line, then each finding with its evidence and what to do.

use super::page::{Cell, Line, Tone};
use crate::rules::finding::{Certainty, Finding, Severity};
use crate::sink::finding;

/// Findings that are shown whole: the worst ones come first, and a screen is not more.
const SHOWN_MAX: usize = 12;
/// Transactions that are shown of each.
const EVIDENCE_SHOWN_MAX: usize = 2;
/// What a line is broken at.
const BLANK: &str = " ";

/// A finding as it is shown.
#[derive(Debug)]
pub(super) struct Block {
    /// `ERROR certain upstream-timeout`, and whom it is about.
    pub(super) head: Vec<Cell>,
    /// Below it.
    pub(super) lines: Vec<Line>,
}

/// `3 problems: upstream-timeout, ...`; nothing where there was nothing to judge.
pub(super) fn verdict(findings: &[Finding], is_whole: bool) -> Vec<Cell> {
    let problems: Vec<_> = findings.iter().filter(|finding| finding.severity != Severity::Advice).collect();
    let advice = findings.len() - problems.len();
    if problems.is_empty() {
        let text = if is_whole { "no problem found" } else { "no problem found in what was captured" };
        let also =
            if advice == 0 { String::new() } else { format!(", {}", counted(advice, "piece", "pieces", " of advice")) };
        return vec![Cell::new(format!("{text}{also}"), if is_whole { Tone::Good } else { Tone::Warn })];
    }
    let worst = problems.iter().map(|finding| finding.severity).max();
    let tone = if worst == Some(Severity::Error) { Tone::Bad } else { Tone::Warn };
    let mut ids: Vec<&str> = Vec::new();
    for finding in &problems {
        if !ids.contains(&finding.rule.id) {
            ids.push(finding.rule.id);
        }
    }
    let count = counted(problems.len(), "problem", "problems", "");
    let mut cells = vec![Cell::new(format!("{count}: "), tone)];
    let last = ids.len().saturating_sub(1);
    cells.extend(
        ids.iter().enumerate().map(|(at, id)| Cell::new(format!("{id}{}", if at == last { "" } else { ", " }), tone)),
    );
    cells
}

/// The worst ones.
pub(super) fn blocks(findings: &[Finding]) -> Vec<Block> {
    findings.iter().take(SHOWN_MAX).map(block).collect()
}

/// How many are not shown.
pub(super) fn more(findings: &[Finding]) -> usize {
    findings.len().saturating_sub(SHOWN_MAX)
}

fn block(told: &Finding) -> Block {
    let tone = match told.severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Warn,
        Severity::Advice => Tone::Bold,
    };
    let head = format!("{} {}", told.severity.name().to_uppercase(), told.certainty.name());
    let head = vec![Cell::new(format!("{head}  "), tone), Cell::new(told.rule.id, Tone::Bold)];
    let mut lines =
        vec![line("", &finding::sentence(told), Tone::Bold), line("seen", &finding::times(told), Tone::Plain)];
    lines.extend(finding::affected(told).map(|who| line("for", &who, Tone::Plain)));
    lines.extend(
        told.evidence.iter().take(EVIDENCE_SHOWN_MAX).map(|each| line("e.g.", &finding::evidence(each), Tone::Dim)),
    );
    lines.extend(
        told.facts.iter().map(|fact| line("also", &crate::sink::escape::printable(fact.as_bytes()), Tone::Plain)),
    );
    lines.push(line("do", told.rule.remedy, Tone::Plain));
    if told.certainty < Certainty::Certain {
        let lost = if told.is_lowered { "packets were lost in capture; " } else { "" };
        lines.push(line("surer", &format!("{lost}{}", told.rule.surer), Tone::Dim));
    }
    lines.push(line("read", told.rule.link, Tone::Dim));
    Block { head, lines }
}

/// Words, for lines to be broken between them.
fn line(label: &str, text: &str, tone: Tone) -> Line {
    let parts = text.split(' ').map(|word| Cell::new(word, tone)).collect();
    Line { label: format!("  {label}"), parts, separator: BLANK }
}

fn counted(count: usize, one: &str, many: &str, of: &str) -> String {
    format!("{count} {}{of}", if count == 1 { one } else { many })
}
