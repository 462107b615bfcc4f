//! `upstream-rate-limited`: an upstream server answers so many queries a second, and no more.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::Rule;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::recent::Recent;
use crate::rules::stage::Ended;
use crate::rules::upstream::{Blame, blame, is_to_cluster};
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "upstream-rate-limited",
    title: "an upstream server answers only so many queries a second from this node",
    severity: Severity::Warning,
    meaning: "When many names are asked for, some of what CoreDNS sends to its upstream server has no response, while other \
              queries of the same moment are answered as usual. Cloud providers limit the rate of each network interface \
              (AWS: 1024 packets a second to its resolver), firewalls and resolvers that of each client. Applications see \
              names that fail, or take 2 s, now and then.",
    signature: "In three seconds or more some queries to the server had no response and others had one, about as many in each \
                of these seconds; in three or more with fewer queries all were answered. It is suspected, as packets that \
                get lost on a full line look the same; likely when that number is the limit of AWS.",
    remedy: "Spread CoreDNS over more nodes (anti-affinity), use NodeLocal DNSCache, keep answers longer in its `cache`, and \
             lower `ndots` in pods that ask for names outside. On AWS, `ethtool -S eth0 | grep allowance` counts what was \
             dropped.",
    link: "https://kubernetes.io/docs/tasks/administer-cluster/nodelocaldns/",
    surer: "`linklocal_allowance_exceeded` of the node's interface, or the server's own statistics",
    explains_failure: true,
};

/// Servers that are watched.
const SERVERS_MAX: usize = 64;
/// Seconds that are remembered of each.
const SECONDS_MAX: usize = 32;
/// What is true of fewer seconds is chance.
const SECONDS_MIN: usize = 3;
/// Nobody limits a client to fewer queries a second.
const RATE_MIN: u32 = 50;
/// AWS's limit, and what is near it.
const AWS: std::ops::RangeInclusive<u32> = 950..=1_050;

/// See [`EXPLANATION`].
pub(super) struct UpstreamRateLimited {
    servers: Recent<SocketAddr, VecDeque<Second>>,
}

/// Queries that were sent in one second.
#[derive(Clone, Copy, Debug)]
struct Second {
    at: u64,
    answered: u32,
    lost: u32,
}

impl Default for UpstreamRateLimited {
    fn default() -> Self {
        Self { servers: Recent::new(SERVERS_MAX) }
    }
}

impl Rule for UpstreamRateLimited {
    fn ended(&mut self, ended: &Ended<'_>, world: &World<'_>, _found: &mut Found<'_>) {
        let case = ended.case;
        let is_counted = case.rcode().is_some() || case.is_unanswered();
        if case.is_upstream() && is_counted && case.signs.is_empty() && !is_to_cluster(case, world) {
            count(self.servers.entry(&case.responder()), case);
        }
    }

    fn ended_well(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        self.ended(ended, world, found);
    }

    fn settled(&mut self, case: &Case, world: &World<'_>, found: &mut Found<'_>) {
        if !case.failed() || found.explained(case).is_some() {
            return;
        }
        let Blame { culprits, between } = blame(case, world);
        let own = Some(case).filter(|case| case.is_upstream() && case.caused() == 0);
        for lost in culprits.into_iter().chain(own).filter(|lost| lost.is_unanswered() && lost.signs.is_empty()) {
            let Some(limit) = self.servers.get(&lost.responder()).and_then(limit) else { continue };
            let subject = Subject::responder(lost);
            let about = subject.about.clone();
            if found.explained(lost).is_none() {
                let certainty = if AWS.contains(&limit) { Certainty::Likely } else { Certainty::Suspected };
                let claim = Claim { case: lost, subject, certainty };
                found.missed(claim, || format!("answers no more than some {limit} queries a second from here"));
            }
            for failed in between.iter().copied().chain([case]) {
                found.suffers(&about, failed);
            }
        }
    }

    fn evicted(&self) -> u64 {
        self.servers.evicted()
    }
}

fn count(seconds: &mut VecDeque<Second>, case: &Case) {
    let at = case.time.0 / 1_000_000_000;
    if !seconds.iter().any(|second| second.at == at) {
        if seconds.len() >= SECONDS_MAX {
            seconds.pop_front();
        }
        seconds.push_back(Second { at, answered: 0, lost: 0 });
    }
    // Most belong to the last one.
    if let Some(second) = seconds.iter_mut().rfind(|second| second.at == at) {
        let kind = if case.is_unanswered() { &mut second.lost } else { &mut second.answered };
        *kind = kind.saturating_add(1);
    }
}

/// How many are answered in a second in which some are not, if that is a matter of their number.
fn limit(seconds: &VecDeque<Second>) -> Option<u32> {
    let busy: Vec<_> = seconds.iter().filter(|second| second.lost > 0).collect();
    let quiet: Vec<_> = seconds.iter().filter(|second| second.lost == 0).collect();
    let (least, most) = (busy.iter().map(|it| it.answered).min()?, busy.iter().map(|it| it.answered).max()?);
    let quietest = quiet.iter().map(|second| second.answered).max()?;
    let is_often = busy.len() >= SECONDS_MIN && quiet.len() >= SECONDS_MIN;
    // A bucket that fills up lets a few more pass in one second than in another.
    let is_level = least >= RATE_MIN && most - least <= least / 5;
    (is_often && is_level && quietest <= most).then_some(most)
}
