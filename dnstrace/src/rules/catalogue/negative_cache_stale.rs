//! `negative-cache-stale`: a name exists, and a cache still says that it does not.

use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::time::Duration;

use foldhash::fast::RandomState;

use super::Rule;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::key::Key;
use crate::rules::numbered::{Number, Numbered};
use crate::rules::sets::Sets;
use crate::rules::stage::Ended;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "negative-cache-stale",
    title: "a name of the cluster exists, but a cache still says that it does not",
    severity: Severity::Warning,
    meaning: "Somebody asked for a Service or pod before it was made. CoreDNS keeps that answer, NXDOMAIN, for up to 30 s, \
              and gives it to others when the name exists already. With several CoreDNS pods one knows the name and another \
              denies it: applications that start together with what they depend on fail at random for half a minute.",
    signature: "One server denies a name of the cluster domain, another has it, then the first denies it again, with a time \
                to live that went down as the clock went on: the same answer, from its cache. Likely, as the name may have \
                been removed again.",
    remedy: "Keep denials for a shorter time: `cache { denial 9984 5 }` in the server block of CoreDNS. Let applications try \
             again, or wait until what they need exists before they ask for it.",
    link: "https://coredns.io/plugins/cache/",
    surer: "when the Service or the endpoint was made: `kubectl get service NAME -o yaml`",
    explains_failure: false,
};

/// Names of the cluster that do not exist: search lists make many, of which those of half a minute matter.
const QUESTIONS_MAX: usize = 4_096;
/// Who denies and knows names of the cluster: CoreDNS pods, also of earlier rollouts.
const RESPONDERS_MAX: usize = 4_096;
/// Times to live are whole seconds, on both ends.
const ROUNDING: Duration = Duration::from_millis(1_500);
/// Before that, the time to live has not gone down for sure.
const AGE_MIN: Duration = Duration::from_secs(2);

/// See [`EXPLANATION`].
pub(super) struct NegativeCacheStale {
    /// By hashes of questions: search lists make a hundred thousand a second. The time is that of the response.
    denied: Sets<Denied, 2>,
    is_some_denied: bool,
    responders: Numbered<Key<SocketAddr>, ()>,
    hash: RandomState,
    evicted: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Denied {
    by: Number,
    found_by: Option<Number>,
    /// In seconds.
    ttl: u32,
}

impl Default for NegativeCacheStale {
    fn default() -> Self {
        let (denied, responders) = (Sets::new(QUESTIONS_MAX), Numbered::new(RESPONDERS_MAX));
        Self { denied, is_some_denied: false, responders, hash: RandomState::default(), evicted: 0 }
    }
}

impl Rule for NegativeCacheStale {
    fn ended(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        let case = ended.case;
        let Some(asked) = case.asked.as_ref().filter(|_| case.rcode().is_some()) else { return };
        let key = || self.hash.hash_one((case.name_hash, asked.qtype, asked.qclass));
        if case.is_found() && self.is_some_denied {
            self.know(case, key());
        } else if case.is_nxdomain()
            && is_of_cluster(case, world)
            && let Some(other) = self.deny(case, key())
        {
            let (by, subject) = (case.responder(), Subject::name(&asked.name));
            let claim = Claim { case, subject, certainty: Certainty::Likely };
            found.seen(claim, || format!("is still denied from the cache of {by}, while {other} has it"));
        }
    }

    fn ended_well(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        self.ended(ended, world, found);
    }

    fn evicted(&self) -> u64 {
        self.evicted
    }
}

impl NegativeCacheStale {
    fn know(&mut self, case: &Case, key: u64) {
        let Some(denied) = self.denied.get_mut(key).map(|entry| &mut entry.value) else { return };
        if denied.found_by != Some(denied.by) {
            denied.found_by = self.responders.number(Key(case.responder()), denied.found_by).or(denied.found_by);
        }
    }

    /// Who had it, if this is the answer of before.
    fn deny(&mut self, case: &Case, key: u64) -> Option<SocketAddr> {
        let ttl = case.answer.as_ref()?.negative_ttl?;
        let first = self.denied.get_mut(key);
        let Some(by) = self.responders.number(Key(case.responder()), first.as_ref().map(|first| first.value.by)) else {
            self.evicted += 1;
            return None;
        };
        let denied = Denied { by, found_by: None, ttl };
        match first {
            Some(first) if first.value.is_same_answer(&denied, case.end.since(first.time)) => {
                let other = first.value.found_by.filter(|other| *other != by)?;
                return self.responders.key(other).map(|other| other.0);
            }
            Some(first) => (first.time, first.value) = (case.end, denied),
            None => {
                self.is_some_denied = true;
                let gone = self.denied.push(key, case.end, denied);
                self.evicted += u64::from(gone.is_some_and(|gone| case.end.since(gone.time) < gone.value.ttl()));
            }
        }
        None
    }
}

impl Denied {
    fn ttl(&self) -> Duration {
        Duration::from_secs(self.ttl.into())
    }

    /// Its time to live went down as time went on.
    fn is_same_answer(&self, later: &Self, age: Duration) -> bool {
        let is_close = (later.ttl() + age).abs_diff(self.ttl()) <= ROUNDING;
        self.by == later.by && is_close && (age >= AGE_MIN || self.found_by.is_none())
    }
}

/// The cluster's own word: forwarders may have servers that disagree.
fn is_of_cluster(case: &Case, world: &World<'_>) -> bool {
    world.domain().is_some_and(|domain| case.has_zone(domain))
}
