//! The hooks: which packets they are given, how the common ones are read in one load, and where the rest goes.

pub(crate) mod device;
pub(crate) mod drop;
pub(crate) mod socket;

use aya_ebpf::programs::SkBuffContext;
use dnstrace_ebpf::{Direction, Hook};

use crate::emit;
use crate::parse::Parsed;

/// Which hook is running, and for which way of the packet.
#[derive(Clone, Copy)]
pub(crate) struct Site {
    pub(crate) hook: Hook,
    pub(crate) direction: Direction,
}

/// What both programs of a hook end with: nothing, a counter, or a packet record.
#[inline(always)]
fn end(ctx: &SkBuffContext, site: Site, parsed: Parsed) {
    match parsed {
        Parsed::Ignored | Parsed::Unusual => {}
        Parsed::Lost(counter) => emit::lost(site.hook, counter),
        Parsed::Found(layers) => emit::packet(ctx, site, &layers),
    }
}
