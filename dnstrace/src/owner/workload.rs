//! A pod's name and labels to what made it, as far as these leave no doubt: no API server is asked.
//!
//! The API server makes a pod's name of its controller's and five characters. Where the controller's is too long, it is
//! cut, and nothing tells what was cut off: such a pod has no workload here.

use super::fact::{Workload, WorkloadBy};

/// What Kubernetes makes random names of (apimachinery, `util/rand`): without vowels and what looks like them.
const SAFE: &str = "bcdfghjklmnpqrstvwxz2456789";

/// Of these, what the decimal digits of a hash become (`SafeEncodeString`).
const HASH: &str = "456789bcdf";

/// How many random characters end a generated name (apiserver, `names.SimpleNameGenerator`),
const RANDOM_LEN: usize = 5;

/// and how much of what comes before them is kept.
const BASE_LEN_MAX: usize = 58;

/// What is kept of the name of an Indexed Job in the names of its pods, at the least: an index has ten digits at most and
/// a hyphen on either side.
const JOB_KEPT_LEN_MIN: usize = BASE_LEN_MAX - 12;

/// What made the pod of this name, by labels that controllers set; `label` gives the value of the one it is asked for.
#[must_use]
pub fn from_labels<'a>(pod: &str, label: impl Fn(&str) -> Option<&'a str>) -> Option<Workload> {
    // Argo's Rollouts make ReplicaSets, as Deployments do.
    let replicated = [("Deployment", "pod-template-hash"), ("Rollout", "rollouts-pod-template-hash")];
    let replicated = replicated.into_iter().find_map(|(kind, key)| Some((kind, replicas_of(pod, label(key)?)?)));
    let (kind, name) = replicated
        .or_else(|| Some(("StatefulSet", stateful_set(pod, &label)?)))
        .or_else(|| Some(("DaemonSet", daemon_set(pod, label("controller-revision-hash")?)?)))
        .or_else(|| Some(("Job", job(pod, label("batch.kubernetes.io/job-name").or_else(|| label("job-name"))?)?)))?;
    Some(workload(kind, name, WorkloadBy::Labels))
}

/// What made the pod of this name, where only a Deployment makes such names: other forms may be of several kinds.
#[must_use]
pub fn from_name(pod: &str) -> Option<Workload> {
    let (name, hash) = generated_base(pod)?.strip_suffix('-')?.rsplit_once('-')?;
    // A hash is a number of 32 bits. In one of 500 it has less than eight digits, and may as well be a word.
    let is_hash = (8..=10).contains(&hash.len()) && consists_of(hash, HASH);
    (is_hash && !name.is_empty()).then(|| workload("Deployment", name, WorkloadBy::Name))
}

/// Whether kubelet made a pod of this UID from a file: its hash of the manifest has no hyphens. The name of such a pod
/// ends with the node's.
#[must_use]
pub fn static_pod(uid: &str) -> bool {
    uid.len() == 32 && uid.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn workload(kind: &str, name: &str, by: WorkloadBy) -> Workload {
    Workload { kind: kind.into(), name: name.into(), by }
}

/// `web` of `web-66b6c48dd5-x7k2p` with the hash `66b6c48dd5`.
fn replicas_of<'a>(pod: &'a str, hash: &str) -> Option<&'a str> {
    let name = generated_base(pod)?.strip_suffix('-')?.strip_suffix(hash)?.strip_suffix('-')?;
    (!hash.is_empty() && !name.is_empty()).then_some(name)
}

/// `db` of `db-0`.
fn stateful_set<'a, 'b>(pod: &'a str, label: &impl Fn(&str) -> Option<&'b str>) -> Option<&'a str> {
    let revision = label("controller-revision-hash")?;
    let (name, ordinal) = pod.rsplit_once('-')?;
    let is_ordinal = !ordinal.is_empty() && ordinal.bytes().all(|byte| byte.is_ascii_digit());
    // Its revisions have its name, a DaemonSet's are hashes only.
    let is_its_revision = || revision.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'));
    let told = label("statefulset.kubernetes.io/pod-name").map_or_else(is_its_revision, |told| told == pod);
    (is_ordinal && told && !name.is_empty()).then_some(name)
}

