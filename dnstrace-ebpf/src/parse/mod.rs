//! Where the transport header of a packet is, and whether its ports are watched.

mod common;
mod dropped;
mod rejected;
mod unusual;

use core::mem::MaybeUninit;

use aya_ebpf::bindings::__sk_buff;
use aya_ebpf::helpers::generated::{bpf_probe_read_kernel, bpf_skb_load_bytes};
use aya_ebpf::programs::SkBuffContext;
use dnstrace_ebpf::{Counter, Layer};

pub(crate) use common::{Network, common_ipv4, common_ipv6};
pub(crate) use dropped::{Dropped, FOUND, IGNORED, LOST, dropped};
pub(crate) use unusual::{frame, packet};

pub(crate) const ETHERNET_LEN: u32 = 14;

/// EtherTypes (IEEE 802 numbers).
pub(crate) const IPV4: u16 = 0x0800;
pub(crate) const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100;
const SERVICE_VLAN: u16 = 0x88a8;
const OLD_QINQ: u16 = 0x9100;

/// IP protocol numbers.
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// IP header and ports, when nothing is between them.
pub(crate) const IPV4_HEAD: usize = 24;
pub(crate) const IPV6_HEAD: usize = 44;

/// What became of a packet.
#[derive(Clone, Copy)]
pub(crate) enum Parsed {
    /// Not ours: not UDP or TCP, nor an ICMP error that quotes them, or no watched port.
    Ignored,
    /// Ours perhaps, but not of the common form.
    Unusual,
    /// Its ports could not be read.
    Lost(Counter),
    /// From or to a watched port, or an ICMP error that quotes such a packet.
    Found(Layers),
}

/// Offsets from the first byte the hook sees.
#[derive(Clone, Copy)]
pub(crate) struct Layers {
    /// Transport header, or that of an ICMP error.
    pub(crate) transport: u32,
    /// End of the IP packet; what follows is the link's padding.
    pub(crate) end: u32,
    /// IP protocol number: that of UDP, TCP, or ICMP for both of its versions.
    pub(crate) protocol: u8,
    /// What the first byte belongs to.
    pub(crate) layer: Layer,
}

/// The first bytes of a packet, read with one helper call into memory that nobody had to clear before.
pub(crate) struct Head<const LEN: usize>(MaybeUninit<Aligned<LEN>>);

#[repr(C, align(8))]
struct Aligned<const LEN: usize>([u8; LEN]);

impl<const LEN: usize> Head<LEN> {
    #[inline(always)]
    pub(crate) fn load(ctx: &SkBuffContext, offset: u32) -> Option<Self> {
        let mut head = MaybeUninit::<Aligned<LEN>>::uninit();
        // SAFETY: the helper writes `LEN` bytes or fails.
        let status = unsafe { bpf_skb_load_bytes(ctx.skb.skb.cast(), offset, head.as_mut_ptr().cast(), LEN as u32) };
        (status == 0).then_some(Self(head))
    }

    /// The same from kernel memory.
    #[inline(always)]
    pub(crate) fn load_at(address: u64) -> Option<Self> {
        let mut head = MaybeUninit::<Aligned<LEN>>::uninit();
        // SAFETY: the helper writes `LEN` bytes or fails; it checks the address itself.
        let status = unsafe { bpf_probe_read_kernel(head.as_mut_ptr().cast(), LEN as u32, address as *const _) };
        (status == 0).then_some(Self(head))
    }

    #[inline(always)]
    pub(crate) fn u8(&self, at: usize) -> u8 {
        debug_assert!(at < LEN);
        // SAFETY: `load` filled all `LEN` bytes, and callers give constants below it.
        unsafe { self.0.as_ptr().cast::<u8>().add(at).read() }
    }

    /// A number in network byte order, at an even offset.
    #[inline(always)]
    #[expect(clippy::cast_ptr_alignment, reason = "the array is aligned to eight, and the offset is even")]
    pub(crate) fn u16(&self, at: usize) -> u16 {
        debug_assert!(at + 1 < LEN && at.is_multiple_of(2));
        // SAFETY: as for `u8`, and aligned.
        u16::from_be(unsafe { self.0.as_ptr().cast::<u8>().add(at).cast::<u16>().read() })
    }
}

/// The EtherType the kernel keeps for the packet, a tag that the device took off left out.
#[inline(always)]
pub(crate) fn protocol(ctx: &SkBuffContext) -> u16 {
    let protocol = skb(ctx).protocol;
    u16::from_be(protocol as u16)
}

#[inline(always)]
pub(crate) fn is_vlan(protocol: u16) -> bool {
    matches!(protocol, VLAN | SERVICE_VLAN | OLD_QINQ)
}

/// The program's view of the packet.
#[inline(always)]
pub(crate) fn skb(ctx: &SkBuffContext) -> &__sk_buff {
    // SAFETY: the context is valid while the program runs, and nothing here writes it.
    unsafe { &*ctx.skb.skb }
}
