//! Where the node keeps everything: one folder, which is all there is to remove from the disk.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cache;

/// The folders a node has by convention. Each lies in the state folder, and is at this place for the node's processes
/// only: they see a node as it is elsewhere, and the machine's own folders stay as they are.
pub(super) const NODE_FOLDERS: [&str; 11] = [
    "/etc/cni/net.d",
    "/etc/containerd",
    "/etc/kubernetes",
    "/run/containerd",
    "/run/netns",
    "/var/lib/cni",
    "/var/lib/containerd",
    "/var/lib/etcd",
    "/var/lib/kubelet",
    "/var/log/containers",
    "/var/log/pods",
];

/// The state folder.
#[derive(Debug, Clone)]
pub(super) struct State {
    root: PathBuf,
}

impl State {
    /// One node at a time: its folder has one name.
    pub(super) fn of_user() -> Result<Self> {
        Ok(Self { root: cache::dir()?.join("kubernetes-node") })
    }

    pub(super) fn exists(&self) -> bool {
        self.root.exists()
    }

    /// Makes the folder and everything in it that the node expects. That it is new keeps two nodes from being one.
    pub(super) fn create(&self) -> Result<()> {
        fs::create_dir(&self.root).with_context(|| {
            format!("{}: a node, or what is left of one, is there (cargo xtask kube down)", self.root.display())
        })?;
        for folder in ["bin", "image", "log"] {
            fs::create_dir(self.path(folder))?;
        }
        NODE_FOLDERS.iter().try_for_each(|folder| Ok(fs::create_dir_all(self.on_node(folder))?))
    }

    pub(super) fn remove(&self) -> Result<()> {
        if self.exists() {
            fs::remove_dir_all(&self.root).with_context(|| format!("cannot remove {}", self.root.display()))?;
        }
        Ok(())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Where this machine has what is `path` on the node.
    pub(super) fn on_node(&self, path: &str) -> PathBuf {
        self.root.join("node").join(path.trim_start_matches('/'))
    }

    pub(super) fn log(&self, program: &str) -> PathBuf {
        self.path("log").join(program)
    }

    /// The end of a program's log: why it ended.
    pub(super) fn last_log_lines(&self, program: &str) -> String {
        const LINES: usize = 15;
        let text = fs::read_to_string(self.log(program)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }
}

/// The first folder of `path` that does not exist yet, if any: what must go again if `path` is made.
pub(super) fn first_missing(path: &Path) -> Option<&Path> {
    path.ancestors().take_while(|folder| !folder.exists()).last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_missing_is_the_highest_folder_to_remove() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b/c");
        assert_eq!(first_missing(&deep), Some(folder.path().join("a").as_path()));
        fs::create_dir_all(&deep).unwrap();
        assert_eq!(first_missing(&deep), None);
    }

    #[test]
    fn a_second_node_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let state = State { root: folder.path().join("node") };
        state.create().unwrap();
        assert!(state.on_node("/var/lib/cni").is_dir());
        assert!(state.create().unwrap_err().to_string().contains("cargo xtask kube down"));
        state.remove().unwrap();
        assert!(!state.exists());
    }
}
