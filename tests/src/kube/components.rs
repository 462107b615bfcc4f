//! The programs that make the node: a table of what runs and with which arguments.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use super::network;
use super::space::Space;
use super::state::State;

/// A program of the node, by the name of its log.
pub(super) struct Component {
    name: &'static str,
    arguments: &'static [&'static str],
}

impl Component {
    /// Its command line, where it is found in the search path.
    pub(super) fn words(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.arguments.iter().copied())
    }
}

pub(super) const UPSTREAM: Component =
    Component { name: "unbound", arguments: &["-d", "-c", "/etc/kubernetes/unbound.conf"] };

pub(super) const ETCD: Component = Component {
    name: "etcd",
    arguments: &[
        "--data-dir=/var/lib/etcd",
        "--listen-client-urls=http://127.0.0.1:2379",
        "--advertise-client-urls=http://127.0.0.1:2379",
        "--listen-peer-urls=http://127.0.0.1:2380",
        // Nothing of this node outlives it: its disk need not be waited for.
        "--unsafe-no-fsync",
    ],
};

pub(super) const API_SERVER: Component = Component {
    name: "kube-apiserver",
    arguments: &[
        "--etcd-servers=http://127.0.0.1:2379",
        "--advertise-address=192.0.2.2",
        "--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112",
        "--authorization-mode=Node,RBAC",
        "--allow-privileged",
        "--client-ca-file=/etc/kubernetes/pki/ca.crt",
        "--tls-cert-file=/etc/kubernetes/pki/apiserver.crt",
        "--tls-private-key-file=/etc/kubernetes/pki/apiserver.key",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-account-key-file=/etc/kubernetes/pki/sa.pub",
        "--service-account-signing-key-file=/etc/kubernetes/pki/sa.key",
        "--kubelet-client-certificate=/etc/kubernetes/pki/admin.crt",
        "--kubelet-client-key=/etc/kubernetes/pki/admin.key",
        // Nobody resolves the node's name: `kubectl exec` goes to its address.
        "--kubelet-preferred-address-types=InternalIP",
    ],
};

pub(super) const CONTAINERD: Component = Component { name: "containerd", arguments: &[] };

/// What needs the API server.
pub(super) const CLIENTS: [Component; 4] = [
    Component {
        name: "kube-controller-manager",
        arguments: &[
            "--kubeconfig=/etc/kubernetes/admin.conf",
            "--root-ca-file=/etc/kubernetes/pki/ca.crt",
            "--service-account-private-key-file=/etc/kubernetes/pki/sa.key",
            "--use-service-account-credentials",
            "--leader-elect=false",
        ],
    },
    Component {
        name: "kube-scheduler",
        arguments: &["--kubeconfig=/etc/kubernetes/admin.conf", "--leader-elect=false"],
    },
    Component {
        name: "kubelet",
        arguments: &[
            "--config=/etc/kubernetes/kubelet.yaml",
            "--kubeconfig=/etc/kubernetes/admin.conf",
            "--hostname-override=node1",
            "--node-ip=192.0.2.2,2001:db8:2::2",
        ],
    },
    KUBE_PROXY,
];

pub(super) const KUBE_PROXY: Component =
    Component { name: "kube-proxy", arguments: &["--config=/etc/kubernetes/kube-proxy.yaml"] };

pub(super) const CONFIGURATION_OF_KUBE_PROXY: (&str, &str) =
    ("/etc/kubernetes/kube-proxy.yaml", include_str!("../../kube/kube-proxy.yaml"));

/// Configuration files, by where the node has them.
const FILES: [(&str, &str); 7] = [
    ("/etc/containerd/config.toml", include_str!("../../kube/containerd.toml")),
    ("/etc/cni/net.d/10-pods.conflist", include_str!("../../kube/cni.conflist")),
    ("/etc/kubernetes/kubelet.yaml", include_str!("../../kube/kubelet.yaml")),
    CONFIGURATION_OF_KUBE_PROXY,
    ("/etc/kubernetes/admin.conf", include_str!("../../kube/admin.conf")),
    ("/etc/kubernetes/unbound.conf", include_str!("../../kube/unbound.conf")),
    ("/etc/kubernetes/resolv.conf", "nameserver 192.0.2.53\n"),
];

pub(super) fn write_files(state: &State) -> Result<()> {
    FILES.iter().try_for_each(|(path, text)| {
        fs::write(state.on_node(path), text).with_context(|| format!("cannot write the node's {path}"))
    })
}

/// Programs that run, each with its log.
pub(super) struct Running<'a> {
    state: &'a State,
    space: &'a Space,
    /// Where Kubernetes' own programs are; the others are in the search path.
    kubernetes: PathBuf,
    children: Vec<(&'static str, Child)>,
}

impl<'a> Running<'a> {
    pub(super) fn new(state: &'a State, space: &'a Space, kubernetes: PathBuf) -> Self {
        Self { state, space, kubernetes, children: Vec::new() }
    }

    pub(super) fn start(&mut self, component: &Component) -> Result<()> {
        let command = self.space.command(self.program(component.name));
        self.spawn(component, command)
    }

    /// Starts a program beyond the node's link.
    pub(super) fn start_upstream(&mut self, component: &Component) -> Result<()> {
        let netns = network::path(network::UPSTREAM);
        self.spawn(component, self.space.command_in(&netns, component.name))
    }

    /// An error if one of them has ended: none of them does by itself.
    pub(super) fn check(&mut self) -> Result<()> {
        for (name, child) in &mut self.children {
            if let Some(status) = child.try_wait()? {
                bail!("{name} ended ({status}):\n{}", self.state.last_log_lines(name));
            }
        }
        Ok(())
    }

    fn program(&self, name: &str) -> PathBuf {
        let own = self.kubernetes.join(name);
        if own.exists() { own } else { Path::new(name).to_path_buf() }
    }

    fn spawn(&mut self, component: &Component, mut command: Command) -> Result<()> {
        let log = File::create(self.state.log(component.name))?;
        command.args(component.arguments).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.process_group(0).spawn().with_context(|| format!("cannot start {}", component.name))?;
        self.children.push((component.name, child));
        Ok(())
    }
}
