//! What a pod's application looks up, and which queries its stub resolver makes of it.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, ensure};
use dnstrace_tests::kube::{Kube, Pod, RecordedQuery};

/// A zone in which every name exists; a name of it has fewer dots than `ndots`, so the search list comes first.
const ZONE: &str = "probe.example";
/// A zone in which every name has so many addresses that a UDP response cannot carry them.
const LARGE_ZONE: &str = "large.example";
const LARGE: usize = 60;
const CLUSTER_DOMAINS: [&str; 2] = ["svc.cluster.local", "cluster.local"];

/// The queries of a pod for names that nobody else asks for.
pub(crate) struct Asked {
    /// Name and type of each query that its stub resolver made, once each.
    pub(crate) over_udp: Vec<(String, &'static str)>,
    /// The same over TCP. glibc asks all of them again each time that a response needs a larger buffer than it has.
    pub(crate) over_tcp: Vec<(String, &'static str)>,
}

impl Asked {
    /// Lets the pod look up `count` names that exist, and one that has more addresses than a UDP response can carry.
    pub(crate) fn look_up(kube: &Kube, pod: &Pod, count: usize) -> Result<Self> {
        let names: Vec<String> = (0..count).map(|_| unique_name(&pod.app, ZONE)).collect();
        let words: Vec<&str> = names.iter().map(String::as_str).collect();
        let said = kube.look_up(pod, &words)?;
        let found = names.iter().filter(|name| said.contains(&format!("{name} 2\n"))).count();
        ensure!(found == count, "{} found {found} of {count} names:\n{said}", pod.name);
        let over_udp = names.iter().flat_map(|name| queries_of(name, &pod.namespace)).collect();
        Ok(Self { over_udp, over_tcp: look_up_large(kube, pod)? })
    }

    /// Whether a record has all of it, with the responses.
    pub(crate) fn is_in(&self, record: &[RecordedQuery]) -> bool {
        let answered = |(qname, qtype): &(String, &str)| {
            record.iter().any(|each| each.answered && each.qname == *qname && each.qtype == *qtype)
        };
        self.over_udp.iter().all(answered)
    }
}

/// Whether `CoreDNS` does not know the answer itself.
pub(crate) fn is_forwarded(qname: &str) -> bool {
    qname.ends_with(ZONE)
}

/// Whether the response to this name over UDP is truncated. The stub resolver may close its socket then, and the response
/// of the other type does not reach it.
pub(crate) fn is_large(qname: &str) -> bool {
    qname.ends_with(LARGE_ZONE)
}

/// After a truncated response glibc asks over TCP, and finds all; musl 1.2.3 gives up.
fn look_up_large(kube: &Kube, pod: &Pod) -> Result<Vec<(String, &'static str)>> {
    let name = unique_name(&pod.app, LARGE_ZONE);
    let said = kube.look_up(pod, &[&name])?;
    if pod.app == "alpine" {
        return Ok(Vec::new());
    }
    ensure!(said == format!("{name} {LARGE}\n"), "{}: {said}", pod.name);
    Ok(both_types(&name).into())
}

/// A name no cache has, not even of an earlier run on the same node.
pub(crate) fn unique_name(pod: &str, zone: &str) -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    format!("{pod}-{}-{}.{zone}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// resolv.conf(5): the name with each domain of the search list, then as it is.
fn queries_of(name: &str, k8s_namespace: &str) -> Vec<(String, &'static str)> {
    let own = format!("{name}.{k8s_namespace}.{}", CLUSTER_DOMAINS[0]);
    let others = CLUSTER_DOMAINS.iter().map(|domain| format!("{name}.{domain}"));
    let names = std::iter::once(own).chain(others).chain([name.to_owned()]);
    names.flat_map(|name| both_types(&name)).collect()
}

fn both_types(name: &str) -> [(String, &'static str); 2] {
    ["A", "AAAA"].map(|qtype| (name.to_owned(), qtype))
}

#[test]
fn a_name_walks_the_search_list() {
    let queries = queries_of("web-1.probe.example", "shop");
    let qnames: Vec<&str> = queries.iter().step_by(2).map(|query| query.0.as_str()).collect();
    assert_eq!(
        qnames,
        [
            "web-1.probe.example.shop.svc.cluster.local",
            "web-1.probe.example.svc.cluster.local",
            "web-1.probe.example.cluster.local",
            "web-1.probe.example",
        ]
    );
    assert_eq!((queries[0].1, queries[1].1), ("A", "AAAA"));
}
