//! Cluster DNS as it should not be: its manifest with words changed, until it is put back.

use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::{Kube, MANIFESTS, PODS, Pod, wait};

/// A pod of `CoreDNS` ends in six seconds (`lameduck`), and two go one after the other; a busy machine needs a multiple.
const LIMIT: Duration = Duration::from_mins(2);

/// Cluster DNS with another manifest, until this is dropped.
#[derive(Debug)]
pub struct ChangedDns<'a>(&'a Kube);

impl ChangedDns<'_> {
    /// Applies the manifest with the first of each pair of words replaced by the second.
    pub(super) fn apply<'a>(kube: &'a Kube, changes: &[(&str, &str)]) -> Result<ChangedDns<'a>> {
        let mut manifest = MANIFESTS[0].to_owned();
        for (from, to) in changes {
            ensure!(manifest.contains(from), "the manifest has no {from:?}");
            manifest = manifest.replace(from, to);
        }
        let guard = ChangedDns(kube);
        apply(kube, &manifest)?;
        Ok(guard)
    }
}

impl Drop for ChangedDns<'_> {
    fn drop(&mut self) {
        // The tests that follow say what they need.
        let _ = put_back(self.0);
    }
}

fn put_back(kube: &Kube) -> Result<()> {
    apply(kube, MANIFESTS[0])?;
    kube.kubectl(&["--namespace", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=120s"])?;
    wait_for_pods(kube, |pods| pods.len() == PODS && pods.iter().all(|pod| pod.ready))?;
    kube.wait_for_cluster_dns()
}

fn apply(kube: &Kube, manifest: &str) -> Result<()> {
    let file = kube.state.path("bin").join("changed-dns.yaml");
    fs::write(&file, manifest)?;
    kube.kubectl(&["apply", "--filename", &file.to_string_lossy()]).map(drop)
}

/// Waits until the pods are as wanted.
pub(super) fn wait_for_pods(kube: &Kube, are_right: impl Fn(&[Pod]) -> bool) -> Result<Vec<Pod>> {
    let waited = wait::until("the node's pods", LIMIT, || Ok(Some(kube.pods()?).filter(|pods| are_right(pods))));
    wait::explain(waited, || kube.kubectl(&["get", "pods", "--all-namespaces"]).unwrap_or_default())
}