/// `proxy` of `proxy-x7k2p`.
fn daemon_set<'a>(pod: &'a str, revision: &str) -> Option<&'a str> {
    let base = generated_base(pod)?;
    // At this length, the hyphen at its end may be one of the middle of a longer name.
    let whole = base.len() < BASE_LEN_MAX;
    let name = base.strip_suffix('-').filter(|name| whole && !name.is_empty())?;
    consists_of(revision, HASH).then_some(name)
}

/// Anybody may give a pod this label; of a Job's pods it is how their names begin.
fn job<'a>(pod: &str, name: &'a str) -> Option<&'a str> {
    let kept = name.get(..name.len().min(JOB_KEPT_LEN_MIN))?;
    (!name.is_empty() && pod.starts_with(kept)).then_some(name)
}

/// A generated name without its random end.
fn generated_base(pod: &str) -> Option<&str> {
    let (base, random) = pod.split_at_checked(pod.len().checked_sub(RANDOM_LEN)?)?;
    (base.len() <= BASE_LEN_MAX && consists_of(random, SAFE)).then_some(base)
}

fn consists_of(text: &str, alphabet: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| alphabet.contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Kind/name`, or nothing.
    fn by_labels(pod: &str, labels: &[(&str, &'static str)]) -> String {
        let label = |key: &str| labels.iter().find(|pair| pair.0 == key).map(|pair| pair.1);
        let found = from_labels(pod, label);
        assert!(found.iter().all(|found| found.by == WorkloadBy::Labels));
        found.map(|found| format!("{}/{}", found.kind, found.name)).unwrap_or_default()
    }

    fn by_name(pod: &str) -> Option<String> {
        let found = from_name(pod)?;
        assert_eq!((&*found.kind, found.by), ("Deployment", WorkloadBy::Name));
        Some(found.name.to_string())
    }

    #[test]
    fn deployment_by_the_hash_of_its_template() {
        for (pod, hash, found) in [
            ("coredns-5dd5756b68-4xwzr", "5dd5756b68", "Deployment/coredns"),
            ("rke2-coredns-rke2-coredns-64dcf4f6d7-7n2kz", "64dcf4f6d7", "Deployment/rke2-coredns-rke2-coredns"),
            ("web-b46f789c4-x7k2p", "b46f789c4", "Deployment/web"),
            // The label is of something else.
            ("web-b46f789c4-x7k2p", "5dd5756b68", ""),
            ("b46f789c4-x7k2p", "b46f789c4", ""),
            ("web-b46f789c4-x7a2p", "b46f789c4", ""),
            ("web--x7k2p", "", ""),
            ("x7k2p", "b46f789c4", ""),
            ("", "", ""),
        ] {
            assert_eq!(by_labels(pod, &[("pod-template-hash", hash)]), found, "{pod}");
        }
        let rollout = [("rollouts-pod-template-hash", "687d76d795")];
        assert_eq!(by_labels("rollouts-demo-687d76d795-6ppnh", &rollout), "Rollout/rollouts-demo");
    }

    #[test]
    fn deployment_whose_name_was_cut_has_no_name() {
        let whole = "kube-prometheus-stack-production-kube-state-met";
        let pod = format!("{whole}-5dd5756b68-x7k2p");
        assert_eq!(pod.len(), 63 + 1);
        assert_eq!(by_labels(&pod, &[("pod-template-hash", "5dd5756b68")]), "");
        let fits = &whole[1..];
        let pod = format!("{fits}-5dd5756b68-x7k2p");
        assert_eq!(by_labels(&pod, &[("pod-template-hash", "5dd5756b68")]), format!("Deployment/{fits}"));
        // As the API server cuts the longer one.
        let pod = format!("{}x7k2p", &format!("{whole}-5dd5756b68-")[..58]);
        assert_eq!(by_labels(&pod, &[("pod-template-hash", "5dd5756b68")]), "");
        assert_eq!(by_name(&pod), None);
    }

    #[test]
    fn stateful_set_by_its_pod_or_its_revision() {
        let revision = ("controller-revision-hash", "web-db-6596ffb49b");
        let pod = ("statefulset.kubernetes.io/pod-name", "web-db-12");
        assert_eq!(by_labels("web-db-12", &[revision, pod]), "StatefulSet/web-db");
        assert_eq!(by_labels("web-db-12", &[revision]), "StatefulSet/web-db");
        assert_eq!(by_labels("web-db-13", &[revision, pod]), "");
        assert_eq!(by_labels("web-12", &[("controller-revision-hash", "other-6596ffb49b")]), "");
        assert_eq!(by_labels("web-db-12", &[pod]), "");
        assert_eq!(
            by_labels("web-db-24567", &[("controller-revision-hash", "web-db-6596ffb49b")]),
            "StatefulSet/web-db"
        );
    }

    #[test]
    fn daemon_set_by_its_revision() {
        let revision = [("controller-revision-hash", "7d9c6c8b4f"), ("pod-template-generation", "1")];
        assert_eq!(by_labels("kube-proxy-x7k2p", &revision), "DaemonSet/kube-proxy");
        assert_eq!(by_labels("cilium-24567", &revision), "DaemonSet/cilium");
        assert_eq!(by_labels("kube-proxy-x7a2p", &revision), "");
        // Of OpenKruise's CloneSet, whose revisions have its name.
        assert_eq!(by_labels("sample-x7k2p", &[("controller-revision-hash", "sample-67768cdc6")]), "");
        // The hyphen may be one of a longer name that was cut there.
        let (fits, may_be_cut) = (format!("{}-x7k2p", "a".repeat(56)), format!("{}-x7k2p", "a".repeat(57)));
        assert_eq!(by_labels(&fits, &revision), format!("DaemonSet/{}", "a".repeat(56)));
        assert_eq!(by_labels(&may_be_cut, &revision), "");
    }

    #[test]
    fn job_by_the_label_that_its_pods_begin_with() {
        for key in ["batch.kubernetes.io/job-name", "job-name"] {
            assert_eq!(by_labels("backup-29384720-x7k2p", &[(key, "backup-29384720")]), "Job/backup-29384720");
            assert_eq!(by_labels("indexed-3-x7k2p", &[(key, "indexed")]), "Job/indexed");
            assert_eq!(by_labels("web-0", &[(key, "backup")]), "");
            assert_eq!(by_labels("web-0", &[(key, "")]), "");
            // Cut in the middle of a letter, if it were one.
            assert_eq!(by_labels("web-0", &[(key, "ääääääääääääääääääääääbäääääääääääääääää")]), "");
        }
    }

    #[test]
    fn long_job_is_named_whole_though_its_pods_are_not() {
        let job = "a-job-of-sixty-three-letters-which-is-the-most-that-a-label-has";
        assert_eq!(job.len(), 63);
        let pod = format!("{}-2147483647-x7k2p", &job[..46]);
        assert_eq!(by_labels(&pod, &[("job-name", job)]), format!("Job/{job}"));
    }

    #[test]
    fn name_alone_tells_a_deployment_only() {
        for (pod, found) in [
            ("coredns-5dd5756b68-4xwzr", Some("coredns")),
            ("metrics-server-7b4f8b595-p2qz8", Some("metrics-server")),
            ("web-6d4b75cb6d-hx5gs", Some("web")),
            // May be of a DaemonSet or a Job,
            ("kube-proxy-x7k2p", None),
            // of a StatefulSet or an Indexed Job.
            ("web-0", None),
            ("backup-29384720-x7k2p", None),
            ("indexed-3-x7k2p", None),
            // Letters of random names that hashes do not have.
            ("web-zxwvtsrq-x7k2p", None),
            ("web-5dd5756-x7k2p", None),
            ("web-5dd5756b685-x7k2p", None),
            ("etcd-node1", None),
            ("-5dd5756b68-x7k2p", None),
            ("5dd5756b68-x7k2p", None),
            ("web-5dd5756b68-ä7k2p", None),
            ("web-5dd5756b68-\u{20ac}k2", None),
            ("", None),
        ] {
            assert_eq!(by_name(pod).as_deref(), found, "{pod}");
        }
    }

    #[test]
    fn static_pods_have_a_hash_for_a_uid() {
        assert!(static_pod("d58b1e9a8b1c4a3f9d0e5c6b7a889900"));
        for other in ["6a1f0f6e-0000-4000-8000-000000000001", "D58B1E9A8B1C4A3F9D0E5C6B7A889900", "", "d58b"] {
            assert!(!static_pod(other), "{other}");
        }
    }
}
