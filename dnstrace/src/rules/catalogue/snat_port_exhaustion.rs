//! `snat-port-exhaustion`: queries that leave the node find no free port to be translated to.

use super::Rule;
use crate::join::{Event, MessageKind};
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::silence::Silence;
use crate::rules::stage::Ended;
use crate::rules::upstream::{Blame, blame, is_to_cluster};
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "snat-port-exhaustion",
    title: "queries to an upstream server are dropped where the node translates their source",
    severity: Severity::Error,
    meaning: "What CoreDNS asks outside leaves with the node's address, and needs a port of it that is not in use to the same \
              server. With many queries open at once none may be left, and the kernel drops what comes. Names outside the \
              cluster fail now and then, on busy nodes first.",
    signature: "The kernel dropped a query to an upstream server in a netfilter hook, not in a rule (NETFILTER_DROP at \
                nf_hook_slow), although its table of connections is not full and the same server answers other queries. It \
                is suspected, as other modules drop there, too.",
    remedy: "Keep fewer queries open: a larger cache, NodeLocal DNSCache (which asks over TCP connections that it keeps), a \
             faster upstream server. Let the node's masquerading use more ports, or more addresses.",
    link: "https://kubernetes.io/docs/tasks/administer-cluster/nodelocaldns/",
    surer: "`conntrack -S` on the node: insert_failed and drop that rise",
    explains_failure: true,
};

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct SnatPortExhaustion {
    silence: Silence,
}

impl Rule for SnatPortExhaustion {
    fn ended(&mut self, ended: &Ended<'_>, _world: &World<'_>, _found: &mut Found<'_>) {
        if ended.case.is_upstream() {
            self.silence.count(ended.case);
        }
    }

    fn ended_well(&mut self, ended: &Ended<'_>, world: &World<'_>, found: &mut Found<'_>) {
        self.ended(ended, world, found);
    }

    fn settled(&mut self, case: &Case, world: &World<'_>, found: &mut Found<'_>) {
        if !case.failed() || found.explained(case).is_some() || !has_room(world) {
            return;
        }
        let Blame { culprits, between } = blame(case, world);
        for dropped in culprits.into_iter().filter(|asked| self.is_dropped_at_hook(asked, world)) {
            let subject = Subject::responder(dropped);
            let about = subject.about.clone();
            if found.explained(dropped).is_none() {
                let claim = Claim { case: dropped, subject, certainty: Certainty::Suspected };
                found.seen(claim, || {
                    "is not reached by some queries: the node drops them as it translates them".to_owned()
                });
            }
            for failed in between.iter().copied().chain([case]) {
                found.suffers(&about, failed);
            }
        }
    }

    fn evicted(&self) -> u64 {
        self.silence.evicted()
    }
}

impl SnatPortExhaustion {
    fn is_dropped_at_hook(&self, asked: &Case, world: &World<'_>) -> bool {
        let is_at_hook = |event: &Event| match event {
            Event::Dropped { reason, location } => &**reason == "NETFILTER_DROP" && &**location == "nf_hook_slow",
            Event::Rejected { .. } => false,
        };
        let is_dropped = asked.signs.iter().any(|sign| sign.message == MessageKind::Query && is_at_hook(&sign.event));
        is_dropped && !is_to_cluster(asked, world) && self.silence.answered_since(asked)
    }
}

/// Not the table itself is full, as far as that is known at all.
fn has_room(world: &World<'_>) -> bool {
    world.conntrack().is_some_and(|conntrack| conntrack.count < conntrack.max / 100 * 95)
}
