//! `policy-drop`: a network policy or firewall on this node drops, or rejects, a pod's queries.

use super::Rule;
use crate::capture::Direction;
use crate::decode::Transport;
use crate::join::MessageKind;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::path::{self, Leg};
use crate::rules::signs::{Dropped, Rejected, Rejection, drops, rejections};
use crate::rules::stage::Ended;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "policy-drop",
    title: "a network policy or firewall of this node keeps a pod's queries from its DNS server",
    severity: Severity::Error,
    meaning: "All queries of a pod to its DNS server end on the pod's own node, while those of others get through. Lookups \
              of the pod time out, typically after 5 to 40 seconds. The usual reason is a NetworkPolicy with egress rules \
              that does not allow port 53.",
    signature: "Queries are seen as they come from the pod and never behind that, all of them. Likely when the kernel says \
                that a rule dropped one (NETFILTER_DROP in the chain of a table, TC_INGRESS, TC_EGRESS), or an ICMP error \
                says that it is prohibited; suspected without. That they get no further is certain; that a policy is the \
                reason is not.",
    remedy: "Allow UDP and TCP port 53 from the pod to cluster DNS: an egress rule with namespaceSelector \
             kubernetes.io/metadata.name: kube-system and podSelector k8s-app: kube-dns. To see what applies: kubectl get \
             networkpolicies -A, and nft list ruleset on the node.",
    link: "https://kubernetes.io/docs/concepts/services-networking/network-policies/",
    surer: "the drop hook (dnstrace doctor says what it needs), which names the drop reason",
    explains_failure: true,
};

/// One lost query is bad luck: a lookup makes two, and a policy swallows every one.
const STUCK_MIN: u32 = 2;
/// A client whose queries got through before may lose both of a lookup at once, not those of several.
const STUCK_LATER_MIN: u32 = 5;

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct PolicyDrop;

/// How a query was kept back.
enum How<'a> {
    Dropped(Dropped<'a>),
    Prohibited,
    Rejected,
    Vanished,
}

impl Rule for PolicyDrop {
    fn ended(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        let case = ended.case;
        let Some(how) = forbidden(case).filter(|_| found.explained(case).is_none()) else { return };
        tell(case, &how, Certainty::Likely, found);
        if let Some(cause) = world.cause(case).filter(|cause| cause.failed()) {
            found.explains(cause);
        }
    }

    // Only now it is known whether others of the same client got through.
    fn settled(&mut self, case: &Case, world: &World<'_>, found: &mut Found<'_>) {
        let is_udp = case.transport == Transport::Udp && !case.server.ip().is_multicast();
        let is_lost = case.answer.is_none() && is_udp && !world.is_looping(case);
        if !is_lost || found.explained(case).is_some() || !is_blocked(case, world) {
            return;
        }
        if let Some(how) = kept_back(case, world) {
            tell(case, &how, Certainty::Suspected, found);
        }
    }
}

/// What says itself that a rule did it.
fn forbidden(case: &Case) -> Option<How<'_>> {
    let dropped = drops(&case.signs).find(Dropped::is_by_rule).map(How::Dropped);
    let is_prohibited = || rejections(&case.signs).any(|rejected| rejected.says == Rejection::Prohibited);
    dropped.or_else(|| is_prohibited().then_some(How::Prohibited))
}

/// What may be the work of a rule, where it happens to all queries of a client.
fn kept_back<'a>(case: &'a Case, world: &World<'_>) -> Option<How<'a>> {
    // Old kernels say no more of a rule than of a full table, which does not choose whom it hits.
    if let Some(dropped) = drops(&case.signs).find(Dropped::is_by_netfilter_hook) {
        return Some(How::Dropped(dropped));
    }
    let is_rejection = |rejected: Rejected<'_>| rejected.says == Rejection::Port && !rejected.is_by_destination();
    if path::leg(case, world) != Some(Leg::Client) {
        return None;
    }
    if rejections(&case.signs).any(is_rejection) {
        return Some(How::Rejected);
    }
    (case.is_unanswered() && case.signs.is_empty() && is_watched(case, world)).then_some(How::Vanished)
}

/// Whether no query of the client gets through to this server.
fn is_blocked(case: &Case, world: &World<'_>) -> bool {
    let way = world.learned.watched().way(case.client.ip(), case.server);
    way.stuck >= if way.passed.is_some() { STUCK_LATER_MIN } else { STUCK_MIN }
}

/// Whether it would have been seen to get further.
fn is_watched(case: &Case, world: &World<'_>) -> bool {
    let misses_nothing = || world.learned.watched().misses_nothing() && world.unseen_port(case.server).is_none();
    world.sees_forwarding(case.server) || (misses_nothing() && is_of_all_interfaces(case))
}

/// Only what watches all interfaces (our hooks, `tcpdump -i any`) says by which of them a packet came in.
fn is_of_all_interfaces(case: &Case) -> bool {
    path::first_interface(&case.path).is_some_and(|point| point.ifindex != 0 && point.direction == Direction::In)
}

fn tell(case: &Case, how: &How<'_>, certainty: Certainty, found: &mut Found<'_>) {
    let claim = Claim { case, subject: Subject::client(case), certainty };
    let server = case.server;
    match how {
        How::Dropped(dropped) => {
            let (reason, location) = (dropped.reason, dropped.location);
            let at = if location.is_empty() { String::new() } else { format!(" in {location}") };
            let what = if dropped.message == MessageKind::Query { "its queries" } else { "the responses to it" };
            found.seen(claim, || format!("cannot reach {server}: this node drops {what} ({reason}{at})"));
        }
        How::Prohibited => {
            found.seen(claim, || format!("cannot reach {server}: an ICMP error says that it is prohibited"));
        }
        How::Rejected => found.seen(claim, || format!("cannot reach {server}: this node rejects its queries")),
        How::Vanished => {
            found.missed(claim, || format!("cannot reach {server}: its queries come to this node and get no further"));
        }
    }
}
