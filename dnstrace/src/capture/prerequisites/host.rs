//! Facts of kernel and host, read below a root folder so that a test can pass in any host it likes.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::{
    NOT_KNOWN, REMEDY_BTF, REMEDY_CGROUP, REMEDY_KERNEL, REMEDY_LOCKED_MEMORY, REMEDY_SYMBOLS, Row, Support, user,
};

/// What is known of the host; `None` is a fact that could not be read.
#[derive(Clone, Debug)]
pub struct Host {
    /// Kernel release as `uname -r` gives it.
    pub release: Option<String>,
    /// Effective capabilities of this process, a bit each.
    pub capabilities: Option<u64>,
    /// Whether they count on the host: this is the host's user namespace.
    pub host_user_namespace: Option<bool>,
    /// Whether the kernel describes its types.
    pub btf: bool,
    /// Where cgroup v2 is mounted.
    pub cgroup: Option<CgroupMount>,
    /// Whether this is the host's netns.
    pub host_netns: bool,
    /// Whether this is the host's PID namespace.
    pub host_pid_namespace: Option<bool>,
    /// Soft limit of locked memory in bytes, `u64::MAX` is none.
    pub locked_memory: Option<u64>,
    /// What the kernel keeps even from root: `none`, `integrity`, `confidentiality`.
    pub lockdown: Option<String>,
    /// Whether eBPF programs are compiled to machine code.
    pub jit: Option<bool>,
    /// Whether the kernel tells where its functions lie.
    pub symbols: bool,
    /// What the kernel's eBPF answered.
    pub support: Support,
}

/// A mounted cgroup v2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CgroupMount {
    /// Its mount point.
    pub path: PathBuf,
    /// Whether cgroup v1 controllers are mounted beside it.
    pub hybrid: bool,
    /// Whether it is the root of the hierarchy, not what a container is shown of it.
    pub root: bool,
}

impl Host {
    /// Reads the facts below `root`, which is `/` but in tests.
    #[must_use]
    pub fn read(root: &Path, support: Support) -> Self {
        let read = |file: &str| fs::read_to_string(root.join(file)).ok();
        let link = |file: &str| fs::read_link(root.join(file)).ok();
        let status = read("proc/self/status").unwrap_or_default();
        Self {
            release: read("proc/sys/kernel/osrelease").map(|release| release.trim().to_owned()),
            capabilities: user::effective(&status),
            host_user_namespace: link("proc/self/ns/user").map(|name| name == Path::new(INITIAL_USER_NAMESPACE)),
            btf: root.join("sys/kernel/btf/vmlinux").exists(),
            cgroup: CgroupMount::find(root, &read("proc/mounts").unwrap_or_default()),
            host_netns: root.join(ONLY_IN_HOST_NETNS).exists(),
            host_pid_namespace: link("proc/self/ns/pid").map(|name| name == Path::new(INITIAL_PID_NAMESPACE)),
            locked_memory: read("proc/self/limits").and_then(|limits| locked_memory_limit(&limits)),
            lockdown: read("sys/kernel/security/lockdown").and_then(|modes| chosen(&modes)),
            jit: read("proc/sys/net/core/bpf_jit_enable").map(|enabled| enabled.trim() != "0"),
            symbols: tells_symbols(&root.join("proc/kallsyms")),
            support,
        }
    }

    /// Major and minor version of the kernel.
    #[must_use]
    pub fn version(&self) -> Option<(u32, u32)> {
        let mut numbers = self.release.as_deref()?.split(|letter: char| !letter.is_ascii_digit());
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }
}

// include/linux/proc_ns.h: the namespaces of the first process have fixed inodes (PROC_*_INIT_INO).
const INITIAL_USER_NAMESPACE: &str = "user:[4026531837]";
const INITIAL_PID_NAMESPACE: &str = "pid:[4026531836]";

/// `net/core/sysctl_net_core.c`: this table is registered for the initial netns only, and `/proc/sys/net` shows the
/// reader's netns. Comparing with process 1 would need its PID namespace and the right to trace it.
const ONLY_IN_HOST_NETNS: &str = "proc/sys/net/core/netdev_budget";

