//! Failures that a forwarder keeps for a while, and gives to others who ask.

use std::net::IpAddr;
use std::time::Duration;

use super::case::Case;
use super::finding::About;
use super::name::Name;
use super::recent::Recent;
use super::world::World;
use crate::capture::BootTime;

const SERVFAIL: u16 = 2;
/// CoreDNS keeps SERVFAIL for five seconds; RFC 2308, 7.1 allows five minutes, which nobody uses.
const KEPT: Duration = Duration::from_millis(5_100);
/// Questions whose failure is remembered: those of five seconds.
const FAILURES_MAX: usize = 4_096;

/// Failures that were explained.
#[derive(Debug)]
pub(super) struct Cached(Recent<(IpAddr, Name, u16), (BootTime, About)>);

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
        let is_repeated = case.rcode() == Some(SERVFAIL) && case.caused() == 0;
        (is_repeated && case.end >= *end && case.end.since(*end) <= KEPT).then(|| about.clone())
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
    let is_repeated = case.rcode() == Some(SERVFAIL) && case.caused() == 0;
    is_repeated && world.window.same_question(case).any(|other| is_first(&other))
}

/// When the failure was first given; each copy of a query may get one.
fn answered(case: &Case) -> BootTime {
    case.response_time.map_or(case.end, |time| case.time.after(time))
}

fn key(case: &Case) -> Option<(IpAddr, Name, u16)> {
    Some((case.responder().ip(), case.name()?.clone(), case.qtype()?))
}
