//! `split-upstreams`: what one upstream server does not know, another does.

use std::net::SocketAddr;
use std::time::Duration;

use super::Rule;
use crate::capture::BootTime;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::name::Name;
use crate::rules::recent::Recent;
use crate::rules::stage::Ended;
use crate::rules::upstream::is_to_cluster;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "split-upstreams",
    title: "upstream servers disagree whether a name exists",
    severity: Severity::Error,
    meaning: "CoreDNS takes its upstream servers for equal, and asks any of them. Here one says NXDOMAIN for a name that \
              another one has: often a public resolver stands beside an internal one. The same name resolves now and then, \
              and the wrong answers are kept in caches.",
    signature: "One upstream server says NXDOMAIN, another gives records for the same question, then the first says NXDOMAIN \
                again, within ten minutes: likely, as a name may be made and removed. Certain when that happens a second \
                time, and after the first answer's negative time to live: no cache of a new name is that old.",
    remedy: "Name upstream servers that know the same names, in the Corefile or the resolv.conf it takes them from. For \
             internal zones add a server block of their own: `corp.example { forward . 10.0.0.2 }`. `policy sequential` \
             does not help: NXDOMAIN is an answer.",
    link: "https://kubernetes.io/docs/tasks/administer-cluster/dns-custom-nameservers/",
    surer: "asking each upstream server itself: `dig @UPSTREAM NAME`",
    explains_failure: false,
};

/// Later, a name may have been made, or removed.
const PERIOD: Duration = Duration::from_mins(10);
/// Questions that some server denied: those of a busy minute.
const QUESTIONS_MAX: usize = 4_096;
/// A name may be made and removed once; that servers take turns is no chance.
const TURNS_MIN: u32 = 2;

/// See [`EXPLANATION`].
pub(super) struct SplitUpstreams {
    denied: Recent<(Name, u16), Denied>,
}

/// What upstream servers said of a question.
#[derive(Clone, Copy)]
struct Denied {
    by: SocketAddr,
    at: BootTime,
    /// When the denial may be kept no longer.
    until: BootTime,
    /// Who had records then; the same server, if it ever had.
    found_by: Option<SocketAddr>,
    /// How often it was denied again after that.
    turns: u32,
}

impl Default for SplitUpstreams {
    fn default() -> Self {
        Self { denied: Recent::new(QUESTIONS_MAX) }
    }
}

impl Rule for SplitUpstreams {
    fn ended(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        let case = ended.case;
        let Some(asked) = case.asked.as_ref().filter(|_| case.is_upstream() && case.rcode().is_some()) else { return };
        let key = (asked.name.clone(), asked.qtype);
        if case.is_nxdomain() && !is_to_cluster(case, world) {
            self.deny(case, key, found);
        } else if case.is_found()
            && let Some(denied) = self.denied.get_mut(&key)
            && denied.found_by != Some(denied.by)
        {
            denied.found_by = Some(case.responder());
        }
    }

    fn ended_well(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        self.ended(ended, world, found);
    }

    fn evicted(&self) -> u64 {
        self.denied.evicted()
    }
}

impl SplitUpstreams {
    fn deny(&mut self, case: &Case, key: (Name, u16), found: &mut Found<'_>) {
        let by = case.responder();
        match self.denied.get_mut(&key).filter(|denied| case.time.since(denied.at) <= PERIOD) {
            // The same server again, and another had it meanwhile; when it had it itself, the name came and went.
            Some(denied) if denied.by == by && denied.found_by.is_some_and(|other| other != by) => {
                denied.turns += 1;
                say(case, denied, found);
                denied.found_by = None;
            }
            Some(denied) if denied.found_by.is_none() || (denied.by != by && denied.found_by != Some(by)) => {}
            _ => self.denied.insert(key, Denied::of(case)),
        }
    }
}

fn say(case: &Case, denied: &Denied, found: &mut Found<'_>) {
    let Some((name, other)) = case.name().zip(denied.found_by) else { return };
    let is_sure = denied.turns >= TURNS_MIN && case.time > denied.until;
    let certainty = if is_sure { Certainty::Certain } else { Certainty::Likely };
    let subject = Subject::responder(case);
    let about = subject.about.clone();
    found.seen(Claim { case, subject, certainty }, || format!("says that {name} does not exist, and {other} has it"));
    found.fact(&about, format!("{name}: NXDOMAIN here, records at {other}"));
}

impl Denied {
    fn of(case: &Case) -> Self {
        // RFC 2308, 5: without an SOA record it must not be kept.
        let kept_secs = case.answer.as_ref().and_then(|answer| answer.negative_ttl).unwrap_or(0);
        let until = case.time.after(Duration::from_secs(u64::from(kept_secs)));
        Self { by: case.responder(), at: case.time, until, found_by: None, turns: 0 }
    }
}
