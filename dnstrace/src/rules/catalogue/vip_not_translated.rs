//! `vip-not-translated`: queries to a Service's address leave the node as they are.

use super::Rule;
use crate::capture::{Direction, Hook, Point};
use crate::join::{Hop, MessageKind};
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::place;
use crate::rules::stage::Ended;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "vip-not-translated",
    title: "queries to the DNS Service leave the node without being sent to an endpoint",
    severity: Severity::Error,
    meaning: "A Service's address is nobody's: each node replaces it by that of an endpoint. On this node that did not \
              happen, and queries went out to the network, where nobody answers. Every pod of the node is affected.",
    signature: "An unanswered query comes into the node with the Service's address as destination and is sent out of \
                another interface with the same one. Certain where the address is known to be that of cluster DNS and of a \
                Service, or was translated before; likely where only one is known; else nothing is said.",
    remedy: "Check kube-proxy, or what replaces it, on this node: kubectl -n kube-system get pods -o wide -l \
             k8s-app=kube-proxy, its log, and iptables-save | grep the address (nft list ruleset, ipvsadm -Ln).",
    link: "https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/#is-the-kube-proxy-working",
    surer: "the Service's address, from the API or --cluster-dns",
    explains_failure: true,
};

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct VipNotTranslated;

impl Rule for VipNotTranslated {
    fn ended(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        let case = ended.case;
        // Where an answer came, somebody else translates: Service addresses can be routed.
        if case.answer.is_some() || case.server_after_nat.is_some() {
            return;
        }
        let Some((hop, certainty)) = sent_on(case).zip(certainty(case, world)) else { return };
        let claim = Claim { case, subject: Subject::asked(case), certainty };
        found.seen(claim, || match place::words(hop, world) {
            place if place.is_empty() => "is not translated to an endpoint: queries leave this node".to_owned(),
            place => format!("is not translated to an endpoint: queries were seen {place}"),
        });
    }
}

/// How surely nodes replace the address. One that only configuration names may be a server of its own, and one that was
/// replaced before may be so for some clients only.
fn certainty(case: &Case, world: &World<'_>) -> Option<Certainty> {
    let is_said = world.owner.cluster_dns().is_server(case.server);
    let is_translated = world.learned.is_service(case.server);
    if world.is_endpoint(case.server) || !(is_said || is_translated) {
        return None;
    }
    let is_sure = is_said && (is_translated || case.who.service.is_some());
    Some(if is_sure { Certainty::Certain } else { Certainty::Likely })
}

/// Where a query goes out that came in by another interface of the same netns, with the same destination.
fn sent_on(case: &Case) -> Option<&Hop> {
    let is_untranslated = |hop: &&Hop| hop.message == MessageKind::Query && hop.dst == case.server;
    let entered = case.path.iter().filter(is_untranslated).find(|hop| is_at_device(hop.point, Direction::In))?;
    let is_elsewhere = |point: Point| {
        (point.ifindex, point.netns) != (entered.point.ifindex, entered.point.netns) && point.ifindex != 0
    };
    let mut sent = case.path.iter().filter(is_untranslated);
    sent.find(|hop| {
        is_at_device(hop.point, Direction::Out) && hop.point.netns == entered.point.netns && is_elsewhere(hop.point)
    })
}

fn is_at_device(point: Point, direction: Direction) -> bool {
    point.hook == Hook::Device && point.direction == direction
}
