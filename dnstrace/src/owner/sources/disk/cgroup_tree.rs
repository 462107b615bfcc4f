//! The cgroup v2 tree: which cgroups there are, and where one is.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, fstatfs};

use super::{cgroup_id, cgroup_path};
use crate::owner::fact::CgroupOf;
use crate::owner::sources::host::HostRoot;

/// Where cgroup v2 is mounted: alone, or beside controllers of v1.
const MOUNTS: [&str; 2] = ["sys/fs/cgroup", "sys/fs/cgroup/unified"];

/// Every cgroup of the second version has it, none of the first.
const ONLY_IN_V2: &str = "cgroup.controllers";

/// A node of 250 pods has some 2,000 cgroups; the kernel's own bound is far beyond what is worth a walk.
const CGROUPS_MAX: usize = 32_768;

/// A pod's container lies at depth 4, in a node that is a container at 8; systemd in a container adds as many.
const DEPTH_MAX: usize = 24;

/// What `/proc/PID/cgroup` may hold: a path of `PATH_MAX` for each of v1's controllers.
const PROC_CGROUP_MAX: usize = 64 * 1024;

/// A mounted cgroup v2.
#[derive(Debug)]
pub(super) struct Tree {
    mount: PathBuf,
    open: OwnedFd,
    /// Whether it is the kernel's, and can be asked for a cgroup by its id.
    kernel: bool,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Containers' and pods' cgroups.
    pub(super) cgroups: BTreeMap<u64, CgroupOf>,
    /// Every cgroup's id.
    pub(super) ids: BTreeSet<u64>,
    /// Directories, below the host's root, where pods and containers get theirs.
    pub(super) watched: Vec<PathBuf>,
    /// Directories that were not looked into, as they lie too deep or are too many.
    pub(super) skipped: u64,
}

impl Tree {
    /// Finds it below the host's root.
    pub(super) fn find(host: &HostRoot) -> Option<Self> {
        let mounted = MOUNTS.iter().map(PathBuf::from).chain(mounts(host));
        mounted.filter(|mount| host.exists(mount.join(ONLY_IN_V2))).find_map(|mount| Self::at(host, mount).ok())
    }

