//! `truncated-no-tcp`: a truncated response, and the client never asks again over TCP.

use std::net::IpAddr;
use std::time::Duration;

use super::Rule;
use crate::capture::{BootTime, Direction, Hook};
use crate::decode::Transport;
use crate::join::{Connection, MessageKind, Outcome};
use crate::owner::Who;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::lookup::{Libc, Lookup};
use crate::rules::stage::Ended;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "truncated-no-tcp",
    title: "a client takes a truncated response as it is, and never asks again over TCP",
    severity: Severity::Warning,
    meaning: "An answer did not fit into a UDP message, and the server said so with the TC bit. The client should ask the \
              same again over TCP (RFC 7766), and does not: its application works with a part of the records, or finds \
              none at all. musl before 1.2.4, as in Alpine up to 3.17, has no DNS over TCP.",
    signature: "A response with TC over UDP, and within 30 seconds neither a TCP connection of this client nor an answer \
                of another way. It is certain where the response was seen on its way to the client, as a connection \
                would have been; which library it is, is an inference from the form of its queries.",
    remedy: "Build the image on Alpine 3.18 or later (musl 1.2.4), or on glibc. Until then \
             only fewer records of that name help: for a headless Service ask for one pod, or for a Service with an address.",
    link: "https://kubernetes.io/docs/tasks/administer-cluster/dns-debugging-resolution/#known-issues",
    surer: "a recording on the client's node that goes on for 30 seconds after the response",
    explains_failure: false,
};

/// A SYN that nobody answers is told 25 s later at the latest (it is sent again for as long): see `join::connections`.
const WAIT: Duration = Duration::from_secs(30);
/// At the end of a run that is enough: stub resolvers connect within a millisecond.
const WAIT_AT_END: Duration = Duration::from_secs(1);
/// A connection before the response may be one that is kept open, and used again.
const KEPT_OPEN: Duration = Duration::from_secs(10);
/// Truncated responses that wait: who has more in 30 s is found by these.
const WAITING_MAX: usize = 1_024;

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct TruncatedNoTcp {
    /// In the order they ended.
    waiting: Vec<Waiting>,
    /// Truncated responses that found no room to wait.
    evicted: u64,
}

struct Waiting {
    case: Case,
    /// When the response came.
    answered: BootTime,
    is_musl: bool,
}

impl Rule for TruncatedNoTcp {
    fn ended(&mut self, ended: &Ended<'_>, _world: &World<'_>, _found: &mut Found<'_>) {
        let case = ended.case;
        if asked_otherwise(case) {
            self.waiting.retain(|waiting| !is_same_question(&waiting.case, case) || case.time < waiting.case.time);
        }
        if is_truncated(case) {
            self.wait(case);
        }
    }

    fn ended_well(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        self.ended(ended, world, found);
    }

    fn connection(&mut self, connection: &Connection, _who: &Who, _world: &World<'_>, _found: &mut Found<'_>) {
        self.waiting.retain(|waiting| {
            let is_its = waiting.case.client.ip() == connection.client.ip();
            !is_its || connection.time.after(KEPT_OPEN) < waiting.answered
        });
    }

    fn lookup(&mut self, lookup: &Lookup, _world: &World<'_>, _found: &mut Found<'_>) {
        if !self.waiting.is_empty() && lookup.libc() == Some(Libc::Musl) {
            self.mark_musl(lookup.client);
        }
    }

    fn lookup_found(&mut self, lookup: &Lookup, world: &World<'_>, found: &mut Found<'_>) {
        self.lookup(lookup, world, found);
    }

    fn tick(&mut self, world: &World<'_>, found: &mut Found<'_>) {
        let is_over = |waiting: &Waiting| world.now.since(waiting.answered) >= WAIT;
        let over = self.waiting.iter().position(|waiting| !is_over(waiting)).unwrap_or(self.waiting.len());
        for waiting in self.waiting.drain(..over) {
            waiting.tell(Certainty::Certain, world, found);
        }
    }

    fn finish(&mut self, world: &World<'_>, found: &mut Found<'_>) {
        for waiting in std::mem::take(&mut self.waiting) {
            let is_over = world.now.since(waiting.answered) >= WAIT_AT_END;
            // musl that knows TCP connects before it does anything else.
            let most = [(is_over, Certainty::Certain), (waiting.is_musl, Certainty::Suspected)];
            if let Some((_, certainty)) = most.into_iter().find(|(holds, _)| *holds) {
                waiting.tell(certainty, world, found);
            }
        }
    }

    fn evicted(&self) -> u64 {
        self.evicted
    }
}

impl TruncatedNoTcp {
    fn wait(&mut self, case: &Case) {
        if self.waiting.len() >= WAITING_MAX {
            self.evicted += 1;
            return;
        }
        let answered = case.time.after(case.response_time.unwrap_or_default());
        self.waiting.push(Waiting { case: case.clone(), answered, is_musl: false });
    }

    fn mark_musl(&mut self, client: IpAddr) {
        for waiting in self.waiting.iter_mut().filter(|waiting| waiting.case.client.ip() == client) {
            waiting.is_musl = true;
        }
    }
}

impl Waiting {
    fn tell(&self, most: Certainty, world: &World<'_>, found: &mut Found<'_>) {
        let case = &self.case;
        // A forwarder passes the truncated response on: its client asks again.
        if world.is_resolver(case.client.ip()) {
            return;
        }
        let certainty = if was_seen_underway(case) { most } else { most.min(Certainty::Likely) };
        let subject = Subject::client(case);
        let about = subject.about.clone();
        found.missed(Claim { case, subject, certainty }, || {
            let name = case.name().map_or_else(String::new, ToString::to_string);
            let records = case.answer.as_ref().map_or(0, |answer| answer.records);
            format!("never asks again over TCP after a truncated response: it has {records} records of {name}")
        });
        if self.is_musl {
            let fact = "its queries have the form of musl's, which speaks TCP from 1.2.4 on (an inference)";
            found.fact(&about, fact.to_owned());
        }
    }
}

/// Whether its client knows that it is to ask over TCP.
fn is_truncated(case: &Case) -> bool {
    let has_bit = case.answer.as_ref().is_some_and(|answer| answer.truncated) && !case.is_response_lost();
    has_bit && case.transport == Transport::Udp && case.outcome == Outcome::Answered && !case.is_upstream()
}

/// Over TCP, or with room for more.
fn asked_otherwise(case: &Case) -> bool {
    case.transport == Transport::Tcp || case.is_found() && !case.answer.as_ref().is_some_and(|answer| answer.truncated)
}

fn is_same_question(case: &Case, other: &Case) -> bool {
    case.client.ip() == other.client.ip() && case.asked == other.asked
}

/// A server's own word (dnstap) tells nothing of connections.
fn was_seen_underway(case: &Case) -> bool {
    case.path.iter().any(|hop| {
        let is_arrival = hop.message == MessageKind::Response && hop.point.direction == Direction::In;
        hop.point.hook == Hook::Device || is_arrival
    })
}
