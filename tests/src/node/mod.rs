//! A throw-away node like those of Kubernetes: pods behind veths on a bridge, a Service address with NAT, an uplink. Each
//! part is a network namespace without a name and a cgroup that goes when its value is dropped.
//!
//! ```text
//!  pod eth0 ── vcli1 ┐
//!  pod eth0 ── vdns1 ┼ cni0 (10.244.0.1)  [10.96.0.10:53 → DNS pods]  up0 (192.0.2.2) ── eth0 (192.0.2.53) upstream
//!  pod eth0 ── vdns2 ┘                       node
//! ```

mod cgroup;
pub mod link;
mod nat;
mod netlink;
mod netns;
mod scripted;
mod tracking;
pub mod wire;

use std::cell::Cell;
use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Result;

pub use cgroup::{Cgroup, mount_point};
pub use netns::Netns;
pub use scripted::{Over, Scripted, read_framed};

/// The bridge that the pods are on.
pub const BRIDGE: &str = "cni0";
/// The node's way to the rest of the world.
pub const UPLINK: &str = "up0";
/// The Service's address.
pub const SERVICE_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 96, 0, 10));
/// The Service's other address.
pub const SERVICE_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0x10, 0x96, 0, 0, 0, 0, 0xa));
/// The upstream's address.
pub const UPSTREAM_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53));
/// The upstream's other address.
pub const UPSTREAM_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x53));
/// The node's address on the uplink: what masquerading puts in the place of a pod's.
pub const NODE_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
const NODE_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2));
const GATEWAY_V4: IpAddr = pod_v4(1);
const GATEWAY_V6: IpAddr = pod_v6(1);

/// The node itself.
#[derive(Debug)]
pub struct Node {
    netns: Netns,
    cgroup: Cgroup,
    next_pod: Cell<u8>,
}

/// What runs in a netns and a cgroup of its own.
#[derive(Debug)]
pub struct Pod {
    netns: Netns,
    cgroup: Cgroup,
    resolv_conf: String,
    /// Its interface on the node.
    pub interface: String,
    /// Its address.
    pub v4: IpAddr,
    /// Its other address.
    pub v6: IpAddr,
}

/// A process has several nodes, one after the other or beside each other.
static NODES: AtomicU32 = AtomicU32::new(0);

impl Node {
    /// A node with its bridge and without pods.
    pub fn new() -> Result<Self> {
        let cgroup = Cgroup::node(NODES.fetch_add(1, Ordering::Relaxed))?;
        let netns = Netns::new()?;
        for (name, value) in SYSCTLS {
            netns.sysctl(name, value)?;
        }
        netns.run(|| {
            link::bridge(BRIDGE)?;
            link::address(BRIDGE, GATEWAY_V4, 24)?;
            link::address(BRIDGE, GATEWAY_V6, 64)?;
            link::up(BRIDGE)?;
            nat::create(UPLINK)
        })?;
        // Pods of a node without br_netfilter are routed all the same; with it, bridged packets would be seen as routed.
        for name in ["bridge/bridge-nf-call-iptables", "bridge/bridge-nf-call-ip6tables"] {
            let _ = netns.sysctl(name, "0");
        }
        Ok(Self { netns, cgroup, next_pod: Cell::new(10) })
    }

    /// A pod whose interface on the node is `interface`.
    pub fn pod(&self, interface: &str) -> Result<Pod> {
        let number = self.next_pod.replace(self.next_pod.get() + 1);
        let netns = pod_netns()?;
        self.netns.run(|| {
            link::veth(interface, "eth0", &netns)?;
            link::set_master(interface, BRIDGE)?;
            link::up(interface)
        })?;
        let (v4, v6) = (pod_v4(number), pod_v6(number));
        netns.run(|| {
            link::up("eth0")?;
            // A host route, as many network plug-ins give: what goes to other pods takes the node's routing, so that
            // responses come back through the NAT without br_netfilter.
            for (own, gateway, prefix_len) in [(v4, GATEWAY_V4, 32), (v6, GATEWAY_V6, 128)] {
                link::address("eth0", own, prefix_len)?;
                link::route_on_link(gateway, prefix_len, "eth0")?;
                link::default_route(gateway, "eth0")?;
            }
            Ok(())
        })?;
        let resolv_conf = format!("nameserver {SERVICE_V4}\nsearch {SEARCH}\noptions ndots:5\n");
        let cgroup = self.cgroup.child(interface)?;
        Ok(Pod { netns, cgroup, resolv_conf, interface: interface.to_owned(), v4, v6 })
    }

    /// Sends the Service's addresses to these pods by turns.
    pub fn service(&self, endpoints: &[&Pod]) -> Result<()> {
        let v4: Vec<IpAddr> = endpoints.iter().map(|pod| pod.v4).collect();
        let v6: Vec<IpAddr> = endpoints.iter().map(|pod| pod.v6).collect();
        self.netns.run(|| {
            nat::service(SERVICE_V4, &v4)?;
            nat::service(SERVICE_V6, &v6)
        })
    }

