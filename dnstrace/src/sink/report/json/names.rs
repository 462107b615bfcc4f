//! Names.

use serde::Serialize;

use crate::rules::report::{Counted, Frequent, Report};
use crate::sink::report::names::text;

#[derive(Debug, Serialize)]
pub(super) struct NamesRecord {
    #[serde(rename = "most_queries")]
    queries: Vec<NameRecord>,
    #[serde(rename = "most_failures")]
    failures: Vec<NameRecord>,
    #[serde(rename = "most_wasted")]
    wasted: Vec<WastefulRecord>,
}

impl NamesRecord {
    pub(super) fn new(report: &Report) -> Self {
        let names = |names: &Frequent| names.most().into_iter().map(NameRecord::new).collect();
        let wasteful = report.lookups.wasteful.most();
        Self {
            queries: names(&report.names.queried),
            failures: names(&report.names.failed),
            wasted: wasteful.into_iter().map(WastefulRecord::new).collect(),
        }
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
    response_lost: u64,
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
            response_lost: counted.response_lost,
        }
    }
}

/// A name that was looked up, without its search domains.
#[derive(Debug, Serialize)]
struct WastefulRecord {
    query: String,
    wasted: u64,
    /// How much of that may be other names'.
    #[serde(skip_serializing_if = "Option::is_none")]
    excess: Option<u64>,
    lookups: u64,
}

impl WastefulRecord {
    fn new(counted: &Counted) -> Self {
        Self {
            query: text(counted),
            wasted: counted.count,
            excess: (counted.excess != 0).then_some(counted.excess),
            lookups: counted.lookups,
        }
    }
}
