//! The kernel half: one short function per hook. Every program returns its constant on every path, so that no packet is
//! ever held back: 1 lets a socket's packet pass, 0 keeps nothing on the capture socket.
//!
//! ```text
//! hook/   attached here: read ports in one load -> parse/ what is unusual -> emit/ a packet record, or a counter
//! ```
//!
//! Each hook is two programs. The first reads the common case in one load and calls the second, by tail call, for the
//! rest (VLAN in band, IP options, extension headers, no Ethernet header): verifiers before 6.12 follow both at once
//! and give up.

#![cfg_attr(target_arch = "bpf", no_std, no_main)]
#![cfg_attr(target_arch = "bpf", expect(internal_features, reason = "the only atomic addition this target has"))]
#![cfg_attr(target_arch = "bpf", feature(core_intrinsics))]
#![cfg_attr(
    target_arch = "bpf",
    expect(clippy::inline_always, reason = "a hook is one function: old verifiers know little across calls")
)]
#![cfg_attr(
    target_arch = "bpf",
    expect(
        clippy::cast_possible_truncation,
        reason = "sizes are constants, and the kernel widens 16-bit members to 32"
    )
)]

#[cfg(not(target_arch = "bpf"))]
fn main() {}

#[cfg(target_arch = "bpf")]
mod emit;
#[cfg(target_arch = "bpf")]
mod hook;
#[cfg(target_arch = "bpf")]
mod kernel;
#[cfg(target_arch = "bpf")]
mod maps;
#[cfg(target_arch = "bpf")]
mod parse;

#[cfg(target_arch = "bpf")]
#[expect(clippy::needless_pass_by_value, reason = "aya's macros hand the context over by value")]
mod programs {
    use aya_ebpf::macros::{cgroup_skb, raw_tracepoint, socket_filter};
    use aya_ebpf::programs::{RawTracePointContext, SkBuffContext};
    use dnstrace_ebpf::Direction;

    use crate::hook::{device, drop, socket};

    /// The socket goes on as if nobody looked.
    const LET_PASS: i32 = 1;
    /// The capture socket itself receives nothing; packets leave through the ring buffer.
    const KEEP_NOTHING: i64 = 0;
    /// What a tracepoint's program returns means nothing.
    const NOBODY_LOOKS: i32 = 0;

    #[cgroup_skb(ingress)]
    fn socket_in(ctx: SkBuffContext) -> i32 {
        socket::common(&ctx, Direction::In);
        LET_PASS
    }

    #[cgroup_skb(egress)]
    fn socket_out(ctx: SkBuffContext) -> i32 {
        socket::common(&ctx, Direction::Out);
        LET_PASS
    }

    #[socket_filter]
    fn device(ctx: SkBuffContext) -> i64 {
        device::common(&ctx);
        KEEP_NOTHING
    }

    #[cgroup_skb(ingress)]
    fn socket_in_slow(ctx: SkBuffContext) -> i32 {
        socket::unusual(&ctx, Direction::In);
        LET_PASS
    }

    #[cgroup_skb(egress)]
    fn socket_out_slow(ctx: SkBuffContext) -> i32 {
        socket::unusual(&ctx, Direction::Out);
        LET_PASS
    }

    #[socket_filter]
    fn device_slow(ctx: SkBuffContext) -> i64 {
        device::unusual(&ctx);
        KEEP_NOTHING
    }

    #[raw_tracepoint(tracepoint = "kfree_skb")]
    fn drop(ctx: RawTracePointContext) -> i32 {
        drop::dropped(&ctx);
        NOBODY_LOOKS
    }

    /// Helpers that read kernel memory are for GPL-compatible programs.
    #[unsafe(no_mangle)]
    #[unsafe(link_section = "license")]
    static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
}

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
