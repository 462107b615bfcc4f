//! Filters on who asks and who is asked, on a recording of a real node: each shows what it means, and nothing else.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::Command;

use serde_json::Value;

const RECORDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/captures/kubernetes.pcapng.gz");

fn read(filter: &[&str]) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dnstrace"));
    let output = command.args(["read", RECORDING, "--format", "json"]).args(filter).output().unwrap();
    assert!(output.status.success(), "{filter:?}: {}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let values = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    values.filter(|value| value["kind"] == "transaction").collect()
}

/// The filter shows those that are `meant`, some of all, in their order.
#[track_caller]
fn check(filter: &[&str], meant: impl Fn(&Value) -> bool) {
    let id = |transaction: &Value| transaction["id"].as_str().unwrap().to_owned();
    let all = read(&[]);
    let wanted: Vec<String> = all.iter().filter(|transaction| meant(transaction)).map(id).collect();
    assert!(!wanted.is_empty() && wanted.len() < all.len(), "{filter:?} does not tell {} apart", all.len());
    assert_eq!(read(filter).iter().map(id).collect::<Vec<_>>(), wanted, "{filter:?}");
}

/// Whether either end has `value` there.
fn either(transaction: &Value, pointer: &str, is_meant: impl Fn(&str) -> bool) -> bool {
    ["k8s", "k8s_dest"]
        .iter()
        .any(|end| transaction[end].pointer(pointer).and_then(Value::as_str).is_some_and(&is_meant))
}

#[test]
fn pod_is_either_end() {
    check(&["--pod", "alpine-*"], |each| either(each, "/pod", |pod| pod.starts_with("alpine-")));
    check(&["--pod", "alpine-*", "--pod", "six-*"], |each| {
        either(each, "/pod", |pod| pod.starts_with("alpine-") || pod.starts_with("six-"))
    });
}

#[test]
fn namespace_is_kubernetes_own() {
    check(&["--namespace", "shop"], |each| either(each, "/namespace", |namespace| namespace == "shop"));
    assert_eq!(read(&["-n", "sh*"]).len(), read(&["--namespace", "shop"]).len());
}

#[test]
fn container_is_by_name() {
    check(&["--container", "web"], |each| either(each, "/container", |container| container == "web"));
}

#[test]
fn workload_is_by_name() {
    check(&["--workload", "six"], |each| either(each, "/workload/name", |name| name == "six"));
}

#[test]
fn role_is_to_cluster_dns() {
    check(&["--role", "client"], |each| each["role"] == "client");
    check(&["--role", "upstream"], |each| each["role"] == "upstream");
    assert_eq!(read(&["--role", "client,upstream,node,other"]).len(), read(&[]).len());
}

#[test]
fn conditions_are_met_by_one_end() {
    // A pod of kube-system asked, or was asked; a container `web` was at the other end.
    let both = ["--namespace", "kube-system", "--container", "web"];
    assert_eq!(read(&both), Vec::<Value>::new());
    check(&["-n", "shop", "--container", "web", "--role", "client"], |each| each["k8s"]["container"] == "web");
}

#[test]
fn who_is_not_there_is_not_shown() {
    for filter in
        [["--pod", "nobody"], ["-n", "nowhere"], ["--container", "none"], ["--workload", "none"], ["--role", "other"]]
    {
        assert_eq!(read(&filter), Vec::<Value>::new(), "{filter:?}");
    }
}
