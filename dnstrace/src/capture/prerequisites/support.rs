//! What the kernel's eBPF supports: asked by loading programs of two instructions.

use aya::maps::MapType;
use aya::programs::ProgramType;
use aya::sys::{BpfHelper, is_helper_supported, is_map_supported, is_program_supported};

use super::{Host, NOT_KNOWN, REMEDY_KERNEL, REMEDY_PERMISSION, Row, user};

/// The kernel's answer; `None` when it would not say.
pub type Supported = Option<bool>;

/// What the kernel's eBPF answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Support {
    /// Ring buffers.
    pub ring_buffer: Supported,
    /// Socket filters, for the `device` hook.
    pub socket_filter: Supported,
    /// `cgroup_skb` programs, for the `socket` hook.
    pub cgroup_skb: Supported,
    /// The hooks can read kernel memory.
    pub kernel_memory: Supported,
}

impl Support {
    /// Asks the kernel.
    #[must_use]
    pub fn probe() -> Self {
        let helper = |helper| is_helper_supported(ProgramType::CgroupSkb, helper).ok();
        Self {
            ring_buffer: is_map_supported(MapType::RingBuf).ok(),
            socket_filter: is_program_supported(ProgramType::SocketFilter).ok(),
            cgroup_skb: is_program_supported(ProgramType::CgroupSkb).ok(),
            kernel_memory: both(
                helper(BpfHelper::BPF_FUNC_get_current_task),
                helper(BpfHelper::BPF_FUNC_probe_read_kernel),
            ),
        }
    }
}

fn both(one: Supported, other: Supported) -> Supported {
    Some(one? && other?)
}

pub(super) fn ring_buffer(host: &Host) -> Row {
    const SUBJECT: &str = "ring buffer";
    match host.support.ring_buffer {
        Some(true) => Row::ok(SUBJECT, "supported"),
        Some(false) => Row::missing(SUBJECT, "not supported").because("packets have no way out", REMEDY_KERNEL),
        None => Row::missing(SUBJECT, "not told").because("the kernel does not let us ask", REMEDY_PERMISSION),
    }
}

pub(super) fn programs(host: &Host) -> Row {
    const SUBJECT: &str = "program types";
    const CGROUP: &str = "use a kernel built with CONFIG_CGROUP_BPF=y";
    match (host.support.socket_filter, host.support.cgroup_skb) {
        (Some(true), Some(true)) => Row::ok(SUBJECT, "socket filter, cgroup_skb"),
        (Some(true), Some(false)) => {
            Row::limited(SUBJECT, "no cgroup_skb").because("the socket hook cannot attach", CGROUP)
        }
        (Some(false), _) => Row::missing(SUBJECT, "no socket filter")
            .because("the device hook cannot attach", "use a kernel built with CONFIG_BPF_SYSCALL=y"),
        _ => Row::missing(SUBJECT, "not told").because("the kernel does not let us ask", REMEDY_PERMISSION),
    }
}

pub(super) fn kernel_memory(host: &Host) -> Row {
    const SUBJECT: &str = "kernel memory";
    match host.support.kernel_memory {
        Some(true) => Row::ok(SUBJECT, "readable by eBPF"),
        Some(false) if !user::can_read_kernel_memory(host) => {
            Row::limited(SUBJECT, "not readable without PERFMON").because(NOT_KNOWN, "add the capability PERFMON")
        }
        Some(false) => Row::limited(SUBJECT, "not readable by eBPF").because(NOT_KNOWN, REMEDY_KERNEL),
        None => Row::limited(SUBJECT, "not told").because("the kernel does not let us ask", REMEDY_PERMISSION),
    }
}