    /// Lets no query through to any pod, as a network policy that forgot DNS.
    pub fn deny_dns(&self) -> Result<()> {
        self.netns.run(nat::drop_forwarded)
    }

    /// Leaves no room in the node's table of connections.
    pub fn fill_tracking(&self) -> Result<()> {
        self.netns.run(tracking::fill)
    }

    /// The rest of the world, behind the uplink.
    pub fn upstream(&self) -> Result<Pod> {
        let netns = pod_netns()?;
        self.netns.run(|| {
            link::veth(UPLINK, "eth0", &netns)?;
            link::up(UPLINK)?;
            link::address(UPLINK, NODE_V4, 24)?;
            link::address(UPLINK, NODE_V6, 64)?;
            link::default_route(UPSTREAM_V4, UPLINK)?;
            link::default_route(UPSTREAM_V6, UPLINK)
        })?;
        netns.run(|| {
            link::up("eth0")?;
            link::address("eth0", UPSTREAM_V4, 24)?;
            link::address("eth0", UPSTREAM_V6, 64)
        })?;
        let resolv_conf = format!("nameserver {UPSTREAM_V4}\n");
        let cgroup = self.cgroup.child("upstream")?;
        Ok(Pod { netns, cgroup, resolv_conf, interface: UPLINK.to_owned(), v4: UPSTREAM_V4, v6: UPSTREAM_V6 })
    }

    /// What runs on the node itself, in its netns: a pod with the node's network, a resolver of the node.
    pub fn host(&self) -> Result<Pod> {
        self.on_host("host")
    }

    /// The same, as one service of several, each with a cgroup of its own.
    pub fn on_host(&self, name: &str) -> Result<Pod> {
        let netns = Netns::at(&self.netns.path())?;
        let resolv_conf = format!("nameserver {UPSTREAM_V4}\n");
        let cgroup = self.cgroup.child(name)?;
        Ok(Pod { netns, cgroup, resolv_conf, interface: BRIDGE.to_owned(), v4: GATEWAY_V4, v6: GATEWAY_V6 })
    }

    /// The node's own netns.
    #[must_use]
    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    /// The cgroup above those of its pods.
    #[must_use]
    pub fn cgroup(&self) -> &Cgroup {
        &self.cgroup
    }

    /// A program in the node's netns.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.netns.command(program)
    }
}

impl Pod {
    /// A program in the pod: its netns, its cgroup, its `/etc/resolv.conf`.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Result<Command> {
        let mut command = self.netns.command(program);
        let processes =
            std::ffi::CString::new(self.cgroup.path().join("cgroup.procs").into_os_string().into_encoded_bytes())?;
        // SAFETY: between fork and exec only system calls are made, on a string that exists already.
        unsafe {
            command.pre_exec(move || enter_cgroup(&processes));
        }
        netns::with_resolv_conf(&mut command, &self.resolv_conf);
        Ok(command)
    }

    /// Other content for its `/etc/resolv.conf`, for programs that are started from now on.
    pub fn set_resolv_conf(&mut self, content: &str) {
        content.clone_into(&mut self.resolv_conf);
    }

    /// Its netns.
    #[must_use]
    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    /// Its cgroup.
    #[must_use]
    pub fn cgroup(&self) -> &Cgroup {
        &self.cgroup
    }
}

/// What the kubelet writes for a pod of the Kubernetes namespace `default`.
const SEARCH: &str = "default.svc.cluster.local svc.cluster.local cluster.local";

const SYSCTLS: [(&str, &str); 6] = [
    ("ipv4/ip_forward", "1"),
    ("ipv6/conf/all/forwarding", "1"),
    // A pod's packet to another pod leaves through the bridge it came from: that is meant.
    ("ipv4/conf/all/send_redirects", "0"),
    ("ipv4/conf/default/send_redirects", "0"),
    NO_DAD,
    NO_DAD_BY_DEFAULT,
];
/// Nobody has to be asked whether an address is taken: it can be used at once.
const NO_DAD: (&str, &str) = ("ipv6/conf/all/accept_dad", "0");
const NO_DAD_BY_DEFAULT: (&str, &str) = ("ipv6/conf/default/accept_dad", "0");

/// IPv6 routers cannot be told not to send redirects: a pod that follows one goes past the node's NAT.
const NO_REDIRECTS: (&str, &str) = ("ipv6/conf/default/accept_redirects", "0");

fn pod_netns() -> Result<Netns> {
    let netns = Netns::new()?;
    for (name, value) in [NO_DAD, NO_DAD_BY_DEFAULT, NO_REDIRECTS] {
        netns.sysctl(name, value)?;
    }
    Ok(netns)
}

fn enter_cgroup(processes: &std::ffi::CStr) -> std::io::Result<()> {
    use nix::fcntl::{OFlag, open};
    let file = open(processes, OFlag::O_WRONLY | OFlag::O_CLOEXEC, nix::sys::stat::Mode::empty())?;
    // 0 is the writer itself.
    nix::unistd::write(file, b"0")?;
    Ok(())
}

const fn pod_v4(number: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 244, 0, number))
}

const fn pod_v6(number: u8) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x10, 0x244, 0, 0, 0, 0, number as u16))
}
