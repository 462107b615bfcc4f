//! `error-response`: a response that says that the responder could not answer, which no other rule explains.

use super::Rule;
use crate::decode::iana;
use crate::rules::cached::{self, Before};
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::stage::Ended;
use crate::rules::upstream::{asks_for_itself, is_explained_by_asked};
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "error-response",
    title: "a server answers with an error, and nothing seen says why",
    severity: Severity::Warning,
    meaning: "A response has another rcode than NOERROR and NXDOMAIN. Stub resolvers take it for a temporary failure: \
              they ask again, and applications fail or wait.",
    signature: "A response with SERVFAIL, REFUSED, FORMERR, NOTIMP or another rcode that no other rule explains. That it \
                was sent is certain; why is not known.",
    remedy: "Read the server's log at the time given; for CoreDNS, its `errors` plugin says what went wrong.",
    link: "https://coredns.io/plugins/errors/",
    surer: "a recording of the node where the server runs, with its queries to upstream servers",
    explains_failure: true,
};

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct ErrorResponse {
    before: Before,
}

impl Rule for ErrorResponse {
    fn ended(&mut self, ended: &Ended<'_>, _world: &World<'_>, _found: &mut Found<'_>) {
        self.before.add(ended.case);
    }

    fn settled(&mut self, case: &Case, world: &World<'_>, found: &mut Found<'_>) {
        if asks_for_itself(case)
            || world.is_looping(case)
            || cached::repeats(case, world)
            || cached::kept_from(case, world).next().is_some()
            || self.before.explains(case, world)
            || is_explained_by_asked(case, world, found)
        {
            return;
        }
        let Some(rcode) = case.rcode().filter(|_| case.is_error() && found.explained(case).is_none()) else { return };
        let claim = Claim { case, subject: Subject::responder(case), certainty: Certainty::Certain };
        found.seen(claim, || format!("answers {}", iana::rcode(rcode)));
    }

    fn evicted(&self) -> u64 {
        self.before.evicted()
    }
}
