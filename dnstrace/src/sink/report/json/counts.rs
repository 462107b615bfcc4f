//! How transactions ended, and how long they took.

use serde::Serialize;

use crate::rules::report::{ResponseTimes, Tally};
use crate::sink::json::micros;

/// How transactions ended.
#[derive(Debug, Serialize)]
pub(super) struct Counts {
    queries: u64,
    /// Absent where no query was seen at the socket of a server.
    #[serde(skip_serializing_if = "Option::is_none")]
    reached_server: Option<u64>,
    answered: u64,
    nxdomain: u64,
    errors: u64,
    truncated: u64,
    asked_again_over_tcp: u64,
    no_response: u64,
    outstanding: u64,
    retransmits: u64,
    duplicate_responses: u64,
    unsolicited: u64,
    late: u64,
    lookups: u64,
    wasted: u64,
    looped: u64,
}

impl Counts {
    pub(super) fn new(tally: &Tally) -> Self {
        Self {
            queries: tally.queries,
            reached_server: (tally.reached != 0).then_some(tally.reached),
            answered: tally.answered,
            nxdomain: tally.nxdomain,
            errors: tally.errors,
            truncated: tally.truncated,
            asked_again_over_tcp: tally.asked_again,
            no_response: tally.no_response,
            outstanding: tally.outstanding,
            retransmits: tally.retransmissions,
            duplicate_responses: tally.duplicate_responses,
            unsolicited: tally.unsolicited,
            late: tally.late,
            lookups: tally.lookups,
            wasted: tally.wasted,
            looped: tally.looped,
        }
    }
}

/// Response times.
#[derive(Debug, Serialize)]
pub(super) struct Times {
    p50: u64,
    p99: u64,
    max: u64,
}

impl Times {
    pub(super) fn new(times: &ResponseTimes) -> Option<Self> {
        let [p50, p99] = [0.5, 0.99].map(|share| times.quantile(share).map(micros));
        Some(Self { p50: p50?, p99: p99?, max: micros(times.longest()?) })
    }
}
