//! Where the node keeps everything: one folder, which is all there is to remove from the disk.

use std::fs::{self, File};
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
pub(crate) struct State {
    root: PathBuf,
}

impl State {
    /// The one of this name: there is one at a time, so that what a crash of ours left is found again.
    pub(crate) fn named(name: &str) -> Result<Self> {
        Ok(Self { root: cache::dir()?.join(name) })
    }

    /// Makes the folder and everything in it that the node expects.
    pub(crate) fn create(&self) -> Result<()> {
        fs::create_dir(&self.root).with_context(|| format!("cannot make {}", self.root.display()))?;
        for folder in ["bin", "image", "log"] {
            fs::create_dir(self.path(folder))?;
        }
        NODE_FOLDERS.iter().try_for_each(|folder| Ok(fs::create_dir_all(self.on_node(folder))?))
    }

    pub(crate) fn remove(&self) -> Result<()> {
        if self.root.exists() {
            fs::remove_dir_all(&self.root).with_context(|| format!("cannot remove {}", self.root.display()))?;
        }
        Ok(())
    }

    /// Whether the node has come to stand. One that was interrupted before is only good to be removed.
    pub(super) fn is_ready(&self) -> bool {
        self.path("ready").exists()
    }

    pub(super) fn set_ready(&self) -> Result<()> {
        Ok(fs::write(self.path("ready"), "")?)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Where this machine has what is `path` on the node.
    pub(crate) fn on_node(&self, path: &str) -> PathBuf {
        self.root.join("node").join(path.trim_start_matches('/'))
    }

    pub(crate) fn log(&self, program: &str) -> PathBuf {
        self.path("log").join(program)
    }

    /// The end of a program's log: why it ended.
    pub(crate) fn last_log_lines(&self, program: &str) -> String {
        const LINES: usize = 15;
        let text = fs::read_to_string(self.log(program)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }
}

/// Keeps others from making or removing a node, as long as the file is open.
pub(crate) fn lock() -> Result<File> {
    let path = cache::dir()?.join("kubernetes-node.lock");
    let file = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
    file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
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
    fn a_node_is_ready_only_when_it_has_come_to_stand() {
        let folder = tempfile::tempdir().unwrap();
        let state = State { root: folder.path().join("node") };
        state.create().unwrap();
        assert!(state.on_node("/var/lib/cni").is_dir());
        assert!(!state.is_ready());
        state.set_ready().unwrap();
        assert!(state.is_ready());
        state.remove().unwrap();
        assert!(!state.is_ready());
        state.remove().unwrap();
    }
}
