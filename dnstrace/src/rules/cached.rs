//! Failures that a forwarder keeps for a while, and gives to others who ask.

use std::time::Duration;

use super::case::Case;
use super::finding::{About, Subject};
use super::name::Name;
use super::recent::Recent;
use super::upstream::{READ_TIMEOUT, asked_by_responder};
use super::world::World;
use crate::capture::BootTime;
use crate::join::Outcome;

const SERVFAIL: u16 = 2;
/// CoreDNS keeps SERVFAIL for five seconds; RFC 2308, 7.1 allows five minutes, which nobody uses.
const KEPT: Duration = Duration::from_millis(5_100);
/// Questions whose failure is remembered: those of five seconds.
const FAILURES_MAX: usize = 4_096;
/// Forwarders that are remembered: a node sees a few.
const FORWARDERS_MAX: usize = 256;

/// Failures that were explained.
#[derive(Debug)]
pub(super) struct Cached(Recent<(About, Name, u16), (BootTime, About)>);

impl Default for Cached {
    fn default() -> Self {
        Self(Recent::new(FAILURES_MAX))
    }
}

impl Cached {
    /// Remembers that `case` failed because of what was found about `about`.
    pub(super) fn remember(&mut self, case: &Case, about: &About) {
        if case.rcode() == Some(SERVFAIL)
            && let Some(key) = key(case)
        {
            self.0.insert(key, (answered(case), about.clone()));
        }
    }

    /// What was found to be the reason when the responder answered the same question so a moment before, without asking
    /// anybody for this one.
    pub(super) fn reason(&self, case: &Case) -> Option<About> {
        let (end, about) = self.0.get(&key(case)?)?;
        (may_be_kept(case) && case.end >= *end && case.end.since(*end) <= KEPT).then(|| about.clone())
    }

    /// Failures that were forgotten for want of room.
    pub(super) fn evicted(&self) -> u64 {
        self.0.evicted()
    }
}

/// Whether the responder gives the same client a failure again that it asked others for a moment before, which is still
/// to be told: musl asks again at once, and a transaction that was sent twice is given out after those.
pub(super) fn repeats(case: &Case, world: &World<'_>) -> bool {
    let is_first = |other: &&Case| {
        let is_same = other.qtype() == case.qtype() && other.responder() == case.responder();
        let is_kept = answered(other) <= case.end && case.end.since(answered(other)) <= KEPT;
        is_same && is_kept && other.rcode() == Some(SERVFAIL) && other.caused() > 0
    };
    may_be_kept(case) && world.window.same_question(case).any(|other| is_first(&other))
}

/// What the responder asked others about this question before, and had failed so short a time ago that it may give that
/// failure again. Nobody need have been told: where a query was sent again, CoreDNS asks on for each copy, and keeps the
/// last failure from when the client has long had the first.
pub(super) fn kept_from<'w>(case: &'w Case, world: &World<'w>) -> impl Iterator<Item = &'w Case> + use<'w> {
    let asked = move || asked_by_responder(case, world.window).filter(|other| other.time < case.time);
    let mended = asked().filter(|other| other.rcode().is_some() && !other.is_error()).map(|other| other.time).max();
    let is_kept = move |failed: BootTime| may_be_kept(case) && failed <= case.time && case.time.since(failed) <= KEPT;
    asked().filter(move |other| mended < Some(other.time) && failed_at(other).is_some_and(is_kept))
}

/// Forwarders that others do not answer, by which failures are explained that are older than what was seen.
#[derive(Debug)]
pub(super) struct Before(Recent<About, ()>);

impl Default for Before {
    fn default() -> Self {
        Self(Recent::new(FORWARDERS_MAX))
    }
}

impl Before {
    /// Learns from a transaction that ended.
    pub(super) fn add(&mut self, case: &Case) {
        if case.is_upstream() && case.failed() {
            self.0.insert(Subject::client(case).about, ());
        }
    }

    /// Whether the responder may have kept this failure since before anything was seen: what it asks others fails now, too.
    pub(super) fn explains(&self, case: &Case, world: &World<'_>) -> bool {
        let began = world.learned.began();
        let is_early = began.is_some_and(|began| case.time.since(began) <= READ_TIMEOUT + KEPT);
        is_early && may_be_kept(case) && self.0.get(&forwarder(case)).is_some()
    }

    /// Forwarders that were forgotten for want of room.
    pub(super) fn evicted(&self) -> u64 {
        self.0.evicted()
    }
}

/// A failure for which the responder asked nobody.
fn may_be_kept(case: &Case) -> bool {
    case.rcode() == Some(SERVFAIL) && case.caused() == 0
}

/// When a forwarder knew that what it asked had failed.
fn failed_at(asked: &Case) -> Option<BootTime> {
    match asked.outcome {
        Outcome::Answered => asked.is_error().then(|| answered(asked)),
        Outcome::NoResponse | Outcome::Outstanding => Some(asked.end.after(READ_TIMEOUT)),
        Outcome::Unsolicited => None,
    }
}

/// When the failure was first given; each copy of a query may get one.
fn answered(case: &Case) -> BootTime {
    case.response_time.map_or(case.end, |time| case.time.after(time))
}

/// A pod has one cache for all its addresses.
fn key(case: &Case) -> Option<(About, Name, u16)> {
    Some((forwarder(case), case.name()?.clone(), case.qtype()?))
}

fn forwarder(case: &Case) -> About {
    Subject::party(case.who.server.as_ref(), case.responder().ip()).about
}
