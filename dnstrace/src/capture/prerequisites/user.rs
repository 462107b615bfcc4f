//! What the user may do: Linux capabilities.

use super::{Host, REMEDY_PERMISSION, Row};

// include/uapi/linux/capability.h
const NET_ADMIN: u32 = 12;
const NET_RAW: u32 = 13;
const SYS_ADMIN: u32 = 21;
const SYS_RESOURCE: u32 = 24;
const PERFMON: u32 = 38;
const BPF: u32 = 39;

/// What the hooks need, and the capability that includes it (`kernel/bpf/syscall.c`).
const NEEDED: [(u32, Option<u32>, &str); 4] = [
    (BPF, Some(SYS_ADMIN), "BPF"),
    (PERFMON, Some(SYS_ADMIN), "PERFMON"),
    (NET_RAW, None, "NET_RAW"),
    (NET_ADMIN, Some(SYS_ADMIN), "NET_ADMIN"),
];

pub(super) fn capabilities(host: &Host) -> Row {
    const SUBJECT: &str = "capabilities";
    if host.host_user_namespace == Some(false) {
        return Row::missing(SUBJECT, "not in the host's user namespace")
            .because("the kernel gives eBPF to the host's users only", "in a pod: hostUsers: true");
    }
    let missing = NEEDED.iter().filter(|(capability, including, _)| !has(host, *capability, *including));
    let missing: Vec<&str> = missing.map(|(_, _, name)| *name).collect();
    match missing[..] {
        [] => Row::ok(SUBJECT, "BPF, PERFMON, NET_RAW, NET_ADMIN"),
        ["NET_ADMIN"] => Row::limited(SUBJECT, "no NET_ADMIN")
            .because("the socket hook cannot attach", "add the capability NET_ADMIN"),
        ["NET_RAW"] => {
            Row::limited(SUBJECT, "no NET_RAW").because("the device hook cannot attach", "add the capability NET_RAW")
        }
        _ => Row::missing(SUBJECT, format!("no {}", missing.join(", ")))
            .because("hooks cannot be loaded and attached", REMEDY_PERMISSION),
    }
}

pub(super) fn can_raise_limits(host: &Host) -> bool {
    has(host, SYS_RESOURCE, None)
}

pub(super) fn can_read_kernel_memory(host: &Host) -> bool {
    has(host, PERFMON, Some(SYS_ADMIN))
}

fn has(host: &Host, capability: u32, including: Option<u32>) -> bool {
    let held = host.capabilities.unwrap_or(0);
    let holds = |capability: u32| held & (1 << capability) != 0;
    holds(capability) || including.is_some_and(holds)
}

/// The effective set in the text of /proc/self/status.
pub(super) fn effective(status: &str) -> Option<u64> {
    let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}
