//! `wrong-namespace`: a Service is asked for in one Kubernetes namespace, and is in another.

use std::collections::BTreeSet;

use super::Rule;
use crate::rules::finding::{Certainty, Explanation, Severity, Subject};
use crate::rules::found::{Found, LookupClaim};
use crate::rules::lookup::{Lookup, LookupOutcome, Step};
use crate::rules::name::Name;
use crate::rules::world::World;

/// What it means.
pub(super) const EXPLANATION: Explanation = Explanation {
    id: "wrong-namespace",
    title: "a Service is asked for in a Kubernetes namespace where it is not",
    severity: Severity::Error,
    meaning: "The name of a Service without its Kubernetes namespace means the one in the pod's own. Cluster DNS has no \
              such Service there, but one of the same name in another namespace: that is what was meant, as a rule.",
    signature: "NXDOMAIN for a Service's name, at every name the stub resolver tried, and a Service of that name in another \
                namespace: in the list of the API server, or answered on the wire. It is likely, not more: Services \
                without an address of their own (headless) are in no list.",
    remedy: "Ask for it with its namespace, as SERVICE.NAMESPACE or SERVICE.NAMESPACE.svc.cluster.local; \
             `kubectl get services -A` shows where it is.",
    link: "https://kubernetes.io/docs/tasks/administer-cluster/dns-debugging-resolution/#are-you-in-the-right-namespace-for-the-service",
    surer: "the list of Services (--kube)",
    explains_failure: false,
};

/// See [`EXPLANATION`].
#[derive(Default)]
pub(super) struct WrongNamespace;

/// A Service as it was asked for.
pub(super) struct Wanted<'a> {
    /// Name, a label.
    service: &'a [u8],
    /// Kubernetes namespace, a label.
    namespace: &'a [u8],
    /// The step that shows it.
    pub(super) step: &'a Step,
}

impl Rule for WrongNamespace {
    fn lookup(&mut self, lookup: &Lookup, world: &World<'_>, found: &mut Found<'_>) {
        let Some(wanted) = Wanted::of(lookup, world) else { return };
        let elsewhere = wanted.elsewhere(world);
        if elsewhere.is_empty() || wanted.is_ambiguous(world) && !has_namespace(&wanted.names().1, world) {
            return;
        }
        let (subject, step) = (Subject::asker(lookup), wanted.step);
        let certainty = if elsewhere.len() == 1 { Certainty::Likely } else { Certainty::Suspected };
        found.seen_in(LookupClaim { lookup, step, subject, certainty }, || {
            let (service, namespace) = wanted.names();
            let places: Vec<_> = elsewhere.iter().map(ToString::to_string).collect();
            format!(
                "asks for the Service {service} in {namespace}, where there is none; there is one in {}",
                places.join(", ")
            )
        });
    }
}

fn has_namespace(namespace: &Name, world: &World<'_>) -> bool {
    world.owner.index().has_services_in(&namespace.to_string()) || world.learned.has_namespace(namespace)
}

impl<'a> Wanted<'a> {
    /// The Service that a lookup was for, which cluster DNS says is not there.
    pub(super) fn of(lookup: &'a Lookup, world: &World<'_>) -> Option<Self> {
        let services = world.services_domain().filter(|_| lookup.outcome == LookupOutcome::NotFound)?;
        lookup.steps.iter().find_map(|step| {
            let (service, namespace) = service_of(step.name(), services)?;
            is_denied(step, world).then_some(Self { service, namespace, step })
        })
    }

    /// The Service and its Kubernetes namespace, to be shown.
    pub(super) fn names(&self) -> (Name, Name) {
        (Name::of_label(self.service), Name::of_label(self.namespace))
    }

    /// Where there is a Service of that name; nowhere when there is one where it was asked for.
    pub(super) fn elsewhere(&self, world: &World<'_>) -> BTreeSet<Name> {
        let listed = world.services_named(self.service).map(Name::from_text);
        let answered = world.learned.namespaces_of(self.service).cloned();
        let all: BTreeSet<Name> = listed.chain(answered).collect();
        let is_here = all.iter().any(|namespace| namespace.first() == self.namespace);
        if is_here { BTreeSet::new() } else { all }
    }

    /// `example.com.svc.cluster.local` is tried for `example.com`, too.
    pub(super) fn is_ambiguous(&self, world: &World<'_>) -> bool {
        self.step.suffix().as_ref() == world.services_domain()
    }
}

/// NXDOMAIN of cluster DNS itself, for addresses.
pub(super) fn is_denied(step: &Step, world: &World<'_>) -> bool {
    let domain = world.domain();
    let is_of_cluster = |zone: Name| domain.as_ref().is_some_and(|domain| zone.is_within(domain));
    step.cases().iter().all(|case| {
        let is_address = case.qtype().is_some_and(|qtype| qtype == 1 || qtype == 28);
        is_address && case.is_nxdomain() && case.zone().is_some_and(is_of_cluster)
    })
}

/// `web`, `shop` of `web.shop.svc.cluster.local`.
fn service_of<'n>(name: &'n Name, services: &Name) -> Option<(&'n [u8], &'n [u8])> {
    if name.count_before(services)? != 2 {
        return None;
    }
    let mut labels = name.labels();
    let (service, namespace) = (labels.next()?, labels.next()?);
    let is_plain = ![service, namespace].iter().any(|label| label.starts_with(b"_"));
    is_plain.then_some((service, namespace))
}
