//! A large node's files, as containerd with systemd's cgroup driver, the bridge plugin and kubelet write them.

mod bundle;

use std::fmt::Write;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::names::{self, CONTAINERS, NODE, PODS, container_id, has_host_network, namespace, uid};

const BUNDLES: &str = "run/containerd/io.containerd.runtime.v2.task/k8s.io";
const SANDBOXES: &str = "var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes";
const SLICE: &str = "kubepods.slice/kubepods-burstable.slice";
const KUBELET: u32 = 812;
/// Each container has a process.
const FIRST_PID: u32 = 2000;

const CONFIGURATION: &str = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n\
    cgroupDriver: systemd\nclusterDNS:\n- 10.96.0.10\nclusterDomain: cluster.local\n";
const CMDLINE: &str = "/usr/bin/kubelet\0--config=/var/lib/kubelet/config.yaml\0";

/// Makes the node below `root`.
pub(super) fn build(root: &Path) -> Result<()> {
    let node = Tree(root);
    node.build().with_context(|| format!("cannot make a node below {}", root.display()))
}

struct Tree<'a>(&'a Path);

impl Tree<'_> {
    fn build(&self) -> Result<()> {
        self.node()?;
        for pod in 0..PODS {
            self.pod(pod)?;
        }
        for number in 0..PODS + CONTAINERS {
            self.bundle(number)?;
            self.process(number)?;
        }
        Ok(())
    }

    fn node(&self) -> Result<()> {
        // The node's netns is ours, whose interfaces and addresses are asked for then, too.
        let netns = fs::read_link("/proc/self/ns/net")?;
        for pid in [1, KUBELET] {
            self.link(&format!("proc/{pid}/ns/net"), &netns)?;
        }
        self.file("proc/sys/kernel/hostname", NODE)?;
        self.file(&format!("proc/{KUBELET}/comm"), "kubelet\n")?;
        self.file(&format!("proc/{KUBELET}/cmdline"), CMDLINE)?;
        self.file(&format!("proc/{KUBELET}/cgroup"), "0::/system.slice/kubelet.service\n")?;
        self.file("var/lib/kubelet/config.yaml", CONFIGURATION)?;
        self.file("etc/resolv.conf", "nameserver 192.0.2.53\n")?;
        self.file("sys/fs/cgroup/cgroup.controllers", "cpu memory pids\n")?;
        self.folder("sys/fs/cgroup/system.slice/kubelet.service")?;
        Ok(())
    }

    fn pod(&self, pod: u32) -> Result<()> {
        let (uid, name, namespace) = (uid(pod), names::pod(pod), namespace(pod));
        for number in names::containers(pod) {
            let container = names::container(number);
            self.file(&format!("var/log/pods/{namespace}_{name}_{uid}/{container}/0.log"), "")?;
            self.folder(&format!("var/lib/kubelet/pods/{uid}/containers/{container}"))?;
        }
        self.file(&format!("var/lib/kubelet/pods/{uid}/etc-hosts"), &hosts(pod))?;
        let resolv_conf = format!(
            "search {namespace}.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n"
        );
        self.file(&format!("{SANDBOXES}/{}/resolv.conf", container_id(pod)), &resolv_conf)?;
        if !has_host_network(pod) {
            let (id, results) = (container_id(pod), "var/lib/cni/results");
            self.file(&format!("run/netns/cni-{pod:04}"), "")?;
            self.file(&format!("{results}/pods-{id}-eth0"), &cni_result(pod).to_string())?;
            self.file(&format!("{results}/cni-loopback-{id}-lo"), &loopback_result(pod).to_string())?;
        }
        Ok(())
    }

    fn bundle(&self, number: u32) -> Result<()> {
        let folder = format!("{BUNDLES}/{}", container_id(number));
        self.file(&format!("{folder}/init.pid"), &(FIRST_PID + number).to_string())?;
        Ok(self.file(&format!("{folder}/config.json"), &bundle::config(number).to_string())?)
    }

    fn process(&self, number: u32) -> Result<()> {
        let (pod, cgroup, pid) = (number % PODS, cgroup(number), FIRST_PID + number);
        self.folder(&format!("sys/fs/cgroup/{cgroup}"))?;
        self.file(&format!("proc/{pid}/comm"), "service\n")?;
        self.file(&format!("proc/{pid}/cgroup"), &format!("0::/{cgroup}\n"))?;
        let own = || Ok(PathBuf::from(format!("net:[{}]", names::netns(pod))));
        let netns = if has_host_network(pod) { fs::read_link("/proc/self/ns/net") } else { own() };
        Ok(self.link(&format!("proc/{pid}/ns/net"), &netns?)?)
    }

    fn place(&self, path: &str) -> io::Result<PathBuf> {
        let place = self.0.join(path);
        place.parent().map_or(Ok(()), fs::create_dir_all)?;
        Ok(place)
    }

    fn file(&self, path: &str, content: &str) -> io::Result<()> {
        fs::write(self.place(path)?, content)
    }

    fn link(&self, path: &str, target: &Path) -> io::Result<()> {
        symlink(target, self.place(path)?)
    }

    fn folder(&self, path: &str) -> io::Result<()> {
        fs::create_dir_all(self.0.join(path))
    }
}

