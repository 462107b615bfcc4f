//! The packet record of a packet that is being thrown away.

use core::ptr::{addr_of_mut, read_volatile};

use aya_ebpf::helpers::generated::{bpf_ktime_get_boot_ns, bpf_probe_read_kernel};
use dnstrace_ebpf::{Counter, DropRecord, Hook, Layer, PacketRecord};

use super::record::{self, NO_WAKEUP};
use crate::kernel::Skb;
use crate::maps::{PACKETS, SNAPLEN, count};
use crate::parse::Dropped;

const NO_UID: u32 = u32::MAX;

/// One size for all, that of an Ethernet frame: drops are few.
const FRAME: usize = record::FRAME - size_of::<DropRecord>();

#[repr(C)]
struct Slot {
    record: PacketRecord,
    why: DropRecord,
    bytes: [u8; FRAME],
}

/// Counts a packet that could not be read, or says nothing.
#[inline(always)]
pub(crate) fn not_read(counter: u64) {
    count(Hook::Drop, Counter::Seen);
    if counter == Counter::TooShort as u64 {
        count(Hook::Drop, Counter::TooShort);
    } else if counter == Counter::Fragment as u64 {
        count(Hook::Drop, Counter::Fragment);
    } else {
        count(Hook::Drop, Counter::NoPayload);
    }
}

/// Gives the packet to user space: as much of it as tells it from any other, for nobody receives the rest.
#[inline(always)]
pub(crate) fn dropped(skb: Skb, packet: Dropped, why: DropRecord) {
    count(Hook::Drop, Counter::Seen);
    let snaplen = SNAPLEN.load();
    let captured_len = if packet.linear < u64::from(snaplen) { packet.linear as u32 } else { snaplen };
    let captured_len = if captured_len < FRAME as u32 { captured_len } else { FRAME as u32 };
    if u64::from(captured_len) < packet.ip_len {
        count(Hook::Drop, Counter::Cut);
    }
    let outcome = write(skb, packet, captured_len, why);
    count(Hook::Drop, outcome);
}

#[inline(always)]
fn write(skb: Skb, packet: Dropped, captured_len: u32, why: DropRecord) -> Counter {
    let Some(mut slot) = PACKETS.reserve::<Slot>(0) else { return Counter::RingFull };
    let place = slot.as_mut_ptr();
    // As in `record`: one less than the length, read anew, then one more: never 0, never above.
    let mut last = captured_len.wrapping_sub(1);
    // SAFETY: a local variable.
    last = unsafe { read_volatile(&raw const last) };
    if last > FRAME as u32 - 1 {
        last = FRAME as u32 - 1;
    }
    // SAFETY: `place` is a reserved slot of this size; the helper writes `last + 1 <= FRAME` bytes of it, and checks the
    // address that it reads.
    let status = unsafe {
        bpf_probe_read_kernel(addr_of_mut!((*place).bytes).cast(), last + 1, packet.ip as *const core::ffi::c_void)
    };
    if status != 0 {
        slot.discard(NO_WAKEUP);
        return Counter::TooShort;
    }
    // SAFETY: `place` is a reserved slot.
    unsafe {
        fill(addr_of_mut!((*place).record), skb, packet.ip_len as u32, last + 1);
        (*place).why = why;
    }
    slot.submit(NO_WAKEUP);
    Counter::Emitted
}

/// # Safety
/// `record` must be valid for writing.
#[inline(always)]
unsafe fn fill(record: *mut PacketRecord, skb: Skb, wire_len: u32, captured_len: u32) {
    let (ifindex, netns) = skb.device();
    // SAFETY: `record` is valid for writing.
    unsafe {
        (*record).boot_ns = bpf_ktime_get_boot_ns();
        // Volatile: of two zeros beside each other the compiler makes a call of `memset`.
        addr_of_mut!((*record).cookie).write_volatile(0);
        addr_of_mut!((*record).cgroup_id).write_volatile(0);
        (*record).hop_id = skb.hop_id();
        (*record).wire_len = wire_len;
        (*record).captured_len = captured_len;
        (*record).ifindex = ifindex;
        // Volatile: otherwise the compiler keeps a value nowhere that it does not need, and reads it all the same, which
        // verifiers before 6.12 refuse.
        let place = addr_of_mut!((*record).socket_netns);
        place.write_volatile(netns);
        if place.read_volatile() == 0 {
            place.write_volatile(skb.socket_netns());
        }
        (*record).tgid = 0;
        (*record).uid = NO_UID;
        (*record).vlan_tci = 0;
        (*record).gso_size = 0;
        (*record).hook = Hook::Drop as u8;
        (*record).direction = 0;
        (*record).layer = Layer::Ip as u8;
        (*record).vlan_present = 0;
        #[expect(clippy::cast_ptr_alignment, reason = "the record is aligned to eight, and 64 bytes come before")]
        let comm = addr_of_mut!((*record).comm).cast::<u64>();
        comm.write_volatile(0);
        comm.add(1).write_volatile(0);
    }
}
