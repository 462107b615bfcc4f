//! Names.

use serde::Serialize;

use crate::rules::report::{Counted, Frequent, Report};
use crate::sink::report::names::text;

#[derive(Debug, Serialize)]
pub(super) struct NamesRecord {
    most_queries: Vec<NameRecord>,
    most_failures: Vec<NameRecord>,
}

impl NamesRecord {
    pub(super) fn new(report: &Report) -> Self {
        let names = |names: &Frequent| names.most().into_iter().map(NameRecord::new).collect();
        Self { most_queries: names(&report.names.queried), most_failures: names(&report.names.failed) }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct NameRecord {
    query: String,
    count: u64,
    /// How much of the count may be other names'.
    #[serde(skip_serializing_if = "Option::is_none")]
    excess: Option<u64>,
    nxdomain: u64,
    errors: u64,
    no_response: u64,
}

impl NameRecord {
    pub(super) fn new(counted: &Counted) -> Self {
        Self {
            query: text(counted),
            count: counted.count,
            excess: (counted.excess != 0).then_some(counted.excess),
            nxdomain: counted.nxdomain,
            errors: counted.errors,
            no_response: counted.no_response,
        }
    }
}