fn cgroup(number: u32) -> String {
    let uid = uid(number % PODS).replace('-', "_");
    format!("{SLICE}/kubepods-burstable-pod{uid}.slice/cri-containerd-{}.scope", container_id(number))
}

fn hosts(pod: u32) -> String {
    if has_host_network(pod) {
        return "# Kubernetes-managed hosts file (host network).\n127.0.0.1\tlocalhost\n".to_owned();
    }
    let mut text = "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n".to_owned();
    for address in names::addresses(pod) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{address}\t{}", names::pod(pod));
    }
    text
}

fn cni_args(pod: u32) -> Value {
    json!([
        ["IgnoreUnknown", "1"],
        ["K8S_POD_NAMESPACE", namespace(pod)],
        ["K8S_POD_NAME", names::pod(pod)],
        ["K8S_POD_INFRA_CONTAINER_ID", container_id(pod)],
        ["K8S_POD_UID", uid(pod)],
    ])
}

fn cni_result(pod: u32) -> Value {
    let [four, six] = names::addresses(pod);
    let result = json!({
        "cniVersion": "1.0.0", "dns": {}, "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
        "interfaces": [
            {"mac": "02:00:00:00:00:01", "name": "cni0"}, {"mac": "02:00:00:00:00:02", "name": format!("veth{pod:08x}")},
            {"mac": "02:00:00:00:00:03", "name": "eth0", "sandbox": format!("/var/run/netns/cni-{pod:04}")},
        ],
        "ips": [
            {"address": format!("{four}/16"), "gateway": "10.244.0.1", "interface": 2},
            {"address": format!("{six}/64"), "gateway": "fd00:10:244::1", "interface": 2},
        ],
    });
    // The network's configuration in base64, of the usual length.
    json!({
        "kind": "cniCacheV1", "containerId": container_id(pod), "config": "eyJj".repeat(150), "ifName": "eth0",
        "networkName": "pods", "cniArgs": cni_args(pod), "result": result,
    })
}

fn loopback_result(pod: u32) -> Value {
    let result = json!({
        "cniVersion": "1.0.0", "ips": [{"address": "127.0.0.1/8", "interface": 0}],
        "interfaces": [{"mac": "00:00:00:00:00:00", "name": "lo", "sandbox": format!("/var/run/netns/cni-{pod:04}")}],
    });
    json!({
        "kind": "cniCacheV1", "containerId": container_id(pod), "ifName": "lo", "networkName": "cni-loopback",
        "cniArgs": cni_args(pod), "result": result,
    })
}
