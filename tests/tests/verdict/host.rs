//! The files of a node that name its pods: what kubelet, container runtime and kernel would have written.

use std::fs;
use std::os::unix::fs::symlink;

use anyhow::{Context, Result};
use dnstrace_tests::node::{Netns, Pod};
use serde_json::json;
use tempfile::TempDir;

/// The root of a file system with these files, and nothing else.
pub(crate) struct Host {
    folder: TempDir,
}

impl Host {
    /// Without anything: what stands on the machine beside the node is none of its business.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { folder: tempfile::tempdir()? })
    }

    /// For `--host-root`.
    pub(crate) fn root(&self) -> Result<&str> {
        self.folder.path().to_str().context("no text")
    }

    /// Whose netns is the node's.
    pub(crate) fn has_node(&self, netns: &Netns) -> Result<()> {
        self.process(INIT, netns, "/init.scope")
    }

    /// A pod, with the `resolv.conf` that its runtime mounts into it.
    pub(crate) fn has_pod(&self, pod: &Pod, namespace: &str, name: &str, resolv_conf: &str) -> Result<()> {
        let number = pod.netns().inode()?;
        let (sandbox, uid) = (format!("{number:064x}"), format!("00000000-0000-4000-8000-{number:012x}"));
        let bundle = format!("run/containerd/io.containerd.runtime.v2.task/k8s.io/{sandbox}");
        // Nobody has a process of this number: the kernel counts to 4,194,304.
        let process = u32::try_from(number)?;
        let config = json!({
            "annotations": {
                "io.kubernetes.cri.container-type": "sandbox",
                "io.kubernetes.cri.sandbox-id": sandbox,
                "io.kubernetes.cri.sandbox-uid": uid,
                "io.kubernetes.cri.sandbox-namespace": namespace,
                "io.kubernetes.cri.sandbox-name": name,
            },
            "mounts": [{"destination": "/etc/resolv.conf", "source": format!("/{bundle}/resolv.conf")}],
            "linux": {"namespaces": [{"type": "network", "path": format!("/var/run/netns/{sandbox}")}]},
        });
        self.write(&format!("{bundle}/config.json"), &config.to_string())?;
        self.write(&format!("{bundle}/init.pid"), &process.to_string())?;
        self.write(&format!("{bundle}/resolv.conf"), resolv_conf)?;
        self.process(process, pod.netns(), &format!("/kubepods/{sandbox}"))
    }

    /// Connection tracking as the node's own netns shows it now.
    pub(crate) fn has_tracking(&self, netns: &Netns) -> Result<()> {
        let counters = format!("proc/{INIT}/net/stat/nf_conntrack");
        let files = [
            ("/proc/sys/net/netfilter/nf_conntrack_count", "proc/sys/net/netfilter/nf_conntrack_count"),
            ("/proc/sys/net/netfilter/nf_conntrack_max", "proc/sys/net/netfilter/nf_conntrack_max"),
            ("/proc/thread-self/net/stat/nf_conntrack", &counters),
        ];
        for (from, to) in files {
            let text = netns.run(|| fs::read_to_string(from).with_context(|| format!("cannot read {from}")))?;
            self.write(to, &text)?;
        }
        Ok(())
    }

    fn process(&self, process: u32, netns: &Netns, cgroup: &str) -> Result<()> {
        self.write(&format!("proc/{process}/cgroup"), &format!("0::{cgroup}\n"))?;
        let link = self.folder.path().join(format!("proc/{process}/ns/net"));
        fs::create_dir_all(link.parent().context("no folder")?)?;
        Ok(symlink(format!("net:[{}]", netns.inode()?), link)?)
    }

    fn write(&self, path: &str, text: &str) -> Result<()> {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().context("no folder")?)?;
        Ok(fs::write(path, text)?)
    }
}

const INIT: u32 = 1;
