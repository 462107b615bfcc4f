//! A report as one JSON object, schema `dnstrace.report/1`: `dnstrace/schemas/report.schema.json` describes it.

mod counts;
mod names;
mod places;
mod rows;

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use counts::{Counts, LookupCounts};
use names::NamesRecord;
use places::{ServerName, Unanswered};
use rows::{ClientRecord, ServerRecord};

use super::{Observed, page};
use crate::rules::Ledger;
use crate::rules::report::{Bounded, Report, worst_first};
use crate::sink::json::{FindingRecord, LedgerRecord, line, micros};
use crate::sink::{Summary, iana, time};

/// Version of the object: a change that a reader could stumble over gets another number.
const SCHEMA: &str = "dnstrace.report/1";

pub(super) fn write(observed: &Observed, summary: &Summary) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    line(&Whole::new(observed, summary), &mut out)?;
    Ok(out)
}

#[derive(Debug, Serialize)]
struct Whole<'a> {
    schema: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<String>,
    findings: Vec<FindingRecord<'a>>,
    transactions: u64,
    #[serde(flatten)]
    total: Counts,
    #[serde(flatten)]
    lookups: LookupCounts,
    slow_us: u64,
    clients: Vec<ClientRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other_clients: Option<ClientRecord<'a>>,
    last_seen: Vec<Unanswered>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen_elsewhere: Option<Unanswered>,
    servers: Vec<ServerRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other_servers: Option<ServerRecord<'a>>,
    names: NamesRecord,
    rcodes: BTreeMap<String, u64>,
    record_types: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other_record_types: Option<u64>,
    /// By the ledger in which it is.
    lost: BTreeMap<&'static str, u64>,
    ledger: Vec<LedgerRecord<'a>>,
    adds_up: bool,
    quality: BTreeMap<&'static str, u64>,
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

impl<'a> Whole<'a> {
    fn new(observed: &'a Observed, summary: &'a Summary) -> Self {
        let report = &*observed.report;
        let walls = report.span.walls();
        let lost = summary.ledgers.iter().map(|ledger| (ledger.what, ledger.lost()));
        let (last_seen, last_seen_elsewhere) = places::unanswered(observed);
        Self {
            schema: SCHEMA,
            from: walls.map(|(from, _)| time::rfc3339(from)),
            until: walls.map(|(_, until)| time::rfc3339(until)),
            duration_us: report.span.length().map(micros),
            verdict: page::verdict(observed, summary).map(|cells| cells.into_iter().map(|cell| cell.text).collect()),
            findings: observed.findings.iter().map(FindingRecord::new).collect(),
            transactions: report.total.transactions(),
            total: Counts::new(&report.total),
            lookups: LookupCounts::new(&report.lookups),
            slow_us: micros(report.slow),
            clients: clients(report),
            other_clients: report.clients.others().map(|client| ClientRecord::new(None, client)),
            last_seen,
            last_seen_elsewhere,
            servers: servers(report),
            other_servers: report.servers.others().map(|server| ServerRecord::new(None, server)),
            names: NamesRecord::new(report),
            rcodes: report.rcodes.iter().map(|(&code, &count)| (iana::rcode(code).into_owned(), count)).collect(),
            record_types: record_types(&report.types),
            other_record_types: report.types.others().copied(),
            lost: lost.filter(|&(_, count)| count != 0).collect(),
            ledger: summary.ledgers.iter().map(LedgerRecord::new).collect(),
            adds_up: summary.ledgers.iter().all(Ledger::adds_up),
            quality: summary.quality.iter().copied().collect(),
            warnings: &summary.warnings,
            error: summary.error.as_deref(),
        }
    }
}

fn clients(report: &Report) -> Vec<ClientRecord<'_>> {
    let clients = worst_first(&report.clients, |client| &client.tally);
    clients.into_iter().map(|(asker, client)| ClientRecord::new(Some(asker), client)).collect()
}

fn servers(report: &Report) -> Vec<ServerRecord<'_>> {
    let servers = worst_first(&report.servers, |server| &server.tally);
    servers.into_iter().map(|(asked, server)| ServerRecord::new(Some(ServerName::new(asked)), server)).collect()
}

fn record_types(types: &Bounded<u16, u64>) -> BTreeMap<String, u64> {
    types.iter().map(|(&qtype, &count)| (iana::record_type(qtype).into_owned(), count)).collect()
}
