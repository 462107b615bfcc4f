//! `max-concurrent-refused`: CoreDNS waits for as many upstream responses as it may, and refuses what comes.

use std::net::SocketAddr;
use std::time::Duration;

use super::Rule;
use crate::capture::BootTime;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::recent::Recent;
use crate::rules::upstream::asks_in_clear;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "max-concurrent-refused",
    title: "CoreDNS refuses queries, as too many wait for its upstream servers",
    severity: Severity::Error,
    meaning: "CoreDNS's `forward` keeps `max_concurrent` queries (1000 as kubeadm sets it) open at most, and answers REFUSED \
              to all others at once (SERVFAIL before 1.8.1). It is reached when upstream servers answer slowly, or not at \
              all, while many names are asked for. Names of the cluster and from the cache go on working; applications \
              fail at once, with musl after 5 s.",
    signature: "REFUSED within a few milliseconds, not asked on, while more queries of the same CoreDNS wait for upstream \
                servers than at any other time; the same client had such queries asked on before. It is likely, as the \
                setting itself is not seen: an `acl` that depends on the name gives the same picture.",
    remedy: "Repair what makes upstream servers slow first: their findings, if any, stand beside this one. Then raise \
             `max_concurrent` in CoreDNS's `forward` block (some 2 KiB of memory for each), or run more CoreDNS pods.",
    link: "https://coredns.io/plugins/forward/",
    surer: "CoreDNS's log: `concurrent queries exceeded maximum`",
    explains_failure: true,
};

const REFUSED: u16 = 5;
/// Nobody was asked who is farther away: CoreDNS itself takes microseconds, on a busy node a little more.
const AT_ONCE: Duration = Duration::from_millis(20);
/// One query that waits is no crowd.
const WAITING_MIN: usize = 2;
/// What waits changes slowly against this, and counting it takes a look at every transaction of the window.
const COUNTED_AGAIN: Duration = Duration::from_millis(100);
/// Servers whose count is remembered.
const SERVERS_MAX: usize = 64;

/// See [`EXPLANATION`].
pub(super) struct MaxConcurrentRefused {
    crowds: Recent<SocketAddr, Crowd>,
}

/// Queries that waited for upstream servers.
#[derive(Clone, Copy)]
struct Crowd {
    counted: BootTime,
    waiting: usize,
    peak: usize,
}

impl Default for MaxConcurrentRefused {
    fn default() -> Self {
        Self { crowds: Recent::new(SERVERS_MAX) }
    }
}

impl Rule for MaxConcurrentRefused {
    fn settled(&mut self, case: &Case, world: &World<'_>, found: &mut Found<'_>) {
        if !is_refused_at_once(case) || found.explained(case).is_some() || !asks_in_clear(case, world) {
            return;
        }
        let crowd = self.crowd(case, world);
        if !crowd.is_full() || !is_served_otherwise(case, world) {
            return;
        }
        let claim = Claim { case, subject: Subject::responder(case), certainty: Certainty::Likely };
        let waiting = crowd.waiting;
        found.missed(claim, || format!("refuses queries while {waiting} others wait for its upstream servers"));
    }

    fn evicted(&self) -> u64 {
        self.crowds.evicted()
    }
}

impl MaxConcurrentRefused {
    fn crowd(&mut self, case: &Case, world: &World<'_>) -> Crowd {
        let server = case.responder();
        let is_fresh = |crowd: &&Crowd| case.time >= crowd.counted && case.time.since(crowd.counted) < COUNTED_AGAIN;
        if let Some(crowd) = self.crowds.get(&server).filter(is_fresh) {
            return *crowd;
        }
        let crowd = Crowd::count(case, world);
        self.crowds.insert(server, crowd);
        crowd
    }
}

impl Crowd {
    /// As many wait as ever do, as far as all of them are seen.
    fn is_full(&self) -> bool {
        self.waiting >= WAITING_MIN && self.waiting * 10 >= self.peak * 9
    }

    fn count(case: &Case, world: &World<'_>) -> Self {
        let others = world.window.all().filter(|other| other.caused() > 0 && other.responder() == case.responder());
        let spans: Vec<_> = others.map(|other| (other.time, until(other))).collect();
        let mut edges: Vec<_> = spans.iter().flat_map(|(from, until)| [(*from, 1_i64), (*until, -1)]).collect();
        // At one instant those that are over go first.
        edges.sort_unstable();
        let sums = edges.iter().scan(0, |sum, (_, change)| {
            *sum += change;
            Some(*sum)
        });
        let waiting = spans.iter().filter(|(from, until)| *from <= case.time && *until > case.time).count();
        Self { counted: case.time, waiting, peak: usize::try_from(sums.max().unwrap_or(0)).unwrap_or(0) }
    }
}

/// How long its server had it open: CoreDNS does not wait longer than 6 s.
fn until(case: &Case) -> BootTime {
    case.time.after(case.response_time.unwrap_or(Duration::from_secs(6)))
}

fn is_refused_at_once(case: &Case) -> bool {
    let is_fast = case.response_time.is_some_and(|time| time < AT_ONCE);
    case.rcode() == Some(REFUSED) && is_fast && case.caused() == 0
}

/// An `acl` refuses a client, or a type, always.
fn is_served_otherwise(case: &Case, world: &World<'_>) -> bool {
    world.window.all().any(|other| {
        let is_same = other.client.ip() == case.client.ip() && other.qtype() == case.qtype();
        is_same && other.caused() > 0 && other.responder() == case.responder()
    })
}
