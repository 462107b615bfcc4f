//! What a pod's application looks up, and which queries its stub resolver makes of it.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, ensure};
use dnstrace_tests::kube::{Kube, Pod};

/// A zone in which every name exists; a name of it has fewer dots than `ndots`, so the search list comes first.
const ZONE: &str = "probe.example";
const CLUSTER_DOMAINS: [&str; 2] = ["svc.cluster.local", "cluster.local"];

/// The queries of names that nobody else asks for.
pub(crate) struct Asked {
    queries: Vec<(String, &'static str)>,
}

impl Asked {
    /// Lets the pod look up `count` names of its own.
    pub(crate) fn look_up(kube: &Kube, pod: &Pod, count: usize) -> Result<Self> {
        let names: Vec<String> = (0..count).map(|_| unique_name(&pod.app)).collect();
        let words: Vec<&str> = names.iter().map(String::as_str).collect();
        let said = kube.look_up(pod, &words)?;
        let found = names.iter().filter(|name| said.contains(&format!("{name} 2\n"))).count();
        ensure!(found == count, "{} found {found} of {count} names:\n{said}", pod.name);
        let queries = names.iter().flat_map(|name| queries_of(name, &pod.namespace));
        Ok(Self { queries: queries.collect() })
    }

    /// Name and type of each.
    pub(crate) fn queries(&self) -> &[(String, &'static str)] {
        &self.queries
    }
}

/// A name no cache has, not even of an earlier run on the same node.
fn unique_name(pod: &str) -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    format!("{pod}-{}-{}.{ZONE}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// resolv.conf(5): the name with each domain of the search list, then as it is; A and AAAA of each.
fn queries_of(name: &str, k8s_namespace: &str) -> Vec<(String, &'static str)> {
    let own = format!("{name}.{k8s_namespace}.{}", CLUSTER_DOMAINS[0]);
    let others = CLUSTER_DOMAINS.iter().map(|domain| format!("{name}.{domain}"));
    let names = std::iter::once(own).chain(others).chain([name.to_owned()]);
    names.flat_map(|name| ["A", "AAAA"].map(|qtype| (name.clone(), qtype))).collect()
}

#[test]
fn a_name_walks_the_search_list() {
    let queries = queries_of("web-1.probe.example", "shop");
    assert_eq!(queries.len(), 8);
    assert_eq!(queries[0], ("web-1.probe.example.shop.svc.cluster.local".to_owned(), "A"));
    assert_eq!(queries[7], ("web-1.probe.example".to_owned(), "AAAA"));
}
