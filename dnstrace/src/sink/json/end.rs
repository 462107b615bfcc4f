//! Records beside the transactions: what was lost, and what a run adds up to.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::rules::Ledger;
use crate::sink::{Lost, Summary, iana, time};

/// `"kind":"lost"`.
#[derive(Debug, Serialize)]
pub(super) struct LostRecord {
    schema: &'static str,
    kind: &'static str,
    hook: &'static str,
    reason: &'static str,
    count: u64,
    from: String,
    until: String,
}

impl LostRecord {
    pub(super) fn new(lost: &Lost) -> Self {
        Self {
            schema: super::SCHEMA,
            kind: "lost",
            hook: lost.place,
            reason: lost.reason,
            count: lost.count,
            from: time::rfc3339(lost.from),
            until: time::rfc3339(lost.until),
        }
    }
}

/// `"kind":"summary"`.
#[derive(Debug, Serialize)]
pub(super) struct SummaryRecord<'a> {
    schema: &'static str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    packets: u64,
    messages: u64,
    transactions: u64,
    answered: u64,
    response_lost: u64,
    no_response: u64,
    unsolicited: u64,
    late: u64,
    outstanding: u64,
    truncated: u64,
    retransmits: u64,
    rcodes: BTreeMap<String, u64>,
    /// Packets that found the ring buffer full, records that found the output too slow.
    lost: u64,
    ledger: Vec<LedgerRecord<'a>>,
    adds_up: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    quality: BTreeMap<&'static str, u64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

#[derive(Debug, Serialize)]
pub(in crate::sink) struct LedgerRecord<'a> {
    what: &'a str,
    total: u64,
    parts: BTreeMap<&'static str, u64>,
    adds_up: bool,
}

impl<'a> SummaryRecord<'a> {
    pub(super) fn new(summary: &'a Summary) -> Self {
        let totals = &summary.totals;
        Self {
            schema: super::SCHEMA,
            kind: "summary",
            from: totals.span.map(|(first, _)| time::rfc3339(first)),
            until: totals.span.map(|(_, last)| time::rfc3339(last)),
            packets: summary.packets,
            messages: summary.messages,
            transactions: totals.transactions,
            answered: totals.answered,
            response_lost: totals.response_lost,
            no_response: totals.no_response,
            unsolicited: totals.unsolicited,
            late: totals.late,
            outstanding: totals.outstanding,
            truncated: totals.truncated,
            retransmits: totals.retransmissions,
            rcodes: totals.rcodes.iter().map(|(&rcode, &count)| (iana::rcode(rcode).into_owned(), count)).collect(),
            lost: summary.ledgers.iter().map(Ledger::lost).sum(),
            ledger: summary.ledgers.iter().map(LedgerRecord::new).collect(),
            adds_up: summary.ledgers.iter().all(Ledger::adds_up),
            quality: summary.quality.iter().copied().collect(),
            warnings: &summary.warnings,
            error: summary.error.as_deref(),
        }
    }
}

impl<'a> LedgerRecord<'a> {
    pub(in crate::sink) fn new(ledger: &'a Ledger) -> Self {
        Self {
            what: ledger.what,
            total: ledger.total,
            parts: ledger.parts.iter().copied().collect(),
            adds_up: ledger.adds_up(),
        }
    }
}
