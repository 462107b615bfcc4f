//! `upstream-timeout`: cluster DNS asks on, and nobody answers.

use super::Rule;
use crate::rules::cached::{Cached, kept_from};
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::place;
use crate::rules::silence::Silence;
use crate::rules::stage::Ended;
use crate::rules::upstream::{
    Blame, READ_TIMEOUT, asked_on, asks_in_clear, blame, initiator, is_delivered, is_loop_probe, is_lost_on_node,
    is_to_cluster,
};
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "upstream-timeout",
    title: "an upstream server does not answer cluster DNS",
    severity: Severity::Error,
    meaning: "Names outside the cluster are asked of an upstream server, and it does not respond. CoreDNS tries again \
              after 2 s, gives up after 4 s (6 s before version 1.13.2), and answers SERVFAIL, which it repeats for 5 s to \
              whoever asks the same. Applications hang for seconds, then fail with a temporary error in name resolution; \
              names of the cluster itself go on working.",
    signature: "A query of a pod fails, and what its server asked the upstream server for it has no response. Certain where \
                two sendings or more were seen leaving the node, or arriving at the upstream server; likely where that was \
                not seen, or one query only was sent; suspected where the query was last seen on its way through the node. \
                A response that comes after 2 s, when its cause has failed, makes it likely.",
    remedy: "From the node of the CoreDNS pod, try `dig @UPSTREAM example.com`. Let firewalls and security groups pass UDP \
             and TCP port 53 to it, or name servers that can be reached in the Corefile: `kubectl -n kube-system edit \
             configmap coredns`, plugin `forward`.",
    link: "https://coredns.io/plugins/forward/",
    surer: "the `device` hook on the node's uplink, or a recording made at the upstream server",
    explains_failure: true,
};

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct UpstreamTimeout {
    cached: Cached,
    silence: Silence,
}

impl Rule for UpstreamTimeout {
    fn ended(&mut self, ended: &Ended<'_>, world: &World<'_>, _found: &mut Found<'_>) {
        self.silence.add(ended.case, world);
    }

    fn ended_well(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        self.ended(ended, world, found);
    }

    fn settled(&mut self, case: &Case, world: &World<'_>, found: &mut Found<'_>) {
        if !case.failed() || found.explained(case).is_some() || world.is_looping(case) {
            return;
        }
        if let Some(about) = self.cached.reason(case) {
            return found.suffers(&about, case);
        }
        let Blame { culprits, between } = blame(case, world);
        let silent: Vec<_> = culprits.into_iter().filter(|asked| self.is_silence(asked, world)).collect();
        for asked in &silent {
            self.say(asked, &silent, world, found);
        }
        let is_late = |asked: &&Case| is_late(asked) && !is_loop_probe(asked);
        let late = asked_on(case, world).find(|asked| silent.is_empty() && is_late(asked));
        if let Some(late) = late {
            say_late(late, found);
        }
        if let Some(last) = silent.last().copied().or(late) {
            let about = Subject::responder(last).about;
            for failed in between.into_iter().chain([case]) {
                found.suffers(&about, failed);
                self.cached.remember(failed, &about);
            }
        } else if is_of_forwarder(case, world) && self.is_of_silent_server(case, world, found) {
            self.say(case, &[case], world, found);
        } else {
            self.explain_kept(case, world, found);
        }
    }

    fn evicted(&self) -> u64 {
        self.cached.evicted() + self.silence.evicted()
    }
}

impl UpstreamTimeout {
    /// A failure that is given again is not kept for longer by that: it is not remembered.
    fn explain_kept(&self, case: &Case, world: &World<'_>, found: &mut Found<'_>) {
        let silent: Vec<_> = kept_from(case, world).filter(|asked| self.is_silence(asked, world)).collect();
        for asked in &silent {
            self.say(asked, &silent, world, found);
        }
        if let Some(asked) = silent.first() {
            found.suffers(&Subject::responder(asked).about, case);
        }
    }

    fn say(&self, asked: &Case, silent: &[&Case], world: &World<'_>, found: &mut Found<'_>) {
        if found.explained(asked).is_some() {
            return;
        }
        let subject = Subject::responder(asked);
        let about = subject.about.clone();
        // Where nobody is seen to ask, responses may take a way that is not seen, either.
        let is_silent = self.silence.is_silent(asked.responder()) && asked.cause.is_some();
        let certainty = certainty(asked, silent, is_silent);
        let claim = Claim { case: asked, subject, certainty };
        let some = if self.silence.answered_since(asked) { "some of the queries" } else { "queries" };
        found.missed(claim, || format!("does not answer {some} that {} sends there", initiator(asked)));
        if let Some(place) = asked.query_last_seen().map(|hop| place::words(hop, world)).filter(|it| !it.is_empty()) {
            found.fact(&about, format!("queries without response were last seen {place}"));
        }
    }

    /// Nobody is known to have failed because of it, or it is one of many: health checks, queries of the cache itself.
    fn is_of_silent_server(&self, case: &Case, world: &World<'_>, found: &Found<'_>) -> bool {
        let is_alone =
            case.caused() == 0 && !is_loop_probe(case) && !asks_in_clear(case, world) && self.is_silence(case, world);
        let is_known = found.has(&Subject::responder(case).about);
        is_alone && (is_known || self.silence.is_silent(case.responder()))
    }

    /// Asked somebody outside, without response, and nothing seen that happened to the query on the way.
    fn is_silence(&self, asked: &Case, world: &World<'_>) -> bool {
        let is_own = asked.responder().ip() == asked.client.ip() || asked.responder().ip().is_loopback();
        let is_outside = !is_own && !is_to_cluster(asked, world) && !self.silence.asks_on(asked.responder());
        is_outside && asked.answer.is_none() && asked.signs.is_empty()
    }
}

/// A forwarder may try once more when its client has its answer: then nobody made it ask.
fn is_of_forwarder(case: &Case, world: &World<'_>) -> bool {
    case.is_upstream() || world.is_resolver(case.client.ip())
}

fn certainty(asked: &Case, silent: &[&Case], is_silent: bool) -> Certainty {
    let same = silent.iter().filter(|other| other.responder() == asked.responder());
    let sendings: usize = same.map(|other| other.attempts.len()).sum();
    match (is_lost_on_node(asked), is_delivered(asked)) {
        (true, _) => Certainty::Suspected,
        (false, true) if sendings > 1 || is_silent => Certainty::Certain,
        (false, _) => Certainty::Likely,
    }
}

fn is_late(asked: &Case) -> bool {
    asked.response_time.is_some_and(|time| time >= READ_TIMEOUT)
}

fn say_late(asked: &Case, found: &mut Found<'_>) {
    let claim = Claim { case: asked, subject: Subject::responder(asked), certainty: Certainty::Likely };
    if found.explained(asked).is_none() {
        found.seen(claim, || format!("answers {} too late: after more than 2 s", initiator(asked)));
    }
}