    fn at(host: &HostRoot, mount: PathBuf) -> io::Result<Self> {
        // A handle is not opened through a descriptor of O_PATH.
        let open = host.open_below(&mount, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?;
        let kernel = fstatfs(&open)?.filesystem_type() == CGROUP2_SUPER_MAGIC;
        Ok(Self { mount, open, kernel })
    }

    /// Where it is below the host's root.
    pub(super) fn mount(&self) -> &Path {
        &self.mount
    }

    /// Looks at every cgroup.
    pub(super) fn walk(&self, host: &HostRoot) -> Walk {
        let mut walk = Walk { watched: vec![self.mount.clone()], ..Walk::default() };
        walk.skipped = self.visit(host, |id, path| {
            walk.add(id, path, || self.below(path));
            ControlFlow::Continue(())
        });
        walk
    }

    /// Gives how many were not visited, as they lie too deep or are too many.
    fn visit(&self, host: &HostRoot, mut visit: impl FnMut(u64, &str) -> ControlFlow<()>) -> u64 {
        let (mut open, mut visited, mut skipped) = (vec![(String::new(), 0)], 0, 0);
        while let Some((path, depth)) = open.pop() {
            // It may be gone since its parent was read.
            let Ok((entries, _)) = host.entries(self.below(&path)) else { continue };
            for entry in entries.into_iter().filter(|entry| entry.directory) {
                let Some(name) = entry.text().filter(|_| visited < CGROUPS_MAX && depth < DEPTH_MAX) else {
                    skipped += 1;
                    continue;
                };
                let child = format!("{path}/{name}");
                if visit(entry.inode, &child).is_break() {
                    return skipped;
                }
                visited += 1;
                open.push((child, depth + 1));
            }
        }
        skipped
    }

    /// What lives in the cgroup with this id; the process was seen there.
    pub(super) fn look_up(&self, host: &HostRoot, id: u64, tgid: Option<u32>) -> Option<CgroupOf> {
        let path = self.by_handle(id).or_else(|| self.by_process(host, id, tgid?));
        path.map(|path| cgroup_path::of(&path)).or_else(|| self.by_walk(host, id))
    }

    fn by_handle(&self, id: u64) -> Option<String> {
        let path = self.kernel.then(|| cgroup_id::path(&self.open, id).ok())??;
        path.into_os_string().into_string().ok()
    }

    /// The process may have ended, and its number may be another's, or it may have gone elsewhere.
    fn by_process(&self, host: &HostRoot, id: u64, tgid: u32) -> Option<String> {
        let text = host.read_text(format!("proc/{tgid}/cgroup"), PROC_CGROUP_MAX).ok()?;
        let path = text.lines().find_map(|line| line.strip_prefix("0::"))?;
        let stamp = host.stamp(self.below(path)).ok()?;
        (stamp.inode == id).then(|| path.to_owned())
    }

    /// Last, as it costs most; where the kernel answers, what it does not know is not there.
    fn by_walk(&self, host: &HostRoot, id: u64) -> Option<CgroupOf> {
        if self.kernel && cgroup_id::path(&self.open, self.root_id(host)?).is_ok() {
            return None;
        }
        let mut found = (self.root_id(host)? == id).then(|| cgroup_path::of("/"));
        if found.is_none() {
            self.visit(host, |visited, path| {
                found = (visited == id).then(|| cgroup_path::of(path));
                if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
        }
        found
    }

    fn root_id(&self, host: &HostRoot) -> Option<u64> {
        Some(host.stamp(&self.mount).ok()?.inode)
    }

    fn below(&self, path: &str) -> PathBuf {
        self.mount.join(path.trim_start_matches('/'))
    }
}

impl Walk {
    fn add(&mut self, id: u64, path: &str, place: impl FnOnce() -> PathBuf) {
        self.ids.insert(id);
        let of = cgroup_path::of(path);
        // New containers appear below these, and nothing of the node's own does.
        if path.contains("kubepods") && !matches!(of, CgroupOf::Container { .. }) {
            self.watched.push(place());
        }
        if !matches!(of, CgroupOf::Host { .. } | CgroupOf::Unknown) {
            self.cgroups.insert(id, of);
        }
    }
}

/// Mount points of cgroup v2 as the first process has them.
fn mounts(host: &HostRoot) -> Vec<PathBuf> {
    let text = host.read_text("proc/1/mounts", 1 << 20).unwrap_or_default();
    let mounts = text.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    mounts.filter(|(_, kind)| *kind == "cgroup2").map(|(place, _)| place.trim_start_matches('/').into()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    const UID: &str = "6a1f0f6e-1111-2222-3333-444455556666";

    fn tree(mount: &str) -> (tempfile::TempDir, HostRoot, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let pod = folder.path().join(mount).join(format!("kubepods/burstable/pod{UID}"));
        fs::create_dir_all(pod.join("a".repeat(64)).join("init.scope")).unwrap();
        fs::create_dir_all(folder.path().join(mount).join("system.slice/ssh.service")).unwrap();
        fs::write(folder.path().join(mount).join(ONLY_IN_V2), "cpu\n").unwrap();
        let host = HostRoot::open(folder.path()).unwrap();
        (folder, host, pod)
    }

    fn id(path: &Path) -> u64 {
        fs::metadata(path).unwrap().ino()
    }

    #[test]
    fn walk_tells_pods_and_containers() {
        for mount in MOUNTS {
            let (_folder, host, pod) = tree(mount);
            let walk = Tree::find(&host).unwrap().walk(&host);
            let container = CgroupOf::Container { id: "a".repeat(64).into(), pod: Some(UID.into()) };
            assert_eq!(walk.cgroups[&id(&pod)], CgroupOf::Pod { uid: UID.into() });
            assert_eq!(walk.cgroups[&id(&pod.join("a".repeat(64)))], container);
            assert_eq!(walk.cgroups[&id(&pod.join("a".repeat(64)).join("init.scope"))], container);
            assert_eq!((walk.cgroups.len(), walk.ids.len(), walk.watched.len()), (3, 7, 4));
        }
    }

    #[test]
    fn unknown_id_is_looked_up_by_its_process_and_then_in_the_tree() {
        let (folder, host, _pod) = tree("sys/fs/cgroup");
        let service = folder.path().join("sys/fs/cgroup/system.slice/ssh.service");
        let of = Some(CgroupOf::Host { unit: "ssh.service".into() });
        let tree = Tree::find(&host).unwrap();
        assert_eq!(tree.look_up(&host, id(&service), None), of);
        assert_eq!(tree.look_up(&host, u64::MAX, Some(7)), None);
        fs::create_dir_all(folder.path().join("proc/7")).unwrap();
        fs::write(folder.path().join("proc/7/cgroup"), "1:cpu:/x\n0::/system.slice/ssh.service\n").unwrap();
        assert_eq!(tree.by_process(&host, id(&service), 7).as_deref(), Some("/system.slice/ssh.service"));
        assert_eq!(tree.by_process(&host, id(&service) + 1, 7), None);
    }

    #[test]
    fn host_without_cgroup_v2() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("sys/fs/cgroup/cpu")).unwrap();
        assert!(Tree::find(&HostRoot::open(folder.path()).unwrap()).is_none());
    }

    #[test]
    fn kernel_is_asked_for_a_cgroup_by_its_id() {
        let host = HostRoot::open(Path::new("/")).unwrap();
        let Some(tree) = Tree::find(&host).filter(|tree| tree.kernel) else {
            return eprintln!("SKIP no cgroup v2 here");
        };
        let made = Path::new("/").join(&tree.mount).join(format!("dnstrace-id-{}", std::process::id()));
        if let Err(error) = fs::create_dir(&made) {
            return eprintln!("SKIP cannot make a cgroup: {error}");
        }
        let found = tree.by_handle(id(&made));
        let gone = id(&made);
        fs::remove_dir(&made).unwrap();
        if found.is_none() {
            return eprintln!("SKIP no CAP_DAC_READ_SEARCH");
        }
        assert_eq!(found.unwrap(), format!("/{}", made.file_name().unwrap().to_str().unwrap()));
        assert_eq!(tree.look_up(&host, gone, None), None);
    }
}
