//! `vip-not-translated`: queries to a Service's address leave the node as they are.

use super::Rule;
use crate::capture::{Direction, Hook, Point};
use crate::join::{Hop, MessageKind};
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::place;
use crate::rules::signs;
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
                another interface with the same one, not to a pod of this node. Certain where it is seen to be routed (it \
                came out of a bridge in between), and the address is known to be that of cluster DNS and of a Service, or \
                was translated before; likely where less is known; nothing is said where a bridge merely passed on a frame.",
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
        // Where an answer came, somebody else translates: Service addresses can be routed. Where nobody listens, the address
        // is somebody's.
        let is_somebodys = case.answer.is_some() || case.server_after_nat.is_some() || found.explained(case).is_some();
        let Some((way, certainty)) = Way::of(case).filter(|_| !is_somebodys).zip(certainty(case, world)) else {
            return;
        };
        let hop = way.out;
        if world.owner.pod_behind(hop.point, hop.time).is_some()
            || (!way.is_routed && signs::went_to_others(&case.signs))
        {
            return;
        }
        let certainty = if way.is_routed { certainty } else { certainty.min(Certainty::Likely) };
        let claim = Claim { case, subject: Subject::asked(case), certainty };
        found.seen(claim, || match place::words(hop, world) {
            place if place.is_empty() => "is not translated to an endpoint: queries leave this node".to_owned(),
            place => format!("is not translated to an endpoint: queries were seen {place}"),
        });
    }
}

/// How surely nodes replace the address. One that only configuration names may be a server of its own, one that was
/// replaced before may be so for some clients only, and a pod's own file may name anybody.
fn certainty(case: &Case, world: &World<'_>) -> Option<Certainty> {
    let is_said = world.owner.cluster_dns().is_sure_server(case.server);
    let is_translated = world.learned.is_service(case.server);
    if world.is_endpoint(case.server) || !(is_said || is_translated) {
        return None;
    }
    let is_sure = is_said && (is_translated || case.who.service.is_some());
    Some(if is_sure { Certainty::Certain } else { Certainty::Likely })
}

/// The way of a query through one netns, with the same destination all along.
struct Way<'a> {
    /// Where it goes out.
    out: &'a Hop,
    /// It came in by a bridge's port and then by the bridge, which takes only what the node is to route.
    is_routed: bool,
}

impl<'a> Way<'a> {
    fn of(case: &'a Case) -> Option<Self> {
        let is_untranslated = |hop: &&Hop| hop.message == MessageKind::Query && hop.dst == case.server;
        let mut untranslated = case.path.iter().filter(is_untranslated);
        let entered = untranslated.find(|hop| is_at_device(hop.point, Direction::In))?.point;
        let elsewhere = untranslated.map(|hop| (hop, hop.point)).filter(|(_, point)| {
            point.netns == entered.netns && point.ifindex != entered.ifindex && point.ifindex != 0
        });
        let mut is_routed = false;
        for (hop, point) in elsewhere {
            is_routed |= is_at_device(point, Direction::In);
            if is_at_device(point, Direction::Out) {
                return Some(Self { out: hop, is_routed });
            }
        }
        None
    }
}

fn is_at_device(point: Point, direction: Direction) -> bool {
    point.hook == Hook::Device && point.direction == direction
}
