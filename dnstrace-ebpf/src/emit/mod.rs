//! A packet that is ours to a packet record in the ring buffer, or to the counter that says why not.

mod attribution;
mod kernel;
mod record;

use aya_ebpf::programs::SkBuffContext;
use dnstrace_ebpf::{Counter, Hook};

use crate::hook::Site;
use crate::maps::{SNAPLEN, count};
use crate::parse::{Head, Layers, TCP, skb};

/// Counts a packet whose ports could not be read.
#[inline(always)]
pub(crate) fn lost(hook: Hook, why: Counter) {
    count(hook, Counter::Seen);
    count(hook, why);
}

/// Gives a packet to user space, unless it says nothing.
#[inline(always)]
pub(crate) fn packet(ctx: &SkBuffContext, site: Site, layers: &Layers) {
    count(site.hook, Counter::Seen);
    if layers.protocol == TCP {
        match segment(ctx, layers) {
            Some(segment) if segment.says_something() => {}
            Some(_) => return count(site.hook, Counter::NoPayload),
            None => return count(site.hook, Counter::TooShort),
        }
    }
    let wire_len = skb(ctx).len;
    let snaplen = SNAPLEN.load();
    let captured_len = if wire_len < snaplen { wire_len } else { snaplen };
    if captured_len < wire_len {
        count(site.hook, Counter::Cut);
    }
    let socket = attribution::socket(ctx, site, layers.protocol);
    let outcome = record::write(ctx, site, layers, captured_len, &socket);
    count(site.hook, outcome);
}

/// What decides whether a TCP segment is worth a record.
struct Segment {
    header_end: u32,
    end: u32,
    flags: u16,
}

/// FIN, SYN, RST (RFC 9293, 3.1): where a stream begins and ends.
const BOUNDARY: u16 = 0x07;

impl Segment {
    #[inline(always)]
    fn says_something(&self) -> bool {
        self.header_end < self.end || self.flags & BOUNDARY != 0
    }
}

#[inline(always)]
fn segment(ctx: &SkBuffContext, layers: &Layers) -> Option<Segment> {
    let head = Head::<2>::load(ctx, layers.transport.wrapping_add(12))?;
    let flags = head.u16(0);
    let header_end = layers.transport.wrapping_add(u32::from(flags >> 12) * 4);
    Some(Segment { header_end, end: layers.end, flags })
}
