//! Network namespaces: which one a file or a process is of, and what only ours can tell.

use std::net::IpAddr;
use std::path::Path;

use nix::fcntl::OFlag;
use nix::sys::stat::fstat;
use nix::sys::statfs::{NSFS_MAGIC, fstatfs};

use super::uid;
use crate::owner::fact::Text;
use crate::owner::sources::host::{HostRoot, namespace_inode};

/// What `/proc/PID/cgroup` may hold: a path of `PATH_MAX` for each of v1's controllers.
const CGROUP_MAX: usize = 64 * 1024;

/// Interfaces whose addresses are those of Services: IPVS binds every ClusterIP, NodeLocal DNSCache that of cluster DNS.
const OF_SERVICES: [&str; 2] = ["kube-ipvs0", "nodelocaldns"];

/// The netns we run in, which can be asked for its interfaces and addresses; they are the node's when it is the node's.
#[derive(Clone, Copy, Debug)]
pub struct OwnNetns {
    /// Its inode, if it is known.
    pub inode: Option<u32>,
    /// The index of an interface.
    pub index_of: fn(&str) -> Option<u32>,
    /// Addresses of its interfaces.
    pub addresses: fn() -> Vec<IpAddr>,
}

impl OwnNetns {
    /// That of this process.
    #[must_use]
    pub fn here() -> Self {
        let inode = std::fs::read_link("/proc/self/ns/net").ok().and_then(|link| namespace_inode(&link));
        let index_of = |name: &str| nix::net::if_::if_nametoindex(name).ok();
        Self { inode, index_of, addresses: own_addresses }
    }
}

/// The file that a netns is mounted on, as a runtime or a plugin names it. `/var/run` has been a link to `/run` for long,
/// and one of the two is mounted into a pod.
pub(super) fn file(path: &str) -> Option<Text> {
    match path.strip_prefix("/var/run/") {
        Some(name) => uid::word(&format!("/run/{name}")),
        None => uid::word(path),
    }
}

/// A file that a netns is mounted on; other files have inodes, too.
pub(super) fn of_file(host: &HostRoot, path: &Path) -> Option<u32> {
    let file = host.open_below(path, OFlag::O_PATH).ok()?;
    let mounted = fstatfs(&file).ok()?.filesystem_type() == NSFS_MAGIC;
    u32::try_from(fstat(&file).ok()?.st_ino).ok().filter(|_| mounted)
}

/// That of a process.
pub(super) fn of_process(host: &HostRoot, pid: u32) -> Option<u32> {
    namespace_inode(&host.read_link(format!("proc/{pid}/ns/net")).ok()?)
}

/// That of the process whose number a file holds, as long as it is a process of container `id`: numbers are used again.
pub(super) fn of_container(host: &HostRoot, pid_file: &Path, id: &str) -> Option<u32> {
    let pid: u32 = host.read_text(pid_file, 32).ok()?.trim().parse().ok()?;
    let cgroup = host.read_text(format!("proc/{pid}/cgroup"), CGROUP_MAX).ok()?;
    cgroup.contains(id).then(|| of_process(host, pid))?
}

fn own_addresses() -> Vec<IpAddr> {
    let Ok(interfaces) = nix::ifaddrs::getifaddrs() else { return Vec::new() };
    let named = interfaces.filter(|interface| !OF_SERVICES.contains(&interface.interface_name.as_str()));
    let mut addresses: Vec<IpAddr> = named
        .filter_map(|interface| {
            let address = interface.address?;
            let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
        })
        .filter(|address| !address.is_loopback() && !is_link_local(*address))
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// Each IPv6 interface has one, and each node may have the same.
fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn netns_of_a_container_that_ended_is_nobodys() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("proc/7/ns")).unwrap();
        fs::write(folder.path().join("init.pid"), "7").unwrap();
        fs::write(folder.path().join("proc/7/cgroup"), "0::/kubepods/podx/aaaa\n").unwrap();
        symlink("net:[4026532001]", folder.path().join("proc/7/ns/net")).unwrap();
        let host = HostRoot::open(folder.path()).unwrap();
        assert_eq!(of_container(&host, Path::new("init.pid"), "aaaa"), Some(4_026_532_001));
        assert_eq!(of_container(&host, Path::new("init.pid"), "bbbb"), None);
        assert_eq!(of_file(&host, Path::new("init.pid")), None);
    }

    #[test]
    fn own_netns_is_known() {
        let own = OwnNetns::here();
        assert_eq!((own.index_of)("lo"), Some(1));
        let host = HostRoot::open(Path::new("/")).unwrap();
        assert_eq!(of_process(&host, std::process::id()), own.inode);
        assert!((own.addresses)().iter().all(|address| !address.is_loopback()));
    }
}
