//! `rpfilter-drop`: the kernel drops packets that come in by another interface than the way back.

use super::Rule;
use crate::join::MessageKind;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::signs::drops;
use crate::rules::stage::Ended;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "rpfilter-drop",
    title: "reverse path filtering drops DNS packets",
    severity: Severity::Error,
    meaning: "The kernel looks up the way back to a packet's source, and drops the packet when it leads out of another \
              interface than it came in by. With several interfaces, policy routes or some CNI plugins that is normal \
              traffic. Lookups of the pods concerned time out.",
    signature: "A query or a response is dropped with the reason IP_RPFILTER. That is certain.",
    remedy: "Use loose filtering on the interfaces concerned: sysctl net.ipv4.conf.all.rp_filter=2 (the larger of all and \
             the interface's own counts), or repair the route back to the source.",
    link: "https://docs.kernel.org/networking/ip-sysctl.html",
    surer: "nothing more is needed",
    explains_failure: true,
};

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct RpfilterDrop;

impl Rule for RpfilterDrop {
    fn ended(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        let case = ended.case;
        let Some(dropped) = drops(&case.signs).find(|dropped| dropped.reason == "IP_RPFILTER") else { return };
        let claim = Claim { case, subject: Subject::node(), certainty: Certainty::Certain };
        let (what, source) = match dropped.message {
            MessageKind::Query => ("queries", case.client.ip()),
            MessageKind::Response => ("responses", case.responder().ip()),
        };
        found.seen(claim, || format!("drops {what} of {source} by its reverse path filter"));
        if let Some(cause) = world.cause(case).filter(|cause| cause.failed()) {
            found.explains(cause);
        }
    }
}
