//! `drop`: the raw tracepoint `kfree_skb` sees what the kernel throws away, in every netns, and why.
//!
//! What is merely used up is freed through `consume_skb`, another tracepoint. What a socket still held when it was closed
//! comes here, too: user space tells it by its location, which is no number that could be compared here.

use aya_ebpf::programs::RawTracePointContext;
use dnstrace_ebpf::DropRecord;

use crate::emit;
use crate::kernel::Skb;
use crate::maps::DROP_HAS_REASON;
use crate::parse::{self, FOUND, IGNORED, LOST};

/// The arguments of the tracepoint (include/trace/events/skb.h); the reason from 5.17 on.
const SKB: usize = 0;
const LOCATION: usize = 1;
const REASON: usize = 2;

/// The headers lie in the linear part: read where they are, one read for IP header and ports.
#[inline(always)]
pub(crate) fn dropped(ctx: &RawTracePointContext) {
    let skb = Skb(ctx.arg::<u64>(SKB));
    let packet = parse::dropped(skb);
    if packet.fate == IGNORED {
        return;
    }
    if packet.fate != FOUND {
        return emit::not_read(packet.fate - LOST);
    }
    // Where the kernel has no such argument, the verifier knows that this is never read.
    let reason = if DROP_HAS_REASON.load() == 0 { 0 } else { ctx.arg::<u32>(REASON) };
    emit::dropped(skb, packet, DropRecord { location: ctx.arg::<u64>(LOCATION), reason, reserved: 0 });
}
