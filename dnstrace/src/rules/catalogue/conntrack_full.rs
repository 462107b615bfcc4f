//! `conntrack-full`: the node's table of connections has no room, so new ones are dropped.

use super::Rule;
use crate::owner::fact::Conntrack;
use crate::rules::case::Case;
use crate::rules::finding::{About, Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::path::{self, Leg};
use crate::rules::signs::{Dropped, drops};
use crate::rules::stage::Ended;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "conntrack-full",
    title: "the node's connection tracking table is full, and new packets are dropped",
    severity: Severity::Error,
    meaning: "Each DNS query over UDP takes an entry of the node's connection table for 30 seconds or more. When there is \
              none left, the first packet of anything new is dropped: lookups and connections of all pods fail now and \
              then, and the kernel logs \"nf_conntrack: table full, dropping packet\".",
    signature: "The table has no room left while a netfilter hook drops a query: certain. Likely when the kernel counted \
                such drops before, or a query vanishes on the node while the table is full.",
    remedy: "Raise the limit: sysctl net.netfilter.nf_conntrack_max, or conntrack.maxPerCore of kube-proxy. NodeLocal \
             DNSCache takes DNS out of the table. conntrack -S counts the drops.",
    link: "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-proxy/",
    surer: "the drop hook, and the node's conntrack counters (both live only)",
    explains_failure: true,
};

/// Entries are freed and taken all the time: a table that drops is seen a little below its limit.
const FULL_PERCENT: u64 = 95;

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct ConntrackFull {
    /// Packets that had been dropped for want of room when we began.
    dropped_before: Option<u64>,
}

impl Rule for ConntrackFull {
    fn ended(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        let Some(conntrack) = world.conntrack() else { return };
        let case = ended.case;
        let dropped_before = *self.dropped_before.get_or_insert(conntrack.dropped);
        let has_dropped = conntrack.dropped > dropped_before;
        if (!is_full(conntrack) && !has_dropped) || found.explained(case).is_some() {
            return;
        }
        let Some(certainty) = certainty(case, is_full(conntrack), world) else { return };
        let claim = Claim { case, subject: Subject::node(), certainty };
        let Conntrack { count, max, .. } = *conntrack;
        found.seen(claim, || {
            format!("drops queries as its connection tracking table is full: {count} of {max} entries")
        });
        if has_dropped {
            found.fact(&About::Node, "the kernel counts packets dropped for want of room".to_owned());
        }
    }

    fn tick(&mut self, world: &World<'_>, _found: &mut Found<'_>) {
        if let Some(conntrack) = world.conntrack() {
            self.dropped_before.get_or_insert(conntrack.dropped);
        }
    }
}

fn is_full(conntrack: &Conntrack) -> bool {
    conntrack.max > 0 && conntrack.count * 100 >= conntrack.max * FULL_PERCENT
}

fn certainty(case: &Case, is_full: bool, world: &World<'_>) -> Option<Certainty> {
    let is_dropped = drops(&case.signs).any(|dropped: Dropped<'_>| dropped.is_by_netfilter_hook());
    let has_vanished = || {
        case.is_unanswered()
            && case.signs.is_empty()
            && path::leg(case, world) == Some(Leg::Client)
            && world.sees_forwarding(case.server)
    };
    match (is_dropped, is_full) {
        (true, true) => Some(Certainty::Certain),
        // The table was full for a moment, or it counts something else.
        (true, false) => Some(Certainty::Likely),
        (false, true) => has_vanished().then_some(Certainty::Likely),
        (false, false) => None,
    }
}
