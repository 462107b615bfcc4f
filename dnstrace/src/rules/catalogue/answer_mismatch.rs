//! `answer-mismatch`: a response does not repeat the question as it was asked, or there are several, perhaps with different
//! answers.

use std::net::SocketAddr;

use super::Rule;
use crate::decode::iana;
use crate::join::{Outcome, Transaction, TransactionId, question};
use crate::rules::Answer;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::recent::Recent;
use crate::rules::stage::Ended;
use crate::rules::stuck::StuckFlows;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "answer-mismatch",
    title: "responses do not fit their query: changed question, or several for one query, or different ones",
    severity: Severity::Warning,
    meaning: "Resolvers compare a response with their query to tell forged ones. When a server repeats the question in other \
              letters, strict resolvers (those that mix upper and lower case on purpose) throw its responses away. Several \
              responses to one query come from packets that are duplicated on their way, or from somebody who answers in \
              the server's place: then they differ, and the client takes the first.",
    signature: "The question in the response differs from the query's in upper and lower case: certain. A query that was \
                sent once has two responses with different rcodes or addresses: likely. It has more than one response, at least \
                three times: suspected. In both cases the query may have been sent again unseen.",
    remedy: "For changed letters, update or replace the server or proxy that does it. For several responses, look for a \
             bridge in promiscuous mode, mirrored ports, or a DNS proxy on the way.",
    link: "https://www.rfc-editor.org/rfc/rfc5452#section-9.1",
    surer: "a recording at the server as well",
    explains_failure: false,
};

/// Bytes before the question (RFC 1035, 4.1.1).
const HEADER: usize = 12;
/// SERVFAIL, NOTIMP, REFUSED: glibc, `resolv/res_send.c`.
const ASKED_AGAIN: [u16; 3] = [2, 4, 5];

/// Queries whose servers got their responses in other letters: those of some seconds, of servers that change every one.
const CAUSES_MAX: usize = 4_096;

/// See [`EXPLANATION`].
pub(super) struct AnswerMismatch {
    /// Servers, and how often they gave several.
    several: StuckFlows<SocketAddr>,
    /// Queries that made somebody ask on and get a response in other letters, which ends first.
    causes: Recent<TransactionId, ()>,
}

impl Default for AnswerMismatch {
    fn default() -> Self {
        Self { several: StuckFlows::default(), causes: Recent::new(CAUSES_MAX) }
    }
}

/// One response that is seen twice may be a copy that our own capture made.
const SEVERAL_MIN: u32 = 3;

impl Rule for AnswerMismatch {
    fn ended(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        let Ended { case, transaction } = *ended;
        if case.outcome != Outcome::Answered {
            return;
        }
        if has_other_letters(transaction) {
            return self.tell_letters(case, found);
        }
        if case.duplicate_responses == 0 || case.attempts.len() != 1 || is_asked_again(case) {
            return;
        }
        // A proxy that asks on with the client's own address gives its server's response, and its own.
        if world.window.caused_by(case.id).next().is_some() {
            return;
        }
        if let Some(answers) = different(transaction) {
            let claim = Claim { case, subject: Subject::responder(case), certainty: Certainty::Likely };
            found.missed(claim, || format!("gives different answers to a query that was sent once: {answers}"));
            return;
        }
        if self.several.add(case.responder(), case, None).is_some_and(|stuck| stuck.count >= SEVERAL_MIN) {
            let claim = Claim { case, subject: Subject::responder(case), certainty: Certainty::Suspected };
            found.missed(claim, || "gives several responses to a query that was sent once".to_owned());
        }
    }

    fn ended_well(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        self.ended(ended, world, found);
    }

    fn evicted(&self) -> u64 {
        self.causes.evicted()
    }
}

impl AnswerMismatch {
    /// Who passes on what its own server made of the question did not change it.
    fn tell_letters(&mut self, case: &Case, found: &mut Found<'_>) {
        if let Some(cause) = case.cause {
            self.causes.insert(cause, ());
        }
        if self.causes.get(&case.id).is_none() {
            let claim = Claim { case, subject: Subject::responder(case), certainty: Certainty::Certain };
            found.seen(claim, || "repeats questions in other letters (upper and lower case) than asked".to_owned());
        }
    }
}

/// `NXDOMAIN, then NOERROR 198.51.100.1`: where two responses say different things, whatever their order of records.
fn different(transaction: &Transaction) -> Option<String> {
    let (first, other) = (transaction.response.as_ref()?, transaction.other_response.as_deref()?);
    let are_whole = [first, other].iter().all(|copy| u32::try_from(copy.bytes.len()) == Ok(copy.wire_len));
    let [first, other] = [first, other].map(|response| Answer::read(response, None));
    // Cut ones differ by where they are cut. Every host may answer what is asked of all.
    let are_comparable = are_whole && !first.truncated && !other.truncated;
    if !are_comparable || transaction.server.ip().is_multicast() {
        return None;
    }
    let is_different = first.rcode != other.rcode || first.addresses != other.addresses;
    is_different.then(|| format!("{}, then {}", words(&first), words(&other)))
}

fn words(answer: &Answer) -> String {
    let rcode = iana::rcode(answer.rcode);
    answer.addresses.first().map_or_else(|| rcode.to_string(), |address| format!("{rcode} {address}"))
}

/// glibc sends the same query again at once, with the same message ID and port, when its server has refused or failed:
/// what that gets may be taken for further responses to the first.
fn is_asked_again(case: &Case) -> bool {
    case.rcode().is_some_and(|rcode| ASKED_AGAIN.contains(&rcode))
}

fn has_other_letters(transaction: &Transaction) -> bool {
    let (Some(query), Some(response)) = (&transaction.query, &transaction.response) else { return false };
    // Nearly all repeat it byte for byte; behind the header stands the question.
    let is_repeated =
        |len: usize| query.bytes.get(HEADER..len).is_some_and(|own| response.bytes.get(HEADER..len) == Some(own));
    if query.header.counts[2..] == [0, 0] && is_repeated(query.bytes.len()) {
        return false;
    }
    let (Some(asked), Some(repeated)) = (question(query), question(response)) else { return false };
    let (asked, repeated) = (asked.name.wire(), repeated.name.wire());
    asked != repeated && asked.eq_ignore_ascii_case(repeated)
}
