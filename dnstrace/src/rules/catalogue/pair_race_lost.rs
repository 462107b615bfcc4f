//! `pair-race-lost`: of two queries sent at once, one is lost as its address is translated.

use std::hash::BuildHasher;
use std::time::Duration;

use foldhash::fast::RandomState;

use super::Rule;
use crate::capture::BootTime;
use crate::decode::Transport;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::path;
use crate::rules::sets::Sets;
use crate::rules::signs::{Dropped, drops};
use crate::rules::stage::Ended;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "pair-race-lost",
    title: "one of two queries sent at once is lost at the node's NAT (the five-second delay)",
    severity: Severity::Warning,
    meaning: "Stub resolvers send the queries for A and AAAA at the same moment from one port. On old kernels both make the \
              same new conntrack entry, and the later one is dropped. The stub resolver asks again after its timeout: some \
              lookups take 2.5 or 5 seconds longer, at random.",
    signature: "Two queries for A and AAAA of one name from one port within a millisecond; one is sent on and answered, the \
                other one is seen as it comes in and never behind that. That it was lost at NAT is certain. The race is \
                likely when the kernel's counter insert_failed rises or it drops the packet in nf_hook_slow, else suspected.",
    remedy: "Update the node's kernel (5.7 or later resolves such clashes), or use NodeLocal DNSCache, which leaves NAT out. For \
             pods with glibc: dnsConfig with the option single-request-reopen.",
    link: "https://kubernetes.io/docs/tasks/administer-cluster/nodelocaldns/",
    surer: "conntrack counters of the node and the drop hook (both live only)",
    explains_failure: true,
};

const A: u16 = 1;
const AAAA: u16 = 28;
/// Stub resolvers send both within 50 us; a busy node sees them somewhat later.
const PAIR: Duration = Duration::from_millis(1);
/// The other one of the pair was answered within this time, so the server was there.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Queries that were answered at once are remembered until one that was sent with it is given up, five seconds later: there
/// is room for a thousand a second.
const ANSWERED_MAX: usize = 8_192;

/// See [`EXPLANATION`].
pub(super) struct PairRaceLost {
    /// Entries that could not be made before we began.
    failed_before: Option<u64>,
    hasher: RandomState,
    /// Those that were answered, by the hash of what is asked in which flow; the time is that of their sending.
    answered: Sets<(), 4>,
}

impl Default for PairRaceLost {
    fn default() -> Self {
        Self { failed_before: None, hasher: RandomState::default(), answered: Sets::new(ANSWERED_MAX) }
    }
}

impl Rule for PairRaceLost {
    fn ended(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        let failed = world.conntrack().map(|conntrack| conntrack.insert_failed);
        let failed_before = failed.map(|failed| *self.failed_before.get_or_insert(failed));
        let case = ended.case;
        self.remember(case);
        if !is_first_lost(case) || found.explained(case).is_some() || !self.has_other(case, world) {
            return;
        }
        let is_dropped = drops(&case.signs).any(|dropped: Dropped<'_>| dropped.is_by_netfilter_hook());
        let certainty = if is_dropped || failed > failed_before { Certainty::Likely } else { Certainty::Suspected };
        let claim = Claim { case, subject: Subject::node(), certainty };
        found.missed(claim, || {
            "loses one of two queries that a client sends at once (A and AAAA), where it translates addresses"
                .to_owned()
        });
    }

    fn ended_well(&mut self, ended: &Ended<'_>, _world: &World<'_>, _found: &mut Found<'_>) {
        self.remember(ended.case);
    }

    fn tick(&mut self, world: &World<'_>, _found: &mut Found<'_>) {
        if let Some(conntrack) = world.conntrack() {
            self.failed_before.get_or_insert(conntrack.insert_failed);
        }
    }
}

impl PairRaceLost {
    /// Keeps what may be the other query of a pair, where it was translated and answered.
    fn remember(&mut self, case: &Case) {
        if is_answered_at_once(case) && other_type(case).is_some() {
            self.answered.push(self.hash(case, case.qtype()), case.time, ());
        }
    }

    /// Whether the other query of the pair was.
    fn has_other(&self, case: &Case, world: &World<'_>) -> bool {
        let Some(other) = other_type(case) else { return false };
        let is_beside = |sent: BootTime| sent.since(case.time).max(case.time.since(sent)) <= PAIR;
        let mut others = self.answered.with(self.hash(case, Some(other)));
        world.sees_forwarding(case.server) && others.any(|other| is_beside(other.time))
    }

    /// Of a query of this flow.
    fn hash(&self, case: &Case, qtype: Option<u16>) -> u64 {
        self.hasher.hash_one((case.client, case.server, case.transport, case.name_hash, qtype))
    }
}

/// Whether the first sending was seen as it came in, and never behind that, and was sent again or had no response.
fn is_first_lost(case: &Case) -> bool {
    let is_again = case.is_unanswered() || case.attempts.len() > 1;
    let is_plain = drops(&case.signs).all(|dropped| dropped.is_by_netfilter_hook());
    let mut first = case.path.iter().filter(|hop| hop.attempt == 0);
    let is_seen = path::entry(&case.path).is_some_and(|entry| entry.attempt == 0);
    let is_lost = is_seen && !first.any(|hop| path::is_forwarded(hop, case.server));
    case.transport == Transport::Udp && is_again && is_plain && is_lost
}

/// A and AAAA are asked together.
fn other_type(case: &Case) -> Option<u16> {
    match case.qtype()? {
        A => Some(AAAA),
        AAAA => Some(A),
        _ => None,
    }
}

fn is_answered_at_once(case: &Case) -> bool {
    case.server_after_nat.is_some() && case.response_time.is_some_and(|time| time <= AT_ONCE)
}
