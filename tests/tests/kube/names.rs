//! Who asks, against what the API server says of each pod: with all sources, without the API server, with files only.

use anyhow::{Context, Result, ensure};
use dnstrace_tests::kube::{Kube, Pod};
use serde_json::Value;

use crate::session::{MODES, Mode, Session};
use crate::{Client, is_from};

/// What each pod looks up: in the cluster, and elsewhere.
const NAMES: [&str; 2] = ["kubernetes.default.svc.cluster.local", "names.probe.example"];

/// Names every query of every pod, in each mode.
pub(super) fn check(kube: &Kube, clients: &[Client], faults: &mut Vec<String>) -> Result<()> {
    let servers: Vec<Pod> = kube.pods()?.into_iter().filter(|pod| pod.app == "kube-dns").collect();
    for mode in &MODES {
        let session = Session::start(kube, mode)?;
        for client in clients {
            kube.look_up(&client.pod, &NAMES)?;
        }
        let (lines, _messages) = session.stop().context(mode.name)?;
        for client in clients {
            let own: Vec<_> = lines.iter().filter(|line| is_from(line, client) && is_asked(line)).collect();
            ensure!(own.len() >= NAMES.len(), "{}: {} transactions of {}", mode.name, own.len(), client.pod.name);
            let wrong = own.iter().filter_map(|transaction| fault(transaction, client, mode, &servers));
            faults.extend(wrong.map(|fault| format!("{}, {}: {fault}", mode.name, client.pod.name)));
        }
    }
    Ok(())
}

/// What pods look up all the time may be on its way when the watching begins or ends.
fn is_asked(transaction: &Value) -> bool {
    transaction["query"].as_str().is_some_and(|qname| NAMES.iter().any(|name| qname.starts_with(name)))
}

/// What is wrong with the names of one transaction.
fn fault(transaction: &Value, client: &Client, mode: &Mode, servers: &[Pod]) -> Option<String> {
    let Client { pod, .. } = client;
    let (named, asked) = (&transaction["k8s"], &transaction["k8s_dest"]);
    let kind = if pod.host_network { "DaemonSet" } else { "Deployment" };
    let workload = &named["workload"];
    // Files have no labels, and the name of a DaemonSet's pod alone says nothing.
    let is_absent = workload.is_null() && mode.cri == "off" && pod.host_network;
    let by = if pod.host_network { "cgroup" } else { "netns" };
    let checks = [
        ("namespace", named["namespace"] == pod.namespace),
        ("pod", named["pod"] == pod.name),
        ("uid", named["uid"] == pod.uid),
        ("container", named["container"] == pod.app && transaction["container_id"] == pod.container),
        ("workload", is_absent || (workload["kind"] == kind && workload["name"] == pod.app)),
        ("process", transaction["process"]["comm"] == "lookup"),
        ("by", named["by"] == by && named["confidence"] == "certain"),
        ("role", transaction["role"] == "client"),
        ("server", servers.iter().any(|server| asked["uid"] == server.uid && asked["pod"] == server.name)),
        ("Service", !mode.kube || asked["service"]["name"] == "kube-dns"),
    ];
    let wrong: Vec<_> = checks.iter().filter(|check| !check.1).map(|check| check.0).collect();
    (!wrong.is_empty()).then(|| format!("{} wrong in {transaction}", wrong.join(", ")))
}
