//! `loop-self-stub`: a resolver forwards to a loopback address behind which it is itself.

use super::Rule;
use crate::rules::Cycle;
use crate::rules::case::Case;
use crate::rules::finding::{Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "loop-self-stub",
    title: "cluster DNS forwards to a loopback address, which is itself",
    severity: Severity::Error,
    meaning: "CoreDNS takes its upstream servers from /etc/resolv.conf. Where the node runs systemd-resolved, that file \
              names 127.0.0.53; in CoreDNS' own network namespace nobody but CoreDNS listens there. Each query for a \
              name outside the cluster comes back to it, thousands of times. With the loop plugin it ends itself: its \
              pods are in CrashLoopBackOff.",
    signature: "The same question from a resolver to a loopback address, each time with a new message ID and port, and \
                no response. Certain where the kernel says that the same process sends and receives, or the question \
                is that of CoreDNS' loop plugin; likely where only the rate tells. Packets on lo are seen by the \
                socket hook only.",
    remedy: "Set resolvConf: /run/systemd/resolve/resolv.conf in the kubelet's configuration and restart the CoreDNS \
             pods, or name real servers in the Corefile: forward . 192.0.2.53",
    link: "https://coredns.io/plugins/loop/#troubleshooting",
    surer: "the socket hook (cgroup v2): it alone sees what stays on a pod's lo",
    explains_failure: true,
};

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct LoopSelfStub;

impl Rule for LoopSelfStub {
    fn cycle(&mut self, cycle: &Cycle, case: &Case, _world: &World<'_>, found: &mut Found<'_>) {
        let [hop] = &cycle.hops[..] else { return };
        if hop.is_service || !hop.server.ip().is_loopback() {
            return;
        }
        let claim = Claim { case, subject: Subject::client(case), certainty: cycle.certainty };
        found.seen(claim, || format!("forwards to {}, which is itself: {cycle}", hop.server.ip()));
    }
}
