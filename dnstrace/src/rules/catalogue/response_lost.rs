//! `response-lost`: a response did not come to its client, and no other rule explains that.

use super::Rule;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::signs;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "response-lost",
    title: "responses are thrown away before they come to their client",
    severity: Severity::Error,
    meaning: "The server answered, and the kernel threw the response away on its way back. The client waits in vain, and asks \
              again after its timeout: lookups take seconds, or fail, while the server's own metrics show nothing. With \
              the reason OTHERHOST it came to the client in a frame with another host's MAC address: the node, or a DNS pod \
              on the same bridge, has an old neighbor entry, as when another pod had the client's address a moment ago.",
    signature: "A response is dropped, and not seen at its client's socket afterwards, nor leaving by the interface that its \
                query came in by. That it did not come is certain as far as packets were not lost in capture; why is what \
                the drop reason says.",
    remedy: "The drop reason and the kernel function say who threw it away. With OTHERHOST compare `ip neigh show ADDRESS` on \
             the node, and in the DNS pod where both are on one bridge, with the MAC address in the client's pod (`ip link`): \
             `ip neigh del ADDRESS dev INTERFACE` lets it be asked for again. Have the network plug-in announce the addresses \
             of new pods, or hand addresses out in turn.",
    link: "https://kubernetes.io/docs/tasks/administer-cluster/dns-debugging-resolution/",
    surer: "all hooks attached (dnstrace doctor): without the drop hook nothing shows that a response was thrown away",
    explains_failure: true,
};

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct ResponseLost;

impl Rule for ResponseLost {
    fn settled(&mut self, case: &Case, world: &World<'_>, found: &mut Found<'_>) {
        let lost = signs::lost_response(case).filter(|_| found.explained(case).is_none());
        let Some((sign, dropped)) = lost.and_then(|sign| Some((sign, signs::dropped(sign)?))) else { return };
        let claim = Claim { case, subject: Subject::client(case), certainty: Certainty::Certain };
        let server = case.server;
        found.missed(claim, || {
            let (reason, location) = (dropped.reason, dropped.location);
            let at = if location.is_empty() { String::new() } else { format!(" in {location}") };
            let is_misled = sign.event.is_for_another_host();
            let whose = if is_misled { ", as their frames have another host's MAC address" } else { "" };
            format!("does not get the responses of {server}: the kernel drops them ({reason}{at}){whose}")
        });
        if let Some(cause) = world.cause(case).filter(|cause| cause.failed()) {
            found.explains(cause);
        }
    }
}
