//! Whose socket a packet belongs to.
//!
//! A packet leaves its socket in the context of the process that sends, most often. A softirq may run on top of any
//! other process, so the running task counts only when its netns and its cgroup are the socket's, and only for what a
//! process does. What a socket receives, it receives in softirq: the process is the one that sent from it before.

use aya_ebpf::helpers::generated::{bpf_get_socket_cookie, bpf_get_socket_uid, bpf_skb_cgroup_id};
use aya_ebpf::programs::SkBuffContext;
use dnstrace_ebpf::{Direction, Hook};

use crate::hook::Site;
use crate::kernel::{Skb, Task};
use crate::maps::{PROCESSES, ProcessEntry};

/// What is known of a packet's socket; 0 is unknown, as in the packet record.
pub(super) struct Socket {
    pub(super) cookie: u64,
    pub(super) cgroup_id: u64,
    pub(super) netns: u32,
    pub(super) uid: u32,
    pub(super) process: ProcessEntry,
}

/// Whom a sent packet may be put down to.
#[derive(Clone, Copy)]
pub(super) enum Sender {
    /// A datagram: the running process sends it.
    Running,
    /// A TCP segment that a process may have caused: the first one that was seen stays.
    RunningUnlessKnown,
    /// A TCP segment or an ICMP error the kernel sends by itself.
    Known,
}

const NO_PROCESS: ProcessEntry = ProcessEntry { comm_start: 0, comm_end: 0, tgid: 0, netns: 0 };
const NO_UID: u32 = u32::MAX;

#[inline(always)]
pub(super) fn socket(ctx: &SkBuffContext, site: Site, sender: Sender) -> Socket {
    // SAFETY: the context is this program's own.
    let cookie = unsafe { bpf_get_socket_cookie(ctx.skb.skb.cast()) };
    match site.hook {
        // A frame carries its socket until the stack takes it up: on the receive side of a veth, the pod's.
        Hook::Device | Hook::Drop => {
            let netns = if cookie == 0 { 0 } else { Skb::of(ctx).socket_netns() };
            Socket { cookie, cgroup_id: 0, netns, uid: NO_UID, process: NO_PROCESS }
        }
        Hook::Socket => endpoint(ctx, site.direction, sender, cookie),
    }
}

#[inline(always)]
fn endpoint(ctx: &SkBuffContext, direction: Direction, sender: Sender, cookie: u64) -> Socket {
    // SAFETY: both helpers take this program's own context; both exist for cgroup_skb on every supported kernel.
    let (cgroup_id, uid) = unsafe { (bpf_skb_cgroup_id(ctx.skb.skb), bpf_get_socket_uid(ctx.skb.skb)) };
    // SAFETY: entries are replaced as a whole; a torn read could only mix two processes that used the same socket.
    let known = unsafe { PROCESSES.get(cookie) }.copied().unwrap_or(NO_PROCESS);
    // A socket stays in its netns: what is remembered need not be read again.
    let netns = if known.netns == 0 { Skb::of(ctx).socket_netns() } else { known.netns };
    let process = match direction {
        Direction::In => known,
        Direction::Out => process(sender, cookie, cgroup_id, netns, known),
    };
    Socket { cookie, cgroup_id, netns, uid, process }
}

#[inline(always)]
fn process(sender: Sender, cookie: u64, cgroup_id: u64, netns: u32, known: ProcessEntry) -> ProcessEntry {
    let settled = match sender {
        Sender::Running => false,
        Sender::RunningUnlessKnown => known.tgid != 0,
        Sender::Known => true,
    };
    let task = Task::current();
    // The socket's own process again: nothing has to be proved anew.
    if settled || (known.tgid != 0 && known.tgid == task.tgid()) {
        return known;
    }
    if netns == 0 || task.netns() != netns || task.cgroup_id() != cgroup_id {
        return known;
    }
    let process = task.process(netns);
    // A full table evicts its oldest entries; where even that fails, the receive side stays without a process.
    let _ = PROCESSES.insert(cookie, process, 0);
    process
}