/// So many lines of `/proc/kallsyms`, which has some megabytes, tell: on x86 the first are of one CPU's memory, which begins
/// at 0, and some follow at once that are not.
const SYMBOLS_LOOKED_AT: usize = 64;

/// Whether addresses are told there: `kernel.kptr_restrict` makes them all 0.
pub(in crate::capture) fn tells_symbols(kallsyms: &Path) -> bool {
    let lines = File::open(kallsyms).map(|file| BufReader::new(file).lines().take(SYMBOLS_LOOKED_AT));
    let told = |line: String| line.split(' ').next().is_some_and(|address| address.bytes().any(|digit| digit != b'0'));
    lines.is_ok_and(|mut lines| lines.any(|line| line.is_ok_and(told)))
}

impl CgroupMount {
    /// The one of this host.
    #[must_use]
    pub fn of_this_host() -> Option<Self> {
        Self::find(Path::new("/"), &fs::read_to_string("/proc/mounts").ok()?)
    }

    /// The first cgroup v2 in `mounts`, the text of /proc/mounts.
    #[must_use]
    pub fn find(root: &Path, mounts: &str) -> Option<Self> {
        let of_kind = |wanted: &'static str| {
            let words = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
            words.filter_map(move |words| (words.get(2) == Some(&wanted)).then(|| words[1].to_owned()))
        };
        let path = PathBuf::from(of_kind("cgroup2").next()?);
        let below_root = root.join(path.strip_prefix("/").unwrap_or(&path));
        // kernel/cgroup/cgroup.c: the root of the hierarchy has no `cgroup.type` (CFTYPE_NOT_ON_ROOT).
        let is_root = !below_root.join("cgroup.type").exists();
        Some(Self { path, hybrid: of_kind("cgroup").next().is_some(), root: is_root })
    }
}

/// Soft limit in the text of /proc/self/limits.
fn locked_memory_limit(limits: &str) -> Option<u64> {
    let words = limits.lines().find_map(|line| line.strip_prefix("Max locked memory"))?;
    match words.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        bytes => bytes.parse().ok(),
    }
}

/// The word in brackets of `none [integrity] confidentiality`.
fn chosen(modes: &str) -> Option<String> {
    let (_, rest) = modes.split_once('[')?;
    Some(rest.split_once(']')?.0.to_owned())
}

/// Since 5.8 there are ring buffers and `CAP_BPF`; 5.10 is the oldest that is tested.
const OLDEST: (u32, u32) = (5, 8);
const OLDEST_TESTED: (u32, u32) = (5, 10);

pub(super) fn kernel(host: &Host) -> Row {
    const SUBJECT: &str = "kernel";
    let found = host.release.clone().unwrap_or_else(|| "unknown".into());
    match host.version() {
        Some(version) if version >= OLDEST_TESTED => Row::ok(SUBJECT, found),
        Some(version) if version < OLDEST => {
            Row::missing(SUBJECT, found).because("it has no eBPF ring buffer", REMEDY_KERNEL)
        }
        _ => Row::limited(SUBJECT, found).because("nobody tests dnstrace on it", REMEDY_KERNEL),
    }
}

pub(super) fn btf(host: &Host) -> Row {
    const SUBJECT: &str = "BTF";
    if host.btf {
        return Row::ok(SUBJECT, "/sys/kernel/btf/vmlinux");
    }
    Row::limited(SUBJECT, "no /sys/kernel/btf/vmlinux").because(NOT_KNOWN, REMEDY_BTF)
}

pub(super) fn cgroup(host: &Host) -> Row {
    const SUBJECT: &str = "cgroup v2";
    let Some(mount) = &host.cgroup else {
        return Row::missing(SUBJECT, "not mounted").because("the socket hook has nothing to attach to", REMEDY_CGROUP);
    };
    let place = mount.path.display();
    if !mount.root {
        return Row::limited(SUBJECT, format!("{place} is not the root of the hierarchy")).because(
            "the socket hook sees this container only",
            "mount the host's /sys/fs/cgroup (in a pod: hostPath), or use the host's cgroup namespace",
        );
    }
    Row::ok(SUBJECT, if mount.hybrid { format!("{place} (hybrid: v1 beside it)") } else { place.to_string() })
}

