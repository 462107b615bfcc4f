//! `split-upstreams`: what one upstream server does not know, another does.

use std::net::SocketAddr;
use std::time::Duration;

use super::Rule;
use crate::capture::BootTime;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::findings::{Claim, Found};
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
                again, within ten minutes. Certain when that is so for a second name, or after the first answer's negative \
                time to live; likely before, as the name may be new and the first server's cache old.",
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
/// Servers that deny names which others have.
const SERVERS_MAX: usize = 64;

/// See [`EXPLANATION`].
pub(super) struct SplitUpstreams {
    denied: Recent<(Name, u16), Denied>,
    /// The first name that each was found to deny.
    splits: Recent<SocketAddr, Name>,
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
}

impl Default for SplitUpstreams {
    fn default() -> Self {
        Self { denied: Recent::new(QUESTIONS_MAX), splits: Recent::new(SERVERS_MAX) }
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

    fn evicted(&self) -> u64 {
        self.denied.evicted() + self.splits.evicted()
    }
}

impl SplitUpstreams {
    fn deny(&mut self, case: &Case, key: (Name, u16), found: &mut Found<'_>) {
        let by = case.responder();
        match self.denied.get(&key).copied().filter(|denied| case.time.since(denied.at) <= PERIOD) {
            // The same server twice, and another had it meanwhile; when it had it itself, the name came and went.
            Some(Denied { by: first, found_by: Some(other), until, .. }) if first == by && other != by => {
                self.say(case, other, case.time > until, found);
            }
            Some(Denied { found_by: None, .. }) => {}
            Some(Denied { found_by: Some(other), by: first, .. }) if other != by && first != by => {}
            _ => self.denied.insert(key, Denied::of(case)),
        }
    }

    fn say(&mut self, case: &Case, other: SocketAddr, is_expired: bool, found: &mut Found<'_>) {
        let Some(name) = case.name() else { return };
        let server = case.responder();
        let is_second = self.splits.get(&server).is_some_and(|first| first != name);
        if self.splits.get(&server).is_none() {
            self.splits.insert(server, name.clone());
        }
        let certainty = if is_second || is_expired { Certainty::Certain } else { Certainty::Likely };
        let subject = Subject::responder(case);
        let about = subject.about.clone();
        found.seen(Claim { case, subject, certainty }, || {
            format!("says that {name} does not exist, and {other} has it")
        });
        found.fact(&about, format!("{name}: NXDOMAIN here, records at {other}"));
    }
}

impl Denied {
    fn of(case: &Case) -> Self {
        let kept_secs = case.answer.as_ref().and_then(|answer| answer.negative_ttl).unwrap_or(u32::MAX);
        let until = case.time.after(Duration::from_secs(u64::from(kept_secs)));
        Self { by: case.responder(), at: case.time, until, found_by: None }
    }
}
