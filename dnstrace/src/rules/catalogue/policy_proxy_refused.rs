//! `policy-proxy-refused`: a proxy that enforces a policy answers REFUSED in the server's place.

use super::Rule;
use crate::decode::Transport;
use crate::owner::Party;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "policy-proxy-refused",
    title: "a DNS policy of this node refuses a pod's names, and cluster DNS never sees the queries",
    severity: Severity::Warning,
    meaning: "CNI plugins with policies by name (Cilium's toFQDNs, for one) send a pod's queries through a proxy. For names \
              that no rule allows it answers REFUSED itself. glibc fails at once; musl waits five seconds for each name of \
              the search list.",
    signature: "REFUSED comes from the Service's address, and the query is not seen to go on to an endpoint, as others to the \
                same address are. Likely: that no endpoint saw it is observed, that a policy is the reason is not.",
    remedy: "Allow the names in the policy (Cilium: rules.dns.matchPattern), with the search list's names among them, or let \
             the proxy say NXDOMAIN: tofqdns-dns-reject-response-code: nameError.",
    link: "https://docs.cilium.io/en/stable/security/policy/language/#dns-based",
    surer: "the log of the CNI plugin's agent on this node",
    explains_failure: true,
};

/// RFC 1035, 4.1.1.
const REFUSED: u16 = 5;

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct PolicyProxyRefused;

impl Rule for PolicyProxyRefused {
    fn settled(&mut self, case: &Case, world: &World<'_>, found: &mut Found<'_>) {
        let is_refused = case.rcode() == Some(REFUSED) && case.transport == Transport::Udp;
        if !is_refused || found.explained(case).is_some() || !is_taken_by_proxy(case, world) {
            return;
        }
        let claim = Claim { case, subject: Subject::client(case), certainty: Certainty::Likely };
        found.missed(claim, || {
            format!("is refused names by a proxy on this node; no endpoint of {} saw the queries", case.server)
        });
    }
}

fn is_taken_by_proxy(case: &Case, world: &World<'_>) -> bool {
    // Others to the same address are translated, so this one was kept from it.
    let is_translated = world.learned.is_service(case.server) && world.sees_forwarding(case.server);
    // A query that came to the socket of a pod, or made somebody ask on, had a server.
    let has_server = match &case.who.server {
        Some(Party::Node { .. }) | None => world.window.caused_by(case.id).next().is_some(),
        Some(_) => true,
    };
    is_translated && case.server_after_nat.is_none() && !has_server
}
