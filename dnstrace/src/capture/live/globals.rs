//! What the kernel half is told before it is loaded.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use aya::EbpfLoader;

use super::btf::Btf;

/// The kernel's types; absent on kernels built without `CONFIG_DEBUG_INFO_BTF`.
const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";

/// What needs kernel memory to be read: its name, and each member's global, structure and name. What belongs together
/// works together or not at all.
type Feature = (&'static str, Members);

const FEATURES: [Feature; 4] =
    [("hop ids", HOP_ID), ("the netns of sockets", SOCKET_NETNS), ("processes", PROCESS), (DROPS, DROP)];

/// What the `drop` hook cannot do without.
pub(super) const DROPS: &str = "what it drops";

type Members = &'static [(&'static str, &'static str, &'static str)];

const HOP_ID: Members = &[("SKB_HEAD", "sk_buff", "head")];

const SOCKET_NETNS: Members =
    &[("SKB_SK", "sk_buff", "sk"), ("SOCK_NET", "sock_common", "skc_net"), ("NET_INUM", "net", "ns")];

/// The buffer's start and a netns's number are among the features before.
const DROP: Members = &[
    ("SKB_PROTOCOL", "sk_buff", "protocol"),
    ("SKB_NETWORK_HEADER", "sk_buff", "network_header"),
    ("SKB_TAIL", "sk_buff", "tail"),
    ("SKB_DEV", "sk_buff", "dev"),
    ("DEV_IFINDEX", "net_device", "ifindex"),
    ("DEV_NET", "net_device", "nd_net"),
];

/// Arguments of the tracepoint `kfree_skb` that have a reason among them: packet, location, reason.
const KFREE_SKB_REASON: usize = 3;
const REASON_PREFIX: &str = "SKB_DROP_REASON_";

const PROCESS: Members = &[
    ("TASK_TGID", "task_struct", "tgid"),
    ("TASK_LEADER", "task_struct", "group_leader"),
    ("TASK_COMM", "task_struct", "comm"),
    ("TASK_NSPROXY", "task_struct", "nsproxy"),
    ("TASK_CGROUPS", "task_struct", "cgroups"),
    ("NSPROXY_NET", "nsproxy", "net_ns"),
    ("CSS_SET_CGROUP", "css_set", "dfl_cgrp"),
    ("CGROUP_KN", "cgroup", "kn"),
    ("KERNFS_ID", "kernfs_node", "id"),
];

/// Values of globals, kept while the loader borrows them.
pub(super) struct Globals {
    snaplen: u32,
    hop_key: u64,
    offsets: Vec<(&'static str, u32)>,
    has_reason: u32,
    /// Names of drop reasons.
    pub(super) reasons: HashMap<u32, Arc<str>>,
    /// Features this kernel's types do not allow.
    pub(super) unknown: Vec<&'static str>,
}

impl Globals {
    /// Reads the kernel's types. Without them everything but processes, netns and hop ids works.
    pub(super) fn read(snaplen: u32) -> Self {
        let bytes = std::fs::read(KERNEL_BTF).unwrap_or_default();
        let btf = Btf::parse(&bytes);
        let parameters = btf.as_ref().and_then(|btf| btf.parameters("btf_trace_kfree_skb")).unwrap_or(0);
        let mut globals = Self {
            snaplen,
            hop_key: RandomState::new().hash_one(0),
            offsets: Vec::new(),
            has_reason: u32::from(parameters >= KFREE_SKB_REASON),
            reasons: btf.as_ref().map(reasons).unwrap_or_default(),
            unknown: Vec::new(),
        };
        for (name, members) in FEATURES {
            match btf.as_ref().and_then(|btf| offsets(btf, members)) {
                Some(offsets) => globals.offsets.extend(offsets),
                None => globals.unknown.push(name),
            }
        }
        globals
    }

    /// Sets them all.
    pub(super) fn set<'a>(&'a self, loader: &mut EbpfLoader<'a>) {
        loader.override_global("SNAPLEN", &self.snaplen, true);
        loader.override_global("HOP_KEY", &self.hop_key, true);
        loader.override_global("DROP_HAS_REASON", &self.has_reason, true);
        for (name, offset) in &self.offsets {
            loader.override_global(name, offset, true);
        }
    }
}

/// Numbers differ between kernels.
fn reasons(btf: &Btf<'_>) -> HashMap<u32, Arc<str>> {
    let named = |(value, name): (u32, &str)| Some((value, name.strip_prefix(REASON_PREFIX)?.into()));
    btf.enumeration("skb_drop_reason").into_iter().filter_map(named).collect()
}

fn offsets(btf: &Btf<'_>, members: Members) -> Option<Vec<(&'static str, u32)>> {
    members.iter().map(|&(global, of, member)| Some((global, offset(btf, of, member)?))).collect()
}

fn offset(btf: &Btf<'_>, of: &str, member: &str) -> Option<u32> {
    let offset = btf.offset(of, member)?;
    // A netns's inode number is a member of its `struct ns_common`.
    Some(if (of, member) == ("net", "ns") { offset + btf.offset("ns_common", "inum")? } else { offset })
}
