//! `oversize-upstream-reply`: more than 512 bytes in answer to a query that did not offer to take them.

use super::Rule;
use crate::decode::Transport;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::upstream::{asked_on, initiator};
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "oversize-upstream-reply",
    title: "an upstream server sends responses that are longer than it was told to",
    severity: Severity::Warning,
    meaning: "A query without EDNS may be answered with 512 bytes over UDP, and with TC set where that is not enough. This \
              upstream server sends more. CoreDNS from 1.10.1 on passes queries on as its clients sent them, mostly without \
              EDNS, and cannot read such a response: up to 1.11.2 it answers SERVFAIL (its log says 'overflow unpacking \
              uint16'), later an empty response with TC, which musl before 1.2.4 takes for 'no addresses'.",
    signature: "A response over UDP of more than 512 bytes, without TC, to a query without EDNS; and the query because of \
                which it was asked failed, or had an empty response with TC. All of it is seen, so it is certain.",
    remedy: "Upgrade CoreDNS to 1.11.3 or later. Until then, `force_tcp` in its `forward` block, or `bufsize 1232` before \
             it, avoids such responses; the fault itself is to be repaired in the upstream server.",
    link: "https://coredns.io/plugins/forward/",
    surer: "nothing: it is in the messages themselves",
    explains_failure: true,
};

/// RFC 1035, 4.2.1: without EDNS (RFC 6891) a message over UDP has no more.
const PLAIN_MAX_BYTES: u32 = 512;

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct OversizeUpstreamReply;

impl Rule for OversizeUpstreamReply {
    fn settled(&mut self, case: &Case, world: &World<'_>, found: &mut Found<'_>) {
        if !(case.is_error() || is_cut_to_nothing(case)) || found.explained(case).is_some() {
            return;
        }
        let Some(asked) = asked_on(case, world).find(|asked| is_oversize(asked)) else { return };
        let subject = Subject::responder(asked);
        let about = subject.about.clone();
        if found.explained(asked).is_none() {
            let claim = Claim { case: asked, subject, certainty: Certainty::Certain };
            found.seen(claim, || sentence(asked));
        }
        found.suffers(&about, case);
    }
}

fn sentence(asked: &Case) -> String {
    let bytes = asked.answer.as_ref().map_or(0, |answer| answer.len);
    format!("sends {} more than the 512 bytes of a query without EDNS: {bytes}", initiator(asked))
}

fn is_cut_to_nothing(case: &Case) -> bool {
    case.rcode().is_some() && case.answer.as_ref().is_some_and(|answer| answer.truncated && answer.records == 0)
}

fn is_oversize(asked: &Case) -> bool {
    let is_plain = asked.query.is_some_and(|query| query.edns_size.is_none()) && asked.transport == Transport::Udp;
    let is_long = asked.answer.as_ref().is_some_and(|answer| answer.len > PLAIN_MAX_BYTES && !answer.truncated);
    is_plain && is_long
}
