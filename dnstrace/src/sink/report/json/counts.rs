//! How transactions ended, and how long they took.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::rules::lookup::LookupOutcome;
use crate::rules::report::{Libcs, Lookups, ResponseTimes, Tally};
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
    response_lost: u64,
    truncated: u64,
    asked_again_over_tcp: u64,
    no_response: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    lost_by_leg: BTreeMap<&'static str, u64>,
    outstanding: u64,
    retransmits: u64,
    duplicate_responses: u64,
    unsolicited: u64,
    late: u64,
    lookups: u64,
    wasted: u64,
    looped: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    slow_by_part: BTreeMap<&'static str, u64>,
}

impl Counts {
    pub(super) fn new(tally: &Tally) -> Self {
        Self {
            queries: tally.queries,
            reached_server: (tally.reached != 0).then_some(tally.reached),
            answered: tally.answered,
            nxdomain: tally.nxdomain,
            errors: tally.errors,
            response_lost: tally.response_lost,
            truncated: tally.truncated,
            asked_again_over_tcp: tally.asked_again,
            no_response: tally.no_response,
            lost_by_leg: tally.legs.iter().map(|(leg, count)| (leg.name(), count)).collect(),
            outstanding: tally.outstanding,
            retransmits: tally.retransmissions,
            duplicate_responses: tally.duplicate_responses,
            unsolicited: tally.unsolicited,
            late: tally.late,
            lookups: tally.lookups,
            wasted: tally.wasted,
            looped: tally.looped,
            slow_by_part: tally.slow.iter().map(|(part, count)| (part.name(), count)).collect(),
        }
    }
}

/// What applications asked.
#[derive(Debug, Serialize)]
pub(super) struct LookupCounts {
    lookups_by_outcome: BTreeMap<&'static str, u64>,
    lookup_queries: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lookup_us: Option<Times>,
    libc_inferred: BTreeMap<&'static str, u64>,
}

impl LookupCounts {
    pub(super) fn new(lookups: &Lookups) -> Self {
        Self {
            lookups_by_outcome: LookupOutcome::ALL.map(|outcome| (outcome.name(), lookups.get(outcome))).into(),
            lookup_queries: lookups.queries,
            lookup_us: Times::new(&lookups.times),
            libc_inferred: libcs(&lookups.libcs),
        }
    }
}

/// Lookups, by what seems to have made them.
pub(super) fn libcs(libcs: &Libcs) -> BTreeMap<&'static str, u64> {
    libcs.iter().map(|(libc, count)| (libc.name(), count)).collect()
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
