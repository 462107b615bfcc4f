//! The node's network: its own network namespace, and a link to another one where its upstream is.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use super::wait;
use crate::command;
use crate::node::Netns;

/// The network namespace of the node.
pub(super) const NODE: &str = "dtu-node";
/// The network namespace of what lies beyond the node.
pub(super) const UPSTREAM: &str = "dtu-upstream";

/// The pods' bridge, as `cni.conflist` names it.
pub(super) const BRIDGE: &str = "cni0";

/// kubelet takes down the sandbox of a pod that ended in a second or two.
const FREE_LIMIT: Duration = Duration::from_mins(1);

/// The kernel's settings that a node needs: it forwards, also what crosses its bridge through its rules.
const SETTINGS: [(&str, &str); 4] = [
    ("net/ipv4/ip_forward", "1"),
    ("net/ipv6/conf/all/forwarding", "1"),
    ("net/bridge/bridge-nf-call-iptables", "1"),
    ("net/bridge/bridge-nf-call-ip6tables", "1"),
];

/// What `ip -batch` reads: the link, its addresses, the node's way out.
const NODE_LINKS: &str = "link set lo up
link add eth0 type veth peer name eth0 netns dtu-upstream
address add 192.0.2.2/24 dev eth0
address add 2001:db8:2::2/64 dev eth0 nodad
link set eth0 up
route add default via 192.0.2.53
route add default via 2001:db8:2::53
";
const UPSTREAM_LINKS: &str = "link set lo up
address add 192.0.2.53/24 dev eth0
address add 2001:db8:2::53/64 dev eth0 nodad
link set eth0 up
";

/// Where the network namespace of this name is.
pub(super) fn path(netns: &str) -> PathBuf {
    Path::new("/run/netns").join(netns)
}

/// Makes both network namespaces and the link between them.
pub(super) fn create(folder: &Path) -> Result<()> {
    command::output("ip", &["netns", "add", UPSTREAM])?;
    command::output("ip", &["netns", "add", NODE])?;
    for (netns, links) in [(NODE, NODE_LINKS), (UPSTREAM, UPSTREAM_LINKS)] {
        let file = folder.join(netns);
        fs::write(&file, links)?;
        command::output("ip", &["-netns", netns, "-batch", &file.to_string_lossy()])?;
    }
    for (setting, value) in SETTINGS {
        set(setting, value)?;
    }
    Ok(())
}

/// Removes both, if they are there. The kernel removes what is in them.
pub(super) fn remove() -> Result<()> {
    for netns in [NODE, UPSTREAM].iter().filter(|netns| path(netns).exists()) {
        command::output("ip", &["netns", "del", netns])?;
    }
    Ok(())
}

/// The plugin host-local goes on behind the address that it gave last, which it keeps in a file for each range.
pub(super) fn forget_last_address(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).context("no address was given yet")? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("last_reserved_ip")) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The runtime gives a pod's addresses back a moment after its end.
pub(super) fn wait_until_free(folder: &Path, addresses: &[IpAddr]) -> Result<()> {
    let is_free = || addresses.iter().all(|address| !folder.join(address.to_string()).exists());
    wait::until("addresses given back", FREE_LIMIT, || Ok(is_free().then_some(())))
}

/// What a netns knows of the MAC addresses behind one of its interfaces. It keeps one for half a minute, and believes no
/// other in the first second: a pod with the address of one that just ended gets no response until then.
pub(super) fn forget_neighbors(netns: &Netns, interface: &str) -> Result<()> {
    command::of(netns.command("ip").args(["neigh", "flush", "dev", interface])).map(drop)
}

/// A kernel without the bridge filter module has no such settings, and needs none.
fn set(setting: &str, value: &str) -> Result<()> {
    let file = format!("/proc/sys/{setting}");
    let script = format!("test ! -e {file} || echo {value} >{file}");
    let netns = format!("--net={}", path(NODE).display());
    command::output("nsenter", &[netns.as_str(), "sh", "-c", &script])?;
    Ok(())
}
