//! What the kernel half and the user half agree on: records, counters, configuration, map names.
//!
//! Only integers and byte arrays cross the boundary, in the machine's byte order. There is one definition for both
//! halves, so nothing has to be kept in step by hand; the layout is asserted below.

#![no_std]

/// Where a program is attached.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// `cgroup_skb` at a cgroup v2: what sockets of every netns send and receive.
    Socket = 0,
    /// Socket filter on an `AF_PACKET` socket: what passes the interfaces of one netns.
    Device = 1,
    /// Raw tracepoint `kfree_skb`: what the kernel throws away.
    Drop = 2,
}

impl Hook {
    /// Every hook, in the order of its counters.
    pub const ALL: [Self; 3] = [Self::Socket, Self::Device, Self::Drop];
    /// Those that see packets pass. At the others, they end.
    pub const PASSED: [Self; 2] = [Self::Socket, Self::Device];
}

/// What happened to a packet a hook looked at. Per hook and CPU:
/// `Seen = Emitted + RingFull + TooShort + Fragment + NoPayload`.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// A packet from or to a watched port, an ICMP error that quotes one, or one whose ports could not be read.
    Seen = 0,
    /// Given to user space.
    Emitted = 1,
    /// Lost: no room in the ring buffer.
    RingFull = 2,
    /// Ends before its ports.
    TooShort = 3,
    /// A later fragment: it has no ports.
    Fragment = 4,
    /// A TCP segment without payload, SYN, FIN or RST; at the `drop` hook, without payload or SYN.
    NoPayload = 5,
    /// Of the emitted: `captured_len < wire_len`.
    Cut = 6,
}

impl Counter {
    /// How many counters a hook has.
    pub const COUNT: u32 = 7;
}

/// Which end of an interface or socket a packet was seen at.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Received: by the interface, or delivered to the socket.
    In = 0,
    /// Sent: by the interface, or by the socket.
    Out = 1,
}

/// What a record's bytes start with.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// An Ethernet header.
    Ethernet = 0,
    /// An IPv4 or IPv6 header.
    Ip = 1,
}

/// The fixed part of one captured packet; `captured_len` bytes follow it in the ring buffer.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PacketRecord {
    /// `CLOCK_BOOTTIME`, nanoseconds.
    pub boot_ns: u64,
    /// Socket the packet came from (sent, and on a veth's receive side) or is delivered to; 0 is unknown.
    pub cookie: u64,
    /// cgroup v2 of that socket, the inode of its directory; 0 is unknown.
    pub cgroup_id: u64,
    /// The same for one buffer on its way through the node: a hash of `skb->head`; 0 is unknown.
    pub hop_id: u64,
    /// Length on the wire from the first captured byte on.
    pub wire_len: u32,
    /// How many bytes follow.
    pub captured_len: u32,
    /// Interface, in the netns of the observation point.
    pub ifindex: u32,
    /// Inode of the netns of the socket; 0 is unknown.
    pub socket_netns: u32,
    /// Process of the socket; 0 is unknown.
    pub tgid: u32,
    /// Its user, `u32::MAX` is unknown.
    pub uid: u32,
    /// VLAN tag the device took off: tag control information, valid when `vlan_present` is not 0.
    pub vlan_tci: u16,
    /// Size of the segments a super-packet will be cut into, or was merged from; 0 for a plain packet.
    pub gso_size: u16,
    /// [`Hook`].
    pub hook: u8,
    /// [`Direction`].
    pub direction: u8,
    /// [`Layer`].
    pub layer: u8,
    /// Whether `vlan_tci` is set.
    pub vlan_present: u8,
    /// Command name of the process, padded with zeros; all zero is unknown.
    pub comm: [u8; 16],
}

/// What stands behind the packet record at the `drop` hook, before the captured bytes: three more members in every record
/// would make the verifiers before 6.12 go through seven times as many instructions in `device_slow`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DropRecord {
    /// Address of the kernel code that dropped the packet.
    pub location: u64,
    /// `enum skb_drop_reason` of the running kernel; 0 is unknown.
    pub reason: u32,
    /// Always 0.
    pub reserved: u32,
}

const _: () = assert!(size_of::<PacketRecord>() == 80);
const _: () = assert!(align_of::<PacketRecord>() == 8);
const _: () = assert!(size_of::<DropRecord>() == 16);
const _: () = assert!(align_of::<DropRecord>() == 8);
