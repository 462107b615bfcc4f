//! The domains that a stub resolver appends to names.

use foldhash::HashMap;

use super::case::Case;
use super::name::Name;
use super::world::World;
use crate::owner::fact::{ResolvConf, Text};

/// Search domains of one client, as far as they are known.
#[derive(Clone, Debug, Default)]
pub(super) struct SearchDomains {
    /// Of the pod's own `resolv.conf`, where that is known.
    own: Option<Vec<Name>>,
    /// `svc.cluster.local`.
    services: Option<Name>,
    /// `cluster.local`.
    domain: Option<Name>,
}

/// Pods whose list is kept: those of a node.
const PODS_MAX: usize = 1_024;

/// The lists of pods, made of text once.
#[derive(Debug, Default)]
pub(super) struct SearchLists {
    by_pod: HashMap<Text, (ResolvConf, SearchDomains)>,
    /// Of those whose file is not known.
    others: SearchDomains,
}

impl SearchLists {
    /// Of whoever asked.
    pub(super) fn of(&mut self, case: &Case, world: &World<'_>) -> &SearchDomains {
        if let Some(conf) = world.resolv_conf(case) {
            return self.of_pod(conf);
        }
        if self.others.domain.as_ref() != world.domain() {
            let services = world.services_domain().cloned();
            self.others = SearchDomains { own: None, services, domain: world.domain().cloned() };
        }
        &self.others
    }

    fn of_pod(&mut self, conf: &ResolvConf) -> &SearchDomains {
        if self.by_pod.len() >= PODS_MAX && !self.by_pod.contains_key(&conf.pod) {
            self.by_pod.clear();
        }
        let of = |conf: &ResolvConf| (conf.clone(), SearchDomains::of(conf));
        let known = self.by_pod.entry(conf.pod.clone()).or_insert_with(|| of(conf));
        if known.0 != *conf {
            *known = of(conf);
        }
        &known.1
    }
}

impl SearchDomains {
    fn of(conf: &ResolvConf) -> Self {
        let own = conf.search.iter().map(|domain| Name::from_text(domain)).collect();
        Self { own: Some(own), ..Self::default() }
    }

    /// Whether it is one of them.
    pub(super) fn is_search_domain(&self, suffix: &Name) -> bool {
        match &self.own {
            Some(own) => own.contains(suffix),
            None => self.is_of_kubernetes(suffix),
        }
    }

    /// Where in `name` begins what was appended to make it; `None` when it may be a whole name.
    pub(super) fn suffix_at(&self, name: &Name) -> Option<usize> {
        if let Some(own) = &self.own {
            return own.iter().filter_map(|domain| begin_below(name, domain)).min();
        }
        let services = self.services.as_ref()?;
        match name.count_before(services) {
            // `a.svc.cluster.local` has `svc.cluster.local` behind it, and `a.b.svc.cluster.local` its namespace, too:
            // unless it is the name of a Service, which only what follows shows.
            Some(0) => None,
            Some(1) => name.cut(services),
            Some(count) => Some(name.labels_end(count - 1, usize::MAX)),
            None => self.domain.as_ref().and_then(|domain| begin_below(name, domain)),
        }
    }

    /// Whether it could be one of a list that is not known: hosts append the domains of their site. Those of the cluster
    /// are known.
    pub(super) fn is_plausible(&self, suffix: &Name) -> bool {
        let is_of_cluster = |domain: &Name| suffix.is_within(domain);
        match &self.own {
            Some(own) => own.contains(suffix),
            None => !self.domain.as_ref().is_some_and(is_of_cluster),
        }
    }

    /// Whether they are not of one list: a pod has one Kubernetes namespace.
    pub(super) fn are_apart(&self, one: &Name, other: &Name) -> bool {
        self.own.is_none() && one != other && self.is_of_namespace(one) && self.is_of_namespace(other)
    }

    /// `shop.svc.cluster.local`, `svc.cluster.local`, `cluster.local`.
    fn is_of_kubernetes(&self, suffix: &Name) -> bool {
        self.is_of_namespace(suffix) || self.services.as_ref() == Some(suffix) || self.domain.as_ref() == Some(suffix)
    }

    /// `shop.svc.cluster.local`.
    fn is_of_namespace(&self, suffix: &Name) -> bool {
        let is_one = |services: &Name| suffix.count_before(services) == Some(1);
        self.services.as_ref().is_some_and(is_one)
    }
}

/// Where `domain` begins in a name that is below it.
fn begin_below(name: &Name, domain: &Name) -> Option<usize> {
    name.cut(domain).filter(|begin| *begin > 0)
}
