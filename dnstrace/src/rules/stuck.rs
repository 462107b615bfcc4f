//! Queries without response in a row, by flow or by server.

use std::hash::Hash;
use std::time::Duration;

use foldhash::HashMap;

use super::case::Case;
use crate::capture::BootTime;

/// Flows that are kept: what fails is little, or all of it, of which the first are enough.
const FLOWS_MAX: usize = 4_096;
/// A client that sent nothing for so long has closed its socket: conntrack itself forgets a flow after 30 s to 2 min.
const OVER_AFTER: Duration = Duration::from_mins(2);

/// Queries without response since the last that had one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stuck {
    /// When the first began.
    pub(super) first: BootTime,
    /// When the last began.
    last: BootTime,
    /// How many.
    pub(super) count: u32,
    /// Since when something holds that a rule keeps with it.
    pub(super) marked: Option<BootTime>,
    /// Their client, where it is one.
    client: Option<std::net::IpAddr>,
}

impl Stuck {
    /// From the first to the last.
    pub(super) fn lasts(&self) -> Duration {
        self.last.since(self.first)
    }

    /// Whether several clients wait.
    pub(super) fn is_of_several(&self) -> bool {
        self.client.is_none()
    }
}

/// By flow.
#[derive(Debug)]
pub(super) struct StuckFlows<K> {
    flows: HashMap<K, Stuck>,
}

impl<K: Eq + Hash> StuckFlows<K> {
    /// A query had no response; `marked` says that something holds since then, or not. `None` where there is no room.
    pub(super) fn add(&mut self, flow: K, case: &Case, marked: Option<BootTime>) -> Option<Stuck> {
        if self.flows.len() >= FLOWS_MAX && !self.flows.contains_key(&flow) {
            self.flows.retain(|_, stuck| case.time.since(stuck.last) < OVER_AFTER);
            if self.flows.len() >= FLOWS_MAX {
                return None;
            }
        }
        let client = case.client.ip();
        let new = Stuck { first: case.time, last: case.time, count: 0, marked, client: Some(client) };
        let stuck = self.flows.entry(flow).or_insert(new);
        stuck.first = stuck.first.min(case.time);
        stuck.last = stuck.last.max(case.time);
        stuck.count = stuck.count.saturating_add(1);
        stuck.client = stuck.client.filter(|known| *known == client);
        stuck.marked = marked.map(|marked| stuck.marked.map_or(marked, |known| known.min(marked)));
        Some(*stuck)
    }

    /// What is known of a flow.
    pub(super) fn get(&self, flow: &K) -> Option<Stuck> {
        self.flows.get(flow).copied()
    }

    /// A query had a response.
    pub(super) fn forget(&mut self, flow: &K) {
        if !self.flows.is_empty() {
            self.flows.remove(flow);
        }
    }
}

impl<K> Default for StuckFlows<K> {
    fn default() -> Self {
        Self { flows: HashMap::default() }
    }
}
