//! Folders of logs to names for UIDs: `<namespace>_<name>_<uid>`. They stay for a while when a pod is gone, and claim
//! nothing but that.

use super::found::{Found, count};
use super::uid;
use crate::owner::fact::{Fact, PodFact};
use crate::owner::sources::host::HostRoot;

/// kubelet's folder of logs, which cannot be chosen before Kubernetes 1.32 and hardly is since.
pub(super) const FOLDER: &str = "var/log/pods";

/// Looks at all of them.
pub(super) fn look(host: &HostRoot) -> Found {
    let (entries, more) = match host.entries(FOLDER) {
        Ok(entries) => entries,
        Err(error) => return Found::error("/var/log/pods", &error),
    };
    let pods = entries.iter().filter_map(|entry| parse(entry.text()?));
    let facts: Vec<Fact> = pods.map(Fact::Pod).collect();
    let skipped = entries.len() - facts.len() + usize::from(more);
    let found = format!("{} in /var/log/pods", count(facts.len(), "pod"));
    Found::ready(facts, found).skipping(skipped as u64)
}

/// Neither of the three has an underscore.
fn parse(folder: &str) -> Option<PodFact> {
    let mut parts = folder.split('_');
    let (namespace, name) = (uid::word(parts.next()?)?, uid::word(parts.next()?)?);
    let uid = uid::given(parts.next()?)?;
    let pod = PodFact { uid, namespace: Some(namespace), name: Some(name), ..PodFact::default() };
    parts.next().is_none().then_some(pod)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_a_pod() {
        let pod = parse("kube-system_etcd-node1_0123456789abcdef0123456789abcdef").unwrap();
        assert_eq!((pod.namespace.as_deref(), pod.name.as_deref()), (Some("kube-system"), Some("etcd-node1")));
        for other in ["", "a", "a_b", "a__c", "_b_c", "a_b_c_d", "a_b_c/d"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
