//! Kernel memory, read at offsets that user space took from the kernel's BTF. An offset of 0, a null pointer or a
//! failing read give 0: unknown.

use core::mem::MaybeUninit;

use aya_ebpf::Global;
use aya_ebpf::helpers::generated::{bpf_get_current_task, bpf_probe_read_kernel};
use aya_ebpf::programs::SkBuffContext;

use crate::maps::{
    CGROUP_KN, CSS_SET_CGROUP, DEV_IFINDEX, DEV_NET, HOP_KEY, KERNFS_ID, NET_INUM, NSPROXY_NET, ProcessEntry, SKB_DEV,
    SKB_HEAD, SKB_NETWORK_HEADER, SKB_PROTOCOL, SKB_SK, SKB_TAIL, SOCK_NET, TASK_CGROUPS, TASK_COMM, TASK_LEADER,
    TASK_NSPROXY, TASK_TGID,
};

/// An odd number with many bits set (2^64 divided by the golden ratio): spreads close addresses over all bits.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The kernel's own packet structure.
#[derive(Clone, Copy)]
pub(crate) struct Skb(pub(crate) u64);

impl Skb {
    /// That of a program that is given packets: its context is one.
    #[inline(always)]
    pub(crate) fn of(ctx: &SkBuffContext) -> Self {
        Self(ctx.skb.skb as u64)
    }

    /// The same for one packet buffer on its way through the node.
    #[inline(always)]
    pub(crate) fn hop_id(self) -> u64 {
        match member(self.0, &SKB_HEAD) {
            0 => 0,
            head => (head ^ HOP_KEY.load()).wrapping_mul(SPREAD),
        }
    }

    /// Inode of the netns of the packet's socket.
    #[inline(always)]
    pub(crate) fn socket_netns(self) -> u32 {
        let sock = member(self.0, &SKB_SK);
        netns_of(member(sock, &SOCK_NET))
    }

    /// Its EtherType; 0 is unknown.
    #[inline(always)]
    pub(crate) fn protocol(self) -> u16 {
        u16::from_be(read(self.0, &SKB_PROTOCOL).unwrap_or(0))
    }

    /// Address of its IP header, and how many bytes from there on lie in one piece.
    #[inline(always)]
    pub(crate) fn network(self) -> (u64, u32) {
        let network = read::<u16>(self.0, &SKB_NETWORK_HEADER).unwrap_or(0);
        // On 64-bit machines an offset from the buffer's start, as the headers are.
        let tail = small_member(self.0, &SKB_TAIL);
        let linear = if tail < u32::from(network) { 0 } else { tail - u32::from(network) };
        (member(self.0, &SKB_HEAD) + u64::from(network), linear)
    }

    /// Index of the interface it is at, and inode of that one's netns. What waits in a UDP socket has other things where the
    /// interface was, which are no address: reading fails.
    #[inline(always)]
    pub(crate) fn device(self) -> (u32, u32) {
        let device = member(self.0, &SKB_DEV);
        (small_member(device, &DEV_IFINDEX), netns_of(member(device, &DEV_NET)))
    }
}

/// The running task.
#[derive(Clone, Copy)]
pub(crate) struct Task(u64);

impl Task {
    #[inline(always)]
    pub(crate) fn current() -> Self {
        // SAFETY: takes no argument.
        Self(unsafe { bpf_get_current_task() })
    }

    #[inline(always)]
    pub(crate) fn netns(self) -> u32 {
        netns_of(member(member(self.0, &TASK_NSPROXY), &NSPROXY_NET))
    }

    #[inline(always)]
    pub(crate) fn cgroup_id(self) -> u64 {
        member(member(member(member(self.0, &TASK_CGROUPS), &CSS_SET_CGROUP), &CGROUP_KN), &KERNFS_ID)
    }

    #[inline(always)]
    pub(crate) fn process(self, netns: u32) -> ProcessEntry {
        // A thread has a name of its own; the process is known by that of its first thread.
        match read::<[u64; 2]>(member(self.0, &TASK_LEADER), &TASK_COMM) {
            Some([comm_start, comm_end]) => ProcessEntry { comm_start, comm_end, tgid: self.tgid(), netns },
            None => ProcessEntry { comm_start: 0, comm_end: 0, tgid: self.tgid(), netns },
        }
    }

    #[inline(always)]
    pub(crate) fn tgid(self) -> u32 {
        small_member(self.0, &TASK_TGID)
    }
}

#[inline(always)]
fn netns_of(net: u64) -> u32 {
    small_member(net, &NET_INUM)
}

#[inline(always)]
fn member(base: u64, offset: &Global<u32>) -> u64 {
    read(base, offset).unwrap_or(0)
}

#[inline(always)]
fn small_member(base: u64, offset: &Global<u32>) -> u32 {
    read(base, offset).unwrap_or(0)
}

#[inline(always)]
fn read<T>(base: u64, offset: &Global<u32>) -> Option<T> {
    let offset = u64::from(offset.load());
    if base == 0 || offset == 0 {
        return None;
    }
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the helper writes all of `value` or fails; it checks the address itself.
    let status =
        unsafe { bpf_probe_read_kernel(value.as_mut_ptr().cast(), size_of::<T>() as u32, (base + offset) as *const _) };
    // SAFETY: filled when the helper succeeded; only numbers are read.
    (status == 0).then(|| unsafe { value.assume_init() })
}
