//! `query-storm`: a client asks the same again and again, while it could know the answer.

use std::hash::BuildHasher;
use std::time::Duration;

use foldhash::fast::RandomState;

use super::Rule;
use crate::capture::BootTime;
use crate::decode::iana;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::stage::Ended;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "query-storm",
    title: "a client asks the same many times a second, while the answer it got is still valid",
    severity: Severity::Advice,
    meaning: "Neither glibc nor musl keeps answers: a program that opens a connection for each request looks up its server's \
              name each time. That costs each request a round trip to cluster DNS, and cluster DNS much of its work; when \
              it stumbles, every request does.",
    signature: "One client asked for the same name and type at least twenty times a second, for at least 25 s, and each \
                time within the time to live of an answer it had. All of it is seen, so it is certain; whether it is too \
                much is for you to say.",
    remedy: "Let the program keep its connections (keep-alive, a pool), or cache in its own process (Java and Go libraries \
             do); else NodeLocal DNSCache takes the load off cluster DNS.",
    link: "https://kubernetes.io/docs/tasks/administer-cluster/nodelocaldns/",
    surer: "nothing: it is in the messages themselves",
    explains_failure: false,
};

/// A burst is no habit.
const PERIOD: Duration = Duration::from_secs(25);
/// Twenty a second: a program that polls does it once in a second or so, one that connects for each request does more.
const QUESTIONS_MIN: u32 = 500;
/// A storm has pauses of less than this.
const PAUSE: Duration = Duration::from_secs(5);
/// Questions that are followed, 32 bytes each: what is asked twenty times a second keeps its place among others that
/// are not.
const SLOTS: usize = 4_096;

/// See [`EXPLANATION`].
pub(super) struct QueryStorm {
    hasher: RandomState,
    slots: Vec<Slot>,
}

/// A question of one client.
#[derive(Clone, Copy, Default)]
struct Slot {
    /// The half of its hash that does not say where it is.
    question: u32,
    since: BootTime,
    last: BootTime,
    /// Until when its answer is valid.
    valid: BootTime,
    /// Asked while it was, since then.
    count: u32,
}

impl Default for QueryStorm {
    fn default() -> Self {
        Self { hasher: RandomState::default(), slots: vec![Slot::default(); SLOTS] }
    }
}

impl Rule for QueryStorm {
    fn ended(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        let case = ended.case;
        let Some(ttl) =
            case.answer.as_ref().and_then(|answer| answer.ttl).filter(|_| case.is_found() && !case.is_response_lost())
        else {
            return;
        };
        if case.is_upstream() {
            return;
        }
        let Some(slot) = self.slot(case) else { return };
        let over = slot.add(case.time, Duration::from_secs(ttl.into()));
        // A resolver asks for many.
        if let Some(time) = over.filter(|_| !world.is_resolver(case.client.ip())) {
            let claim = Claim { case, subject: Subject::client(case), certainty: Certainty::Certain };
            found.seen(claim, || sentence(case, time, ttl));
        }
    }

    fn ended_well(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        self.ended(ended, world, found);
    }
}

impl QueryStorm {
    /// Its place; `None` where that is another question's.
    fn slot(&mut self, case: &Case) -> Option<&mut Slot> {
        let hash = self.hasher.hash_one((case.asking_hash, case.qtype()));
        let at = usize::try_from(hash % SLOTS as u64).ok()?;
        let question = u32::try_from(hash >> 32).ok()?;
        let slot = self.slots.get_mut(at)?;
        if slot.question != question {
            let is_over = case.time.since(slot.last) >= PAUSE;
            slot.count = if is_over { 0 } else { slot.count.saturating_sub(1) };
            if slot.count != 0 {
                return None;
            }
            *slot = Slot { question, since: case.time, last: case.time, ..Slot::default() };
        }
        Some(slot)
    }
}

impl Slot {
    /// Counts a query; gives over how long there were too many, once for each such time.
    fn add(&mut self, at: BootTime, ttl: Duration) -> Option<Duration> {
        if at.since(self.last) >= PAUSE {
            (self.since, self.count) = (at, 0);
        }
        self.last = self.last.max(at);
        if at < self.valid {
            self.count = self.count.saturating_add(1);
        } else {
            self.valid = at.after(ttl);
        }
        let time = at.since(self.since);
        if time < PERIOD {
            return None;
        }
        let is_storm = self.count >= QUESTIONS_MIN;
        (self.since, self.count) = (at, 0);
        is_storm.then_some(time)
    }
}

fn sentence(case: &Case, time: Duration, ttl: u32) -> String {
    let what = case.asked.as_ref().map(|asked| format!("{} {}", iana::record_type(asked.qtype), asked.name));
    let (what, seconds) = (what.unwrap_or_default(), time.as_secs());
    format!("asked for {what} more than {QUESTIONS_MIN} times in {seconds} s, with answers that are valid for {ttl} s")
}
