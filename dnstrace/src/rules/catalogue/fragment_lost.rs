//! `fragment-lost`: a response too large for one packet is sent in fragments, and does not arrive.

use super::Rule;
use crate::capture::Direction;
use crate::decode::Transport;
use crate::join::{MessageKind, Transaction, TransactionId};
use crate::rules::case::Case;
use crate::rules::finding::{About, Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::path;
use crate::rules::recent::Recent;
use crate::rules::signs::drops;
use crate::rules::stage::Ended;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "fragment-lost",
    title: "large responses are lost, as they are sent in fragments",
    severity: Severity::Warning,
    meaning: "A response larger than the network's MTU goes out in IP fragments. Firewalls and overlays often drop all but \
              the first, and the rest is thrown away after 30 seconds. Names with many records or DNSSEC signatures time \
              out, others work.",
    signature: "A UDP response larger than one packet comes in at one interface and is never sent to the client, where others \
                are. Certain when the kernel drops a fragment of it or gives up to put it together; likely when the client \
                asks the same again and loses the response again; else suspected.",
    remedy: "Keep responses small: CoreDNS's bufsize plugin (bufsize 1232), or the same limit in the upstream server and the \
             client's EDNS. Check that all interfaces on the way have the same MTU.",
    link: "https://coredns.io/plugins/bufsize/",
    surer: "the drop hook, and a recording with all interfaces of the node",
    explains_failure: true,
};

/// An Ethernet packet has 1,500 bytes with the headers of IP and UDP: 20 + 8, or 40 + 8.
const PACKET_MAX_V4: u32 = 1_472;
const PACKET_MAX_V6: u32 = 1_452;

/// Queries whose server lost a response so while it asked on: they are settled within seconds.
const CAUSES_MAX: usize = 1_024;

/// See [`EXPLANATION`].
pub(super) struct FragmentLost {
    /// Whose response was lost, by the query that made it be sent.
    causes: Recent<TransactionId, About>,
}

impl Default for FragmentLost {
    fn default() -> Self {
        Self { causes: Recent::new(CAUSES_MAX) }
    }
}

impl Rule for FragmentLost {
    fn ended(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        let Ended { case, transaction } = *ended;
        let is_dropped = drops(&case.signs).any(|dropped| {
            dropped.message == MessageKind::Response && matches!(dropped.reason, "FRAG_REASM_TIMEOUT" | "FRAG_TOO_FAR")
        });
        let certainty = if is_dropped {
            Certainty::Certain
        } else if is_large(case) && is_lost(transaction, world) {
            if is_asked_again(case, world) { Certainty::Likely } else { Certainty::Suspected }
        } else {
            return;
        };
        if let Some(cause) = case.cause {
            self.causes.insert(cause, Subject::responder(case).about);
        }
        let len = case.answer.as_ref().map_or(0, |answer| answer.len);
        let claim = Claim { case, subject: Subject::responder(case), certainty };
        found.missed(claim, || match len {
            0 => "sends responses in fragments that get lost".to_owned(),
            len => format!("sends responses in fragments that get lost: {len} bytes"),
        });
    }

    fn ended_well(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        self.ended(ended, world, found);
    }

    // Seen at its first fragment, the response counts as one: only here it shows that the server did not get it.
    fn settled(&mut self, case: &Case, _world: &World<'_>, found: &mut Found<'_>) {
        if !case.failed() || found.explained(case).is_some() {
            return;
        }
        if let Some(about) = self.causes.get(&case.id) {
            found.suffers(about, case);
        }
    }

    fn evicted(&self) -> u64 {
        self.causes.evicted()
    }
}

fn is_large(case: &Case) -> bool {
    let max = if case.client.ip().to_canonical().is_ipv4() { PACKET_MAX_V4 } else { PACKET_MAX_V6 };
    case.transport == Transport::Udp && case.answer.as_ref().is_some_and(|answer| answer.len > max)
}

/// Whether the response was seen, and not where it is sent to the client, though others are seen there.
fn is_lost(transaction: &Transaction, world: &World<'_>) -> bool {
    let path = &transaction.path;
    let Some(first) = path::first_interface(path) else { return false };
    let watched = world.learned.watched();
    let sees_all = first.ifindex != 0 && first.direction == Direction::In && watched.sees_some_returning();
    let is_seen = watched.sees_returning((first.netns, first.ifindex)) || sees_all;
    let has_response = path.iter().any(|hop| hop.message == MessageKind::Response);
    has_response && !path::is_delivered(path) && is_seen
}

/// Whether the client asked the same before, and got as large a response.
fn is_asked_again(case: &Case, world: &World<'_>) -> bool {
    world.window.same_question(case).any(|other| other.qtype() == case.qtype() && is_large(other))
}
