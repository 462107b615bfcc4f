//! `no-dns-endpoints`: the Service of cluster DNS has nobody behind it, and the node rejects what is sent there.

use super::Rule;
use crate::join::MessageKind;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::path::{self, Leg};
use crate::rules::signs::{Rejected, Rejection, drops, rejections};
use crate::rules::stage::Ended;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "no-dns-endpoints",
    title: "the DNS Service has no ready endpoint, and the node rejects its queries",
    severity: Severity::Error,
    meaning: "No pod of cluster DNS is ready, so kube-proxy has nowhere to send queries and has the node reject them. \
              Programs with glibc fail at once, those with musl after five seconds; no name can be looked up.",
    signature: "A query to the Service's address is answered by an ICMP port unreachable that the node itself sends, and is \
                never translated to an endpoint; or a rule drops it before that, as such errors are limited in rate. \
                Certain when the API says that no endpoint is ready; likely when only the \
                address is known to be a Service's, as a policy may reject, too; suspected when not even that is known.",
    remedy: "See why no CoreDNS pod is ready: kubectl -n kube-system get pods,endpointslices -l k8s-app=kube-dns, then \
             kubectl -n kube-system describe those pods and read their logs. kubectl -n kube-system get service kube-dns \
             must have the address that pods ask; where it was deleted, create it again with that clusterIP.",
    link: "https://kubernetes.io/docs/tasks/administer-cluster/dns-debugging-resolution/#are-dns-endpoints-exposed",
    surer: "the API server's list of endpoints (run dnstrace in the cluster, or give it a kubeconfig)",
    explains_failure: true,
};

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct NoDnsEndpoints;

impl Rule for NoDnsEndpoints {
    fn ended(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        let case = ended.case;
        if case.server_after_nat.is_some() || case.answer.is_some() || found.explained(case).is_some() {
            return;
        }
        let has_none = is_listed(case, world) && has_no_ready_endpoint(world);
        if rejections(&case.signs).any(|rejected| is_by_node(&rejected, case)) {
            let Some(certainty) = certainty_of_rejection(case, world) else { return };
            let claim = Claim { case, subject: Subject::asked(case), certainty };
            return found.seen(claim, || sentence("this node rejects its queries", has_none));
        }
        // Linux limits the rate of ICMP errors: the rule that rejects only drops the others.
        let is_known = has_none && drops(&case.signs).any(|dropped| dropped.is_by_rule());
        let dropped = if is_known { Some(Certainty::Certain) } else { certainty_of_drop(case, world) };
        if let Some(certainty) = dropped {
            let claim = Claim { case, subject: Subject::asked(case), certainty };
            return found.seen(claim, || sentence("this node rejects its queries", has_none));
        }
        // Where a Service has endpoints only elsewhere (internalTrafficPolicy), queries vanish instead.
        if has_none && case.is_unanswered() && path::leg(case, world) == Some(Leg::Client) {
            let claim = Claim { case, subject: Subject::asked(case), certainty: Certainty::Likely };
            found.missed(claim, || sentence("its queries vanish on this node", has_none));
        }
    }
}

fn sentence(what: &str, has_none: bool) -> String {
    let why = if has_none { "has no ready endpoint" } else { "seems to have no endpoint" };
    format!("{why}: {what}")
}

fn is_by_node(rejected: &Rejected<'_>, case: &Case) -> bool {
    rejected.says == Rejection::Port && rejected.sign.dst == case.server && !rejected.is_by_destination()
}

/// The list of endpoints is that of cluster DNS: of other Services it says nothing.
fn is_listed(case: &Case, world: &World<'_>) -> bool {
    world.owner.cluster_dns().is_sure_server(case.server)
}

fn has_no_ready_endpoint(world: &World<'_>) -> bool {
    world.ready_endpoints().is_some_and(|ready| ready.is_empty())
}

/// A rule that rejects drops as well, and its ICMP error may not be seen. Policies apply behind the Service's NAT, as a
/// rule: what is dropped with the Service's own address was not translated, as nobody is there.
fn certainty_of_drop(case: &Case, world: &World<'_>) -> Option<Certainty> {
    let is_dropped = drops(&case.signs).any(|dropped| dropped.message == MessageKind::Query && dropped.is_by_rule());
    let is_untranslated = case.signs.iter().all(|sign| sign.dst == case.server);
    if !is_dropped || !is_untranslated || !world.surely_stands_for_others(case) {
        return None;
    }
    let most = certainty_of_rejection(case, world)?;
    let answered = world.learned.watched().behind(case.server).map(|known| known.answered).max();
    match answered.filter(|_| most < Certainty::Certain) {
        // This client only is kept back.
        Some(answered) if answered >= case.time => None,
        // It had an endpoint: that may be gone, or this client only be kept back.
        Some(_) => Some(Certainty::Suspected),
        None => Some(most),
    }
}

fn certainty_of_rejection(case: &Case, world: &World<'_>) -> Option<Certainty> {
    if is_listed(case, world) {
        return match world.ready_endpoints() {
            Some(ready) if ready.is_empty() => Some(Certainty::Certain),
            // Then it is a policy that rejects.
            Some(_) => None,
            None => Some(Certainty::Likely),
        };
    }
    if world.surely_stands_for_others(case) {
        return Some(Certainty::Likely);
    }
    // Nothing is known of the address; a gateway's firewall rejects what was sent on.
    let is_here = path::leg(case, world) == Some(Leg::Client);
    is_here.then_some(Certainty::Suspected)
}
