//! The packet record, in constant size classes: old verifiers want to know a reservation's size, and a buffer to build
//! records in would be overwritten by a softirq that runs the same program on the same CPU.

use core::ptr::{addr_of_mut, read_volatile};

use aya_ebpf::helpers::generated::{bpf_ktime_get_boot_ns, bpf_skb_load_bytes};
use aya_ebpf::programs::SkBuffContext;
use dnstrace_ebpf::{Counter, Hook, PacketRecord};

use super::attribution::Socket;
use crate::hook::Site;
use crate::kernel::Skb;
use crate::maps::PACKETS;
use crate::parse::{Layers, skb};

/// A query with EDNS, a usual answer, an Ethernet frame, an EDNS answer over loopback, a super-packet: 256, 512, 1,536,
/// 4,096 and 65,536 bytes with the record.
const HEAD: usize = size_of::<PacketRecord>();
const SMALL: usize = 256 - HEAD;
const ANSWER: usize = 512 - HEAD;
pub(super) const FRAME: usize = 1_536 - HEAD;
const LARGE: usize = 4_096 - HEAD;
const WHOLE: usize = 65_536;

/// User space looks by itself; a wake-up for each record costs twenty times the record.
pub(super) const NO_WAKEUP: u64 = aya_ebpf::bindings::BPF_RB_NO_WAKEUP as u64;

#[repr(C)]
struct Slot<const BYTES: usize> {
    record: PacketRecord,
    bytes: [u8; BYTES],
}

/// Writes a packet record; says what became of the packet.
#[inline(always)]
pub(super) fn write(ctx: &SkBuffContext, site: Site, layers: &Layers, captured_len: u32, socket: &Socket) -> Counter {
    let len = captured_len as usize;
    if len <= SMALL {
        write_class::<SMALL>(ctx, site, layers, captured_len, socket)
    } else if len <= ANSWER {
        write_class::<ANSWER>(ctx, site, layers, captured_len, socket)
    } else if len <= FRAME {
        write_class::<FRAME>(ctx, site, layers, captured_len, socket)
    } else if len <= LARGE {
        write_class::<LARGE>(ctx, site, layers, captured_len, socket)
    } else {
        write_class::<WHOLE>(ctx, site, layers, captured_len, socket)
    }
}

#[inline(always)]
fn write_class<const BYTES: usize>(
    ctx: &SkBuffContext,
    site: Site,
    layers: &Layers,
    captured_len: u32,
    socket: &Socket,
) -> Counter {
    let Some(mut slot) = PACKETS.reserve::<Slot<BYTES>>(0) else { return Counter::RingFull };
    let place = slot.as_mut_ptr();
    // Verifiers before 6.12 need the bound on the length that is used, not on one it follows from, and the compiler
    // drops a bound it can prove. One less than the length, read anew, then one more: never 0, never above.
    let mut last = captured_len.wrapping_sub(1);
    // SAFETY: a local variable.
    last = unsafe { read_volatile(&raw const last) };
    if last > BYTES as u32 - 1 {
        last = BYTES as u32 - 1;
    }
    // SAFETY: `place` is a reserved slot of this size; the helper writes `last + 1 <= BYTES` bytes of it.
    let status = unsafe { bpf_skb_load_bytes(ctx.skb.skb.cast(), 0, addr_of_mut!((*place).bytes).cast(), last + 1) };
    if status != 0 {
        slot.discard(NO_WAKEUP);
        return Counter::TooShort;
    }
    // SAFETY: `place` is a reserved slot.
    unsafe { fill(addr_of_mut!((*place).record), ctx, site, layers, last + 1, socket) };
    slot.submit(NO_WAKEUP);
    Counter::Emitted
}

/// Writes each member on its own: the record as one value would be built on the stack and copied byte by byte.
///
/// # Safety
/// `record` must be valid for writing.
#[inline(always)]
unsafe fn fill(
    record: *mut PacketRecord,
    ctx: &SkBuffContext,
    site: Site,
    layers: &Layers,
    captured_len: u32,
    socket: &Socket,
) {
    let skb = skb(ctx);
    // SAFETY: `record` is valid for writing, the context for reading.
    unsafe {
        (*record).boot_ns = bpf_ktime_get_boot_ns();
        (*record).cookie = socket.cookie;
        (*record).cgroup_id = socket.cgroup_id;
        (*record).hop_id = Skb::of(ctx).hop_id();
        (*record).wire_len = skb.len;
        (*record).captured_len = captured_len;
        (*record).ifindex = skb.ifindex;
        (*record).socket_netns = socket.netns;
        (*record).tgid = socket.process.tgid;
        (*record).uid = socket.uid;
        (*record).vlan_tci = skb.vlan_tci as u16;
        (*record).gso_size = skb.gso_size as u16;
        (*record).hook = site.hook as u8;
        (*record).direction = site.direction as u8;
        (*record).layer = layers.layer as u8;
        (*record).vlan_present = u8::from(site.hook as u8 == Hook::Device as u8 && skb.vlan_present != 0);
        #[expect(clippy::cast_ptr_alignment, reason = "the record is aligned to eight, and 64 bytes come before")]
        let comm = addr_of_mut!((*record).comm).cast::<u64>();
        // Volatile: of two zeros beside each other the compiler makes a call of `memset`.
        comm.write_volatile(socket.process.comm_start);
        comm.add(1).write_volatile(socket.process.comm_end);
    }
}
