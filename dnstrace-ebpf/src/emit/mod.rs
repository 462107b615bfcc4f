//! A packet that is ours to a packet record in the ring buffer, or to the counter that says why not.

mod attribution;
mod dropped;
mod record;

use aya_ebpf::programs::SkBuffContext;
use dnstrace_ebpf::{Counter, Hook};

use self::attribution::Sender;
pub(crate) use self::dropped::{dropped, not_read};
use crate::hook::Site;
use crate::maps::{SNAPLEN, count};
use crate::parse::{Head, Layers, TCP, UDP, skb};

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
    let mut sender = Sender::Running;
    if layers.protocol == TCP {
        let Some(segment) = segment(ctx, layers) else { return count(site.hook, Counter::TooShort) };
        if !segment.says_something() {
            return count(site.hook, Counter::NoPayload);
        }
        sender = segment.sender();
    } else if layers.protocol != UDP {
        // The kernel sends ICMP errors by itself.
        sender = Sender::Known;
    }
    let wire_len = skb(ctx).len;
    let snaplen = SNAPLEN.load();
    let captured_len = if wire_len < snaplen { wire_len } else { snaplen };
    if captured_len < wire_len {
        count(site.hook, Counter::Cut);
    }
    let socket = attribution::socket(ctx, site, sender);
    let outcome = record::write(ctx, site, layers, captured_len, &socket);
    #[cfg(feature = "log")]
    aya_log_ebpf::debug!(
        ctx,
        "hook {} direction {} ifindex {}: {} of {} bytes, outcome {}",
        site.hook as u8,
        site.direction as u8,
        skb(ctx).ifindex,
        captured_len,
        wire_len,
        outcome as u32
    );
    count(site.hook, outcome);
}

/// What decides whether a TCP segment is worth a record.
struct Segment {
    header_end: u32,
    end: u32,
    flags: u16,
}

/// Flags of RFC 9293, 3.1.
const FIN: u16 = 0x01;
const SYN: u16 = 0x02;
const RST: u16 = 0x04;
const ACK: u16 = 0x10;

impl Segment {
    #[inline(always)]
    fn says_something(&self) -> bool {
        self.has_payload() || self.flags & (FIN | SYN | RST) != 0
    }

    /// The kernel answers by itself with SYN and ACK, with RST, and with what an ACK lets go: whoever runs then has
    /// nothing to do with it. A process connects, and it writes.
    #[inline(always)]
    fn sender(&self) -> Sender {
        let connects = self.flags & (SYN | ACK) == SYN;
        if connects || self.has_payload() { Sender::RunningUnlessKnown } else { Sender::Known }
    }

    #[inline(always)]
    fn has_payload(&self) -> bool {
        self.header_end < self.end
    }
}

#[inline(always)]
fn segment(ctx: &SkBuffContext, layers: &Layers) -> Option<Segment> {
    let head = Head::<2>::load(ctx, layers.transport.wrapping_add(12))?;
    let flags = head.u16(0);
    let header_end = layers.transport.wrapping_add(u32::from(flags >> 12) * 4);
    Some(Segment { header_end, end: layers.end, flags })
}
