//! One packet as seen at one observation point.

use std::net::SocketAddr;
use std::time::Duration;

use dnstrace_ebpf::Hook;
use serde::{Deserialize, Serialize};

use super::Dropped;

/// `CLOCK_BOOTTIME` in nanoseconds, or the time a capture file gives. Durations are made of it: it never jumps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BootTime(pub u64);

impl BootTime {
    /// How long after `earlier`, zero when it is not after.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This time plus `wait`.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// Nanoseconds since 1970-01-01 UTC. For showing only: the clock behind it may step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(pub u64);

/// Which end of an interface or socket something is observed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Received: by the interface, or delivered to the socket.
    In,
    /// Sent: by the interface, or by the socket.
    Out,
    /// Not told, as in many capture files.
    Unknown,
}

/// Where something is observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point {
    /// The hook.
    pub hook: Hook,
    /// Received or sent.
    pub direction: Direction,
    /// Interface index in `netns`; 0 is unknown.
    pub ifindex: u32,
    /// Inode of the netns the point lies in; 0 is unknown.
    pub netns: u32,
}

/// What carried a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
}

/// What a packet's bytes start with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// An Ethernet header.
    Ethernet,
    /// An IPv4 or IPv6 header.
    Ip,
    /// Nothing: they are one DNS message. A server said so (dnstap), and what the headers would say.
    Message {
        /// Its source.
        src: SocketAddr,
        /// Its destination.
        dst: SocketAddr,
        /// What carried it.
        transport: Transport,
    },
    /// Anything else: it is counted, not read.
    Other,
}

/// The process a socket belongs to, as the kernel saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Process ID in the host's PID namespace.
    pub tgid: u32,
    /// User ID in the host's user namespace.
    pub uid: Option<u32>,
    /// Command name, padded with zeros.
    pub comm: [u8; 16],
}

/// The local socket that sent a packet or that a packet is delivered to, as far as known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Socket {
    /// Socket cookie.
    pub cookie: Option<u64>,
    /// cgroup v2 id: the inode of the cgroup's directory.
    pub cgroup_id: Option<u64>,
    /// Inode of its netns.
    pub netns: Option<u32>,
    /// Its process.
    pub process: Option<Process>,
}

/// The root of the cgroup hierarchy.
const ROOT_CGROUP: u64 = 1;

impl Socket {
    /// The cgroup that it shares with its own service or container only: not the root, where everything is on a node that
    /// does not use cgroup v2.
    #[must_use]
    pub fn own_cgroup(&self) -> Option<u64> {
        self.cgroup_id.filter(|id| *id != ROOT_CGROUP)
    }
}

/// One captured packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// When, for computing.
    pub time: BootTime,
    /// When, for showing.
    pub wall: WallTime,
    /// Where.
    pub point: Point,
    /// What `bytes` starts with.
    pub layer: Layer,
    /// Length on the wire, counted from the first byte of `bytes`.
    pub wire_len: u32,
    /// What was captured of it.
    pub bytes: &'a [u8],
    /// VLAN ID of a tag that the device took off.
    pub vlan: Option<u16>,
    /// Segment size of a GSO or GRO super-packet; 0 for a plain packet.
    pub gso_size: u16,
    /// Whether the later fragments of a datagram are captured at this place, too; where they are not, the first is read
    /// as far as it goes.
    pub later_fragments: bool,
    /// The same for one buffer on its way through the node; `None` where unknown.
    pub hop_id: Option<u64>,
    /// The local socket.
    pub socket: Socket,
    /// Why and where it was thrown away; `None` where it was seen passing.
    pub dropped: Option<&'a Dropped>,
}

impl Packet<'_> {
    /// The same packet with its bytes, or others, elsewhere; why it was dropped may have to go there, too.
    #[must_use]
    pub fn with_bytes<'b>(&self, bytes: &'b [u8]) -> Packet<'b> {
        let Packet {
            time,
            wall,
            point,
            layer,
            wire_len,
            bytes: _,
            vlan,
            gso_size,
            later_fragments,
            hop_id,
            socket,
            ..
        } = *self;
        let dropped = None;
        Packet { time, wall, point, layer, wire_len, bytes, vlan, gso_size, later_fragments, hop_id, socket, dropped }
    }
}
