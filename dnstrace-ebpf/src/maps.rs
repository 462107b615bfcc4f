//! What both halves reach: maps, and the globals that user space sets before loading. Their names are the interface.

use core::intrinsics::{AtomicOrdering, atomic_xadd};

use aya_ebpf::Global;
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, LruHashMap, PerCpuArray, ProgramArray, RingBuf};
use dnstrace_ebpf::{Counter, Hook};

/// Packet records. User space sets the size.
#[map]
pub(crate) static PACKETS: RingBuf = RingBuf::with_byte_size(1 << 20, 0);

/// [`Counter`]s: `hook * Counter::COUNT + counter`.
#[map]
static COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(Counter::COUNT * Hook::ALL.len() as u32, 0);

/// One bit per port: constant cost for any set of ports.
#[map]
static PORTS: Array<u64> = Array::with_max_entries(65_536 / 64, 0);

/// A zero the verifier does not know: see [`unknown_zero`].
#[map]
static ZERO: Array<u32> = Array::with_max_entries(1, 0);

/// The process of a socket, by socket cookie: what `socket_out` saw, for `socket_in`.
#[map]
pub(crate) static PROCESSES: LruHashMap<u64, ProcessEntry> = LruHashMap::with_max_entries(PROCESSES_MAX, 0);

/// One entry per socket that lately sent to a watched port; resolvers open one per query. 16,384 of them are 1 MiB.
const PROCESSES_MAX: u32 = 16_384;

/// The second programs, one array per kind of program: kernels refuse arrays of mixed attach types.
#[map]
pub(crate) static SOCKET_IN_SLOW: ProgramArray = ProgramArray::with_max_entries(1, 0);
#[map]
pub(crate) static SOCKET_OUT_SLOW: ProgramArray = ProgramArray::with_max_entries(1, 0);
#[map]
pub(crate) static DEVICE_SLOW: ProgramArray = ProgramArray::with_max_entries(1, 0);

/// A process, as it is kept in [`PROCESSES`].
///
/// The name in two numbers: an array is cleared by calling `memset`, and in a program with calls, verifiers before 6.2
/// tell every two values apart.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct ProcessEntry {
    pub(crate) comm_start: u64,
    pub(crate) comm_end: u64,
    pub(crate) tgid: u32,
    /// Inode of the socket's netns, which is the process's.
    pub(crate) netns: u32,
}

/// How many bytes of a packet are captured at most.
#[unsafe(no_mangle)]
pub(crate) static SNAPLEN: Global<u32> = Global::new(65_536);

/// Mixed into hop ids, so that no kernel address leaves the kernel.
#[unsafe(no_mangle)]
pub(crate) static HOP_KEY: Global<u64> = Global::new(0);

/// Whether `kfree_skb` tells its reason: 0 before 5.17.
#[unsafe(no_mangle)]
pub(crate) static DROP_HAS_REASON: Global<u32> = Global::new(0);

/// Offsets of kernel structure members, from the kernel's own BTF; 0 turns off what needs them.
#[unsafe(no_mangle)]
pub(crate) static SKB_SK: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub(crate) static SKB_HEAD: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub(crate) static SKB_PROTOCOL: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub(crate) static SKB_NETWORK_HEADER: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub(crate) static SKB_TAIL: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub(crate) static SKB_DEV: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub(crate) static DEV_IFINDEX: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub(crate) static DEV_NET: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub(crate) static SOCK_NET: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub(crate) static NET_INUM: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub(crate) static TASK_TGID: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub(crate) static TASK_LEADER: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub(crate) static TASK_COMM: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub(crate) static TASK_NSPROXY: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub(crate) static TASK_CGROUPS: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub(crate) static NSPROXY_NET: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub(crate) static CSS_SET_CGROUP: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub(crate) static CGROUP_KN: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub(crate) static KERNFS_ID: Global<u32> = Global::new(0);

/// Adds one to a counter of this CPU.
#[inline(always)]
pub(crate) fn count(hook: Hook, counter: Counter) {
    if let Some(slot) = COUNTERS.get_ptr_mut(hook as u32 * Counter::COUNT + counter as u32) {
        // A softirq may run the same program on this CPU in between, hence an atomic. Its result is unused, which makes
        // it the XADD that every kernel knows. `AtomicU64` has no `fetch_add` on this target.
        // SAFETY: a looked-up map value is valid and aligned.
        let _ = unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::Relaxed }>(slot, 1) };
    }
}

/// Whether DNS is spoken on this port.
#[inline(always)]
pub(crate) fn is_watched(port: u16) -> bool {
    PORTS.get(u32::from(port) / 64).is_some_and(|word| word >> (port % 64) & 1 == 1)
}

/// Adding it to an offset makes verifiers before 6.12 forget where the offset came from, so that the ways a packet can
/// be parsed become one way again instead of multiplying with everything that follows.
#[inline(always)]
pub(crate) fn unknown_zero() -> u32 {
    // SAFETY: a looked-up map value is valid and aligned. Volatile, as the compiler knows that nobody writes it.
    ZERO.get_ptr(0).map_or(0, |zero| unsafe { zero.read_volatile() })
}
