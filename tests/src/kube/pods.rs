//! The node's pods: what the API server, the CNI plugin and the kernel say of each.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// A pod, as a test needs it to recognise it in what it sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Kubernetes namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// UID.
    pub uid: String,
    /// What it is: its label `app` or `k8s-app`.
    pub app: String,
    /// Addresses, of both families.
    pub addresses: Vec<IpAddr>,
    /// Container ID, without the runtime's prefix.
    pub container: String,
    /// Whether it has the node's network namespace instead of one of its own.
    pub host_network: bool,
    /// Whether Kubernetes calls it ready.
    pub ready: bool,
}

/// All pods of the list that `kubectl get pods --output json` prints; those that have not started are left out.
pub(super) fn from_list(json: &str) -> Result<Vec<Pod>> {
    let list: Value = serde_json::from_str(json).context("kubectl's output is not JSON")?;
    let items = list["items"].as_array().context("kubectl's list has no items")?;
    Ok(items.iter().filter_map(from_object).collect())
}

fn from_object(object: &Value) -> Option<Pod> {
    let (metadata, status) = (&object["metadata"], &object["status"]);
    let labels = &metadata["labels"];
    let container = status["containerStatuses"][0]["containerID"].as_str()?;
    let addresses = status["podIPs"].as_array()?.iter().filter_map(|each| each["ip"].as_str()?.parse().ok());
    let mut conditions = status["conditions"].as_array()?.iter();
    Some(Pod {
        namespace: text(&metadata["namespace"])?,
        name: text(&metadata["name"])?,
        uid: text(&metadata["uid"])?,
        app: text(&labels["app"]).or_else(|| text(&labels["k8s-app"]))?,
        addresses: addresses.collect(),
        container: container.rsplit('/').next()?.to_owned(),
        host_network: object["spec"]["hostNetwork"].as_bool().unwrap_or(false),
        ready: conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True"),
    })
}

/// The node's end of a pod's veth, by what the CNI plugins reported of it, which libcni keeps in files of `folder`.
pub(super) fn veth(folder: &Path, pod: &Pod) -> Result<String> {
    for entry in fs::read_dir(folder).context("there are no CNI results")? {
        let text = fs::read_to_string(entry?.path())?;
        let result: Value = serde_json::from_str(&text).context("a CNI result is not JSON")?;
        if let Some(name) = veth_of(&result, &pod.uid) {
            return Ok(name);
        }
    }
    anyhow::bail!("no CNI result of pod {}", pod.name)
}

fn veth_of(result: &Value, uid: &str) -> Option<String> {
    let mut arguments = result["cniArgs"].as_array()?.iter();
    arguments.find(|pair| pair[0] == "K8S_POD_UID" && pair[1] == uid)?;
    let mut names = result["result"]["interfaces"].as_array()?.iter().filter_map(|each| each["name"].as_str());
    Some(names.find(|name| name.starts_with("veth"))?.to_owned())
}

fn text(value: &Value) -> Option<String> {
    Some(value.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pod_of_kubectls_list() {
        let list = json!({"items": [{
            "metadata": {"namespace": "shop", "name": "web-1", "uid": "6a1f", "labels": {"app": "web"}},
            "spec": {},
            "status": {
                "podIPs": [{"ip": "10.244.0.7"}, {"ip": "fd00:10:244::7"}],
                "containerStatuses": [{"containerID": "containerd://abc"}],
                "conditions": [{"type": "Initialized", "status": "True"}, {"type": "Ready", "status": "False"}],
            },
        }, {"metadata": {"name": "pending"}, "status": {}}]});
        let pods = from_list(&list.to_string()).unwrap();
        assert_eq!(pods.len(), 1);
        assert_eq!(pods[0].container, "abc");
        assert_eq!(pods[0].addresses.len(), 2);
        assert!(!pods[0].ready && !pods[0].host_network);
    }

    #[test]
    fn a_veth_belongs_to_the_pod_of_its_result() {
        let result = json!({
            "cniArgs": [["IgnoreUnknown", "1"], ["K8S_POD_UID", "6a1f"]],
            "result": {"interfaces": [{"name": "cni0"}, {"name": "veth12"}, {"name": "eth0", "sandbox": "/run/netns/x"}]},
        });
        assert_eq!(veth_of(&result, "6a1f").as_deref(), Some("veth12"));
        assert_eq!(veth_of(&result, "77aa"), None);
    }
}