pub(super) fn netns(host: &Host) -> Row {
    const SUBJECT: &str = "netns";
    if host.host_netns {
        return Row::ok(SUBJECT, "the host's");
    }
    Row::limited(SUBJECT, "not the host's").because(
        "the device hook sees the interfaces of this netns only",
        "run in the host's netns: hostNetwork: true, or nsenter --net=/proc/1/ns/net",
    )
}

pub(super) fn pid_namespace(host: &Host) -> Row {
    const SUBJECT: &str = "PID namespace";
    if host.host_pid_namespace == Some(true) {
        return Row::ok(SUBJECT, "the host's");
    }
    Row::limited(SUBJECT, if host.host_pid_namespace.is_some() { "not the host's" } else { "unknown" }).because(
        "process ids are the host's and mean nothing here",
        "run in the host's PID namespace: hostPID: true, or nsenter --pid=/proc/1/ns/pid",
    )
}

/// Up to 5.10 eBPF maps count as locked memory of the user.
const LOCKED_MEMORY_COUNTS_BEFORE: (u32, u32) = (5, 11);
/// The default ring buffer with the other maps.
const LOCKED_MEMORY_NEEDED: u64 = 32 << 20;

pub(super) fn locked_memory(host: &Host) -> Row {
    const SUBJECT: &str = "locked memory";
    if host.version().is_some_and(|version| version >= LOCKED_MEMORY_COUNTS_BEFORE) {
        return Row::ok(SUBJECT, "not limited for eBPF on this kernel");
    }
    match host.locked_memory {
        Some(u64::MAX) => Row::ok(SUBJECT, "unlimited"),
        Some(bytes) if bytes >= LOCKED_MEMORY_NEEDED => Row::ok(SUBJECT, format!("{} KiB", bytes >> 10)),
        _ if user::can_raise_limits(host) => Row::ok(SUBJECT, "limit can be raised"),
        Some(bytes) => Row::missing(SUBJECT, format!("{} KiB", bytes >> 10))
            .because("the ring buffer does not fit in", REMEDY_LOCKED_MEMORY),
        None => Row::limited(SUBJECT, "unknown").because("the ring buffer may not fit in", REMEDY_LOCKED_MEMORY),
    }
}

pub(super) fn lockdown(host: &Host) -> Row {
    const SUBJECT: &str = "lockdown";
    match host.lockdown.as_deref() {
        Some("confidentiality") => {
            Row::limited(SUBJECT, "confidentiality").because(NOT_KNOWN, "boot with lockdown=integrity")
        }
        Some(mode) => Row::ok(SUBJECT, mode),
        None => Row::ok(SUBJECT, "none told"),
    }
}

pub(super) fn jit(host: &Host) -> Row {
    const SUBJECT: &str = "eBPF JIT";
    match (host.jit, host.host_netns) {
        (Some(true), _) => Row::ok(SUBJECT, "on"),
        (Some(false), _) => Row::limited(SUBJECT, "off")
            .because("each packet costs several times as much", "sysctl net.core.bpf_jit_enable=1"),
        // The setting is shown in the host's netns only.
        (None, false) => Row::ok(SUBJECT, "not told in this netns"),
        (None, true) => Row::limited(SUBJECT, "none in this kernel")
            .because("each packet costs several times as much", "use a kernel built with CONFIG_BPF_JIT=y"),
    }
}

/// The first kernel whose tracepoint `kfree_skb` has a reason.
const DROP_REASONS_SINCE: (u32, u32) = (5, 17);

pub(super) fn drops(host: &Host) -> Row {
    const SUBJECT: &str = "drops";
    let reasons = host.version().is_none_or(|version| version >= DROP_REASONS_SINCE);
    match (reasons, host.symbols) {
        (true, true) => Row::ok(SUBJECT, "with reason and kernel function"),
        (_, false) => Row::limited(SUBJECT, "kernel functions are hidden")
            .because("it is not known where the kernel drops a packet", REMEDY_SYMBOLS),
        (false, true) => Row::limited(SUBJECT, "with kernel function, without reason")
            .because("reasons are NOT_SPECIFIED", "use Linux 5.17 or newer"),
    }
}
