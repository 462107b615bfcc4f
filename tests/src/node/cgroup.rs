//! cgroup v2 folders of a node's pods, so that the sockets of each can be told apart as on a real node.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use dnstrace::capture::prerequisites::CgroupMount;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Begin of the folders' names; the process id of their maker follows.
const PREFIX: &str = "dtn-";
/// How long a killed process may take to leave its cgroup.
const EMPTYING_MS: u16 = 2000;
/// How often a folder is emptied before it is left to the next node.
const REMOVALS: u32 = 10;
const BETWEEN_REMOVALS_MS: u16 = 50;

/// A cgroup v2 folder, removed with what runs in it when dropped.
#[derive(Debug)]
pub struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    /// A folder for the pods of this process's node numbered `node`; folders of processes that are gone are removed.
    pub(super) fn node(node: u32) -> Result<Self> {
        let root = mount_point()?;
        remove_leftovers(&root);
        Self::made(root.join(format!("{PREFIX}{}-{node}", std::process::id())))
    }

    /// A folder below.
    pub(super) fn child(&self, name: &str) -> Result<Self> {
        Self::made(self.path.join(name))
    }

    fn made(path: PathBuf) -> Result<Self> {
        fs::create_dir(&path).with_context(|| format!("cannot make cgroup {}", path.display()))?;
        Ok(Self { path })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its id, as the kernel tells it with each packet: the inode of the folder.
    pub fn id(&self) -> Result<u64> {
        Ok(fs::metadata(&self.path)?.ino())
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Where cgroup v2 is mounted: the only hierarchy, or beside the older one.
pub fn mount_point() -> Result<PathBuf> {
    Ok(CgroupMount::of_this_host().context("no cgroup v2 is mounted")?.path)
}

fn remove_leftovers(root: &Path) {
    let Ok(folders) = fs::read_dir(root) else { return };
    for folder in folders.flatten() {
        let name = folder.file_name();
        let maker = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|rest| rest.split('-').next());
        let gone = |pid: &str| pid.parse::<u32>().is_ok() && !Path::new("/proc").join(pid).exists();
        if maker.is_some_and(gone) {
            remove(&folder.path());
        }
    }
}

/// Kills what runs in it and removes it, the folders below first. A process that was just being made may come in after
/// the others were killed: then again, a few times.
fn remove(path: &Path) {
    for _ in 0..REMOVALS {
        try_to_remove(path);
        if !path.exists() {
            return;
        }
        // Nothing tells when the kernel lets go of a folder.
        let _ = poll(&mut [], PollTimeout::from(BETWEEN_REMOVALS_MS));
    }
}

fn try_to_remove(path: &Path) {
    let kill = fs::write(path.join("cgroup.kill"), "1");
    if kill.is_ok() {
        wait_until_empty(path);
    }
    for folder in fs::read_dir(path).into_iter().flatten().flatten() {
        if folder.path().is_dir() {
            try_to_remove(&folder.path());
        }
    }
    // Nothing can be done about a folder that the kernel keeps; the next node tries again.
    let _ = fs::remove_dir(path);
}

fn wait_until_empty(path: &Path) {
    use std::os::fd::AsFd;
    let Ok(events) = fs::File::open(path.join("cgroup.events")) else { return };
    let populated = || fs::read_to_string(path.join("cgroup.events")).is_ok_and(|text| text.contains("populated 1"));
    // The kernel wakes a poller on each change; reading again after it tells the new state.
    for _ in 0..10 {
        if !populated() {
            return;
        }
        let mut fds = [PollFd::new(events.as_fd(), PollFlags::POLLPRI)];
        let _ = poll(&mut fds, PollTimeout::from(EMPTYING_MS / 10));
    }
}
