//! A pod of its own, whose `dnsConfig` names whom it likes.

use anyhow::{Context, Result};
use dnstrace_tests::kube::{Kube, Pod};
use serde_json::json;

const K8S_NAMESPACE: &str = "shop";
const IMAGE: &str = "--image=dnstrace.test/glibc:1";

/// The pod, which is gone when this is dropped.
pub(crate) struct Misled<'a> {
    kube: &'a Kube,
    name: String,
}

impl<'a> Misled<'a> {
    /// Starts a pod that asks these servers for a name of the cluster, once a second.
    pub(crate) fn start(kube: &'a Kube, name: &str, nameservers: &[&str]) -> Result<Self> {
        let searches = [&format!("{K8S_NAMESPACE}.svc.cluster.local"), "svc.cluster.local", "cluster.local"];
        let config = json!({"nameservers": nameservers, "searches": searches});
        let spec = json!({"dnsPolicy": "None", "dnsConfig": config, "terminationGracePeriodSeconds": 0});
        let overrides = format!("--overrides={}", json!({"spec": spec}));
        let label = format!("--labels=app={name}");
        let run = ["run", name, IMAGE, "--image-pull-policy=Never", &label, &overrides, "--"];
        let misled = Self { kube, name: name.to_owned() };
        misled.kubectl(&[&run[..], &["-every", "1", "kubernetes.default"]].concat())?;
        misled.kubectl(&["wait", "--for=condition=Ready", "--timeout=60s", "pod", name])?;
        Ok(misled)
    }

    /// It, as the node has it.
    pub(crate) fn pod(&self) -> Result<Pod> {
        let pods = self.kube.pods()?;
        pods.into_iter().find(|pod| pod.name == self.name).with_context(|| format!("no pod {}", self.name))
    }

    fn kubectl(&self, words: &[&str]) -> Result<()> {
        self.kube.kubectl(&[&["--namespace", K8S_NAMESPACE], words].concat()).map(drop)
    }
}

impl Drop for Misled<'_> {
    fn drop(&mut self) {
        // One that did not start is gone already; what follows says what it needs.
        let _ = self.kubectl(&["delete", "pod", &self.name, "--timeout=60s"]);
    }
}
