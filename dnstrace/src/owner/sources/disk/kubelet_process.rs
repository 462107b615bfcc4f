//! kubelet's process to what its command line says.

use std::path::{Path, PathBuf};

use super::cgroup_path;
use crate::owner::fact::CgroupOf;
use crate::owner::sources::host::HostRoot;

/// The kernel's bound of a command line is far more than kubelet has flags.
const CMDLINE_MAX: usize = 256 * 1024;
/// A path of `PATH_MAX` for each of v1's controllers.
const CGROUP_MAX: usize = 64 * 1024;

/// Names of processes that are kubelet, or may be: as such, in k3s, `MicroK8s`, and binaries that are all of Kubernetes.
const NAMES: [&str; 6] = ["kubelet", "k3s", "kubelite", "hyperkube", "kube", "k0s"];

/// A running kubelet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Kubelet {
    pub(super) pid: u32,
    arguments: Vec<String>,
}

impl Kubelet {
    /// Looks for it among the node's processes. The one with the node's root comes first: others may be nodes in
    /// containers.
    pub(super) fn find(host: &HostRoot) -> Option<Self> {
        let (entries, _) = host.entries("proc").ok()?;
        let mut pids: Vec<u32> = entries.iter().filter_map(|entry| entry.text()?.parse().ok()).collect();
        pids.sort_unstable();
        let mut found = pids.into_iter().filter_map(|pid| Self::at(host, pid));
        let first = found.next()?;
        if host.is_root_of(first.pid) {
            return Some(first);
        }
        Some(found.find(|kubelet| host.is_root_of(kubelet.pid)).unwrap_or(first))
    }

    /// The process, if it is kubelet.
    pub(super) fn at(host: &HostRoot, pid: u32) -> Option<Self> {
        let process = Path::new("proc").join(pid.to_string());
        let comm = host.read_text(process.join("comm"), 64).ok()?;
        let candidate = NAMES.iter().any(|name| comm.trim_end() == *name) || comm.starts_with("k3s-");
        (candidate && !in_pod(host, &process)).then_some(())?;
        let cmdline = String::from_utf8(host.read(process.join("cmdline"), CMDLINE_MAX).ok()?).ok()?;
        let arguments: Vec<String> = cmdline.split_terminator('\0').map(str::to_owned).collect();
        is_kubelet(comm.trim_end(), &arguments).then_some(Self { pid, arguments })
    }

    /// What stands after `--name` or `--name=`; the last one counts.
    pub(super) fn flag(&self, name: &str) -> Option<&str> {
        let mut found = None;
        for (at, argument) in self.arguments.iter().enumerate() {
            let Some(rest) = argument.strip_prefix("--").and_then(|flag| flag.strip_prefix(name)) else { continue };
            let value = match rest.strip_prefix('=') {
                Some(value) => Some(value),
                None if rest.is_empty() => self.arguments.get(at + 1).map(String::as_str),
                None => continue,
            };
            found = value.filter(|value| !value.is_empty()).or(found);
        }
        found
    }

    /// The same, a path below the host's root.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.flag(name).filter(|path| path.starts_with('/')).map(|path| path.trim_start_matches('/').into())
    }
}

/// Anybody may call a process so in a pod of theirs.
fn in_pod(host: &HostRoot, process: &Path) -> bool {
    let text = host.read_text(process.join("cgroup"), CGROUP_MAX).unwrap_or_default();
    let paths = text.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    paths.map(cgroup_path::of).any(|of| matches!(of, CgroupOf::Pod { .. } | CgroupOf::Container { pod: Some(_), .. }))
}

/// A binary that is more than kubelet is told by its second word which of them it is.
fn is_kubelet(comm: &str, arguments: &[String]) -> bool {
    let second = arguments.get(1).map_or("", String::as_str);
    match comm {
        "kubelet" | "kubelite" => true,
        "hyperkube" | "kube" => second == "kubelet",
        "k0s" => second == "worker",
        _ => comm == "k3s-server" || comm == "k3s-agent" || matches!(second, "server" | "agent"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn host(comm: &str, cmdline: &str, cgroup: &str) -> (tempfile::TempDir, HostRoot) {
        let folder = tempfile::tempdir().unwrap();
        let process = folder.path().join("proc/812");
        fs::create_dir_all(&process).unwrap();
        fs::write(process.join("comm"), format!("{comm}\n")).unwrap();
        fs::write(process.join("cmdline"), cmdline.replace(' ', "\0")).unwrap();
        fs::write(process.join("cgroup"), format!("0::{cgroup}\n")).unwrap();
        let host = HostRoot::open(folder.path()).unwrap();
        (folder, host)
    }

    #[test]
    fn flags_of_kubelet() {
        let (_folder, host) = host("kubelet", "/usr/bin/kubelet --config=/a --root-dir /b --v=2 --config= ", "/x");
        let kubelet = Kubelet::find(&host).unwrap();
        assert_eq!(
            (kubelet.pid, kubelet.path("config"), kubelet.path("root-dir")),
            (812, Some("a".into()), Some("b".into()))
        );
        assert_eq!(
            (kubelet.flag("hostname-override"), kubelet.flag("v"), kubelet.flag("conf")),
            (None, Some("2"), None)
        );
    }

    #[test]
    fn kubelet_in_other_binaries() {
        for (comm, cmdline, found) in [
            ("k3s-server", "/usr/local/bin/k3s server", true),
            ("kube", "kube kubelet --config=/a", true),
            ("kube", "kube apiserver", false),
            ("kubelet2", "kubelet", false),
        ] {
            let (_folder, host) = host(comm, cmdline, "/system.slice/x.service");
            assert_eq!(Kubelet::find(&host).is_some(), found, "{cmdline}");
        }
    }

    #[test]
    fn process_of_a_pod_is_not_believed() {
        let pod = "/kubepods/besteffort/pod6a1f0f6e-1111-2222-3333-444455556666/x";
        let (_folder, host) = host("kubelet", "kubelet --config=/a", pod);
        assert_eq!(Kubelet::find(&host), None);
    }
}
