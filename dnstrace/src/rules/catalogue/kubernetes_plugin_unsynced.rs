//! `kubernetes-plugin-unsynced`: CoreDNS serves no names of the cluster, as it did not get them from the API server.

use super::Rule;
use crate::rules::cached::Cached;
use crate::rules::case::Case;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Claim, Found};
use crate::rules::upstream::blame;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "kubernetes-plugin-unsynced",
    title: "CoreDNS has no Services from the API server, and answers SERVFAIL for the cluster domain",
    severity: Severity::Error,
    meaning: "CoreDNS's `kubernetes` plugin answers from a copy of Services and EndpointSlices that it keeps in sync with the \
              API server. When it could not get that copy, because it may not list them or cannot reach the API server, it \
              answers SERVFAIL for every name of the cluster. Names outside the cluster resolve, once the search list is \
              through. The first seconds of a CoreDNS pod look the same, if it gets queries before it is ready.",
    signature: "SERVFAIL with AA, and the SOA record of the cluster domain in the authority section: nobody else answers so, \
                which makes it certain.",
    remedy: "See what CoreDNS says: `kubectl -n kube-system logs -l k8s-app=kube-dns | grep -i -e forbidden -e 'failed to \
             list'`. Its ClusterRole needs list and watch for services, namespaces, pods, and endpointslices of \
             discovery.k8s.io: `kubectl auth can-i list endpointslices.discovery.k8s.io -A \
             --as=system:serviceaccount:kube-system:coredns`.",
    link: "https://kubernetes.io/docs/tasks/administer-cluster/dns-debugging-resolution/\
           #does-coredns-have-sufficient-permissions",
    surer: "CoreDNS's own log",
    explains_failure: true,
};

const SERVFAIL: u16 = 2;

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct KubernetesPluginUnsynced {
    cached: Cached,
}

impl Rule for KubernetesPluginUnsynced {
    fn settled(&mut self, case: &Case, world: &World<'_>, found: &mut Found<'_>) {
        if case.rcode() != Some(SERVFAIL) || found.explained(case).is_some() {
            return;
        }
        if let Some(about) = self.cached.reason(case) {
            return found.suffers(&about, case);
        }
        // A cache on the node passes on what CoreDNS says, with all its records.
        let asked = blame(case, world).culprits.into_iter().find(|asked| is_unsynced(asked, world));
        let Some(source) = asked.or(Some(case).filter(|case| case.caused() == 0 && is_unsynced(case, world))) else {
            return;
        };
        let subject = Subject::responder(source);
        let about = subject.about.clone();
        if found.explained(source).is_none() {
            found.seen(Claim { case: source, subject, certainty: Certainty::Certain }, || sentence(source));
        }
        found.suffers(&about, case);
        self.cached.remember(case, &about);
    }

    fn evicted(&self) -> u64 {
        self.cached.evicted()
    }
}

fn sentence(case: &Case) -> String {
    let zone = case.zone().map(|zone| zone.to_string()).unwrap_or_default();
    format!("answers SERVFAIL for {zone}: it has no copy of the Services of the cluster")
}

fn is_unsynced(case: &Case, world: &World<'_>) -> bool {
    let is_own_failure = case.answer.as_ref().is_some_and(|answer| answer.rcode == SERVFAIL && answer.authoritative);
    let Some((domain, name)) = world.domain().zip(case.name()) else { return false };
    is_own_failure && case.has_zone(domain) && name.is_within(domain)
}
