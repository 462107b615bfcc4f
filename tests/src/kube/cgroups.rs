//! The cgroups of the node's pods. Where version 1 and 2 are mounted together, a pod is in every hierarchy.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use super::wait;

/// The root of the pods of the Kubernetes node: kubelet's `cgroupRoot`.
pub(super) const KUBERNETES: Root = Root("dnstrace");

/// The kernel takes the last processes out of a cgroup a moment after they ended.
const EMPTY_LIMIT: Duration = Duration::from_secs(10);

/// The folder below which all pods of a node are, in each hierarchy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Root(pub(crate) &'static str);

impl Root {
    /// kubelet starts only if its root cgroup exists.
    pub(crate) fn create(self) -> Result<()> {
        for root in self.folders()? {
            fs::create_dir_all(root)?;
        }
        Ok(())
    }

    pub(crate) fn remove(self) -> Result<()> {
        self.remove_below("")
    }

    /// Removes what is at this place below the root.
    pub(crate) fn remove_below(self, place: &str) -> Result<()> {
        for root in self.folders()? {
            wait::until_ok("empty cgroups", EMPTY_LIMIT, || remove_tree(&root.join(place)))?;
        }
        Ok(())
    }

    /// The id by which the kernel knows a container's cgroup: the inode number of its folder in the version 2 tree.
    pub(crate) fn id(self, container: &str) -> Result<u64> {
        Ok(fs::metadata(self.folder_of(container)?)?.ino())
    }

    /// A process of a container, by its id on this machine.
    pub(crate) fn process(self, container: &str) -> Result<u32> {
        let processes = fs::read_to_string(self.folder_of(container)?.join("cgroup.procs"))?;
        let first = processes.lines().next().with_context(|| format!("no process in container {container}"))?;
        Ok(first.parse()?)
    }

    /// The root of all pods in each hierarchy.
    pub(crate) fn folders(self) -> Result<Vec<PathBuf>> {
        let mounts = fs::read_to_string("/proc/mounts").context("cannot read /proc/mounts")?;
        let hierarchies = mount_points(&mounts, |kind| matches!(kind, "cgroup" | "cgroup2"));
        Ok(hierarchies.iter().map(|hierarchy| hierarchy.join(self.0)).collect())
    }

    /// The root of all pods in the version 2 tree.
    pub(crate) fn version_2(self) -> Result<PathBuf> {
        let mounts = fs::read_to_string("/proc/mounts")?;
        let version_2 = mount_points(&mounts, |kind| kind == "cgroup2");
        Ok(version_2.first().context("cgroup version 2 is not mounted")?.join(self.0))
    }

    fn folder_of(self, container: &str) -> Result<PathBuf> {
        find(&self.version_2()?, container)?.with_context(|| format!("no cgroup of container {container}"))
    }
}

fn mount_points(mounts: &str, wanted: fn(&str) -> bool) -> Vec<PathBuf> {
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    fields.filter(|fields| fields.len() > 2 && wanted(fields[2])).map(|fields| PathBuf::from(fields[1])).collect()
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.is_dir()).collect())
}

fn find(folder: &Path, name: &str) -> Result<Option<PathBuf>> {
    for each in folders(folder)? {
        if each.ends_with(name) {
            return Ok(Some(each));
        }
        if let Some(found) = find(&each, name)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn remove_tree(folder: &Path) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    folders(folder)?.iter().try_for_each(|each| remove_tree(each))?;
    fs::remove_dir(folder).with_context(|| format!("cannot remove {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
";

    #[test]
    fn hierarchies_of_a_hybrid_machine() {
        let all = mount_points(HYBRID, |kind| matches!(kind, "cgroup" | "cgroup2"));
        assert_eq!(all, [Path::new("/sys/fs/cgroup/memory"), Path::new("/sys/fs/cgroup/unified")]);
    }

    #[test]
    fn a_container_is_found_by_its_folder() {
        let root = tempfile::tempdir().unwrap();
        let container = root.path().join("kubepods/besteffort/pod1/abc");
        fs::create_dir_all(&container).unwrap();
        assert_eq!(find(root.path(), "abc").unwrap(), Some(container));
        assert_eq!(find(root.path(), "ab").unwrap(), None);
        remove_tree(root.path()).unwrap();
        assert!(!root.path().exists());
    }
}
