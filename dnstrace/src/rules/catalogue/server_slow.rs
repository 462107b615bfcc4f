//! `server-slow`: a server takes its time for what it knows itself.

use std::net::SocketAddr;
use std::time::Duration;

use super::Rule;
use crate::capture::BootTime;
use crate::join::MessageKind;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::key::Key;
use crate::rules::recent::Recent;
use crate::rules::stage::Ended;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "server-slow",
    title: "a DNS server is slow with names that it knows itself",
    severity: Severity::Warning,
    meaning: "The server took more than 100 ms (--slow) for names of the cluster, about which it asks nobody else: CoreDNS has them \
              in memory, and needs well under a millisecond. It waits for CPU: a limit that throttles it (pauses of up \
              to 100 ms are typical of that), a node that is full, or more queries than one pod can take.",
    signature: "At least five responses, and one in a hundred, for names of the cluster domain and with authority, took longer \
                than 100 ms (--slow) within some ten seconds. Certain when query and response were seen at the server's own \
                socket; likely when they were seen on the way there.",
    remedy: "Look at the CPU of the CoreDNS pods (`kubectl -n kube-system top pods -l k8s-app=kube-dns`, and `nr_throttled` \
             in `cpu.stat`); raise or remove their CPU limit, run more of them, or use NodeLocal DNSCache.",
    link: "https://kubernetes.io/docs/tasks/administer-cluster/dns-horizontal-autoscaling/",
    surer: "the `socket` hook on the node of the server, and its cgroup's cpu.stat",
    explains_failure: false,
};

/// Rates are of so long.
const PERIOD: Duration = Duration::from_secs(10);
/// A few slow responses are chance: a cold cache, a pod that just started.
const SLOW_MIN: u32 = 5;
/// One in a hundred: then the 99th percentile is slow.
const SLOW_SHARE: u32 = 100;
/// Servers that are watched.
const SERVERS_MAX: usize = 256;

/// See [`EXPLANATION`].
pub(super) struct ServerSlow {
    servers: Recent<Key<SocketAddr>, Rate>,
}

/// Of this period and the one before it: that something was slow is known some seconds later.
#[derive(Default)]
struct Rate {
    since: BootTime,
    now: Counts,
    before: Counts,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    responses: u32,
    slow: u32,
}

impl Default for ServerSlow {
    fn default() -> Self {
        Self { servers: Recent::new(SERVERS_MAX) }
    }
}

impl Rule for ServerSlow {
    fn ended(&mut self, ended: &Ended<'_>, _world: &World<'_>, _found: &mut Found<'_>) {
        if ended.case.rcode().is_some() {
            self.servers.entry(&Key(ended.case.responder())).count(ended.case.end);
        }
    }

    fn ended_well(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        self.ended(ended, world, found);
    }

    fn settled(&mut self, case: &Case, world: &World<'_>, found: &mut Found<'_>) {
        let slow = Some(world.slow);
        let is_slow = case.response_time >= slow && time_at_server(case) >= slow;
        if !is_slow || !is_its_own(case, world) {
            return;
        }
        let rate = self.servers.get_mut(&Key(case.responder()));
        if !rate.is_some_and(|rate| rate.add_slow(case.end)) {
            return;
        }
        let is_at_socket = case.server_response_time.is_some();
        let certainty = if is_at_socket { Certainty::Certain } else { Certainty::Likely };
        let claim = Claim { case, subject: Subject::responder(case), certainty };
        let slow = world.slow.as_millis();
        found.missed(claim, || format!("takes more than {slow} ms to answer what it knows itself"));
    }

    fn evicted(&self) -> u64 {
        self.servers.evicted()
    }
}

impl Rate {
    fn count(&mut self, at: BootTime) {
        let age = at.since(self.since);
        if age >= PERIOD {
            self.before = if age < PERIOD * 2 { self.now } else { Counts::default() };
            (self.since, self.now) = (at, Counts::default());
        }
        self.now.responses = self.now.responses.saturating_add(1);
    }

    /// Counts a slow response that ended at `end`; whether there are too many.
    fn add_slow(&mut self, end: BootTime) -> bool {
        // Of what was before that, the number of responses is not known any more.
        if self.since.since(end) > PERIOD {
            return false;
        }
        self.now.slow = self.now.slow.saturating_add(1);
        let slow = self.now.slow + self.before.slow;
        let responses = self.now.responses.saturating_add(self.before.responses);
        slow >= SLOW_MIN && slow.saturating_mul(SLOW_SHARE) >= responses
    }
}

/// Answered with authority for the cluster domain, and nobody else was asked. Outside of it, forwarders merge questions:
/// one waits for another's response.
fn is_its_own(case: &Case, world: &World<'_>) -> bool {
    let is_authority = case.answer.as_ref().is_some_and(|answer| answer.authoritative) && !case.is_error();
    let domain = world.domain();
    let is_cluster_name = domain.zip(case.name()).is_some_and(|(domain, name)| name.is_within(domain));
    let asked = world.window.of(case.responder().ip(), case).next().is_some();
    case.rcode().is_some() && is_authority && is_cluster_name && case.caused() == 0 && !asked
}

/// From the last sighting of the query to the first of its response.
fn time_at_server(case: &Case) -> Option<Duration> {
    let between = || {
        let response = case.path.iter().find(|hop| hop.message == MessageKind::Response)?;
        let is_before = |hop: &&crate::join::Hop| hop.message == MessageKind::Query && hop.time <= response.time;
        Some(response.time.since(case.path.iter().rfind(is_before)?.time))
    };
    case.server_response_time.or_else(between)
}
