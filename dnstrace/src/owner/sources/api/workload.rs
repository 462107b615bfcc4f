//! Owner references and labels → what made a pod.

use super::object::{Metadata, Owner};
use crate::owner::fact::{Workload, WorkloadBy};

/// The controller; for a Deployment's ReplicaSet, the Deployment.
pub(super) fn of(pod: &Metadata) -> Option<Workload> {
    let owner = pod.owner_references.iter().find(|owner| owner.controller)?;
    let (kind, name) = deployment(pod, owner).map_or((&*owner.kind, &*owner.name), |name| ("Deployment", name));
    let known = !kind.is_empty() && !name.is_empty();
    known.then(|| Workload { kind: kind.into(), name: name.into(), by: WorkloadBy::Owner })
}

/// A ReplicaSet of a Deployment is called after it and the hash that it puts on its pods; others are not.
fn deployment<'a>(pod: &Metadata, owner: &'a Owner) -> Option<&'a str> {
    let hash = pod.labels.get("pod-template-hash").filter(|_| owner.kind == "ReplicaSet")?;
    owner.name.strip_suffix(hash)?.strip_suffix('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(metadata: &str, expected: Option<(&str, &str)>) {
        let metadata: Metadata = serde_json::from_str(metadata).unwrap();
        let found = of(&metadata);
        assert_eq!(found.as_ref().map(|found| (&*found.kind, &*found.name)), expected);
    }

    #[test]
    fn workload_is_the_controller() {
        let job = r#"{"ownerReferences": [{"kind": "Other", "name": "x"}, {"kind": "Job", "name": "backup", "controller": true}]}"#;
        check(job, Some(("Job", "backup")));
        check(r#"{"ownerReferences": [{"kind": "Other", "name": "x", "controller": false}]}"#, None);
        check(r#"{"ownerReferences": [{"kind": "Node", "name": 7, "controller": true}]}"#, None);
        check("{}", None);
    }

    #[test]
    fn deployment_is_behind_its_replica_set() {
        let pod = |hash: &str| {
            let owner = r#""ownerReferences": [{"kind": "ReplicaSet", "name": "web-7d9c", "controller": true}]"#;
            format!(r#"{{"labels": {{"pod-template-hash": "{hash}"}}, {owner}}}"#)
        };
        check(&pod("7d9c"), Some(("Deployment", "web")));
        check(&pod("7d9d"), Some(("ReplicaSet", "web-7d9c")));
        check(&pod(""), Some(("ReplicaSet", "web-7d9c")));
    }
}
