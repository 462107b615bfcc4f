//! Hosts that lack something: what `dnstrace doctor` says of them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use dnstrace::capture::prerequisites::{self, Host, Row, State, Support};

const EVERYTHING: Support =
    Support { ring_buffer: Some(true), socket_filter: Some(true), cgroup_skb: Some(true), kernel_memory: Some(true) };

/// Files of a host on which nothing is missing.
const GOOD: &[(&str, &str)] = &[
    ("proc/sys/kernel/osrelease", "6.12.117+deb13-cloud-amd64\n"),
    ("proc/self/status", "Name:\tdnstrace\nCapEff:\t000001ffffffffff\n"),
    ("proc/self/limits", "Max locked memory         8388608              8388608              bytes     \n"),
    ("proc/mounts", "sysfs /sys sysfs rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,relatime 0 0\n"),
    ("proc/sys/net/core/netdev_budget", "300\n"),
    ("proc/sys/net/core/bpf_jit_enable", "1\n"),
    ("sys/kernel/btf/vmlinux", ""),
    ("sys/kernel/security/lockdown", "[none] integrity confidentiality\n"),
];

const GOOD_LINKS: &[(&str, &str)] =
    &[("proc/self/ns/user", "user:[4026531837]"), ("proc/self/ns/pid", "pid:[4026531836]")];

/// The good host with `files` written over its own; `None` removes one.
fn host(files: &[(&str, Option<&str>)], support: Support) -> Host {
    let root = tempfile::tempdir().unwrap();
    let at = |file: &str| {
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    for (file, text) in GOOD {
        fs::write(at(file), text).unwrap();
    }
    for (file, target) in GOOD_LINKS {
        symlink(target, at(file)).unwrap();
    }
    for (file, content) in files {
        let path = at(file);
        match content {
            None => fs::remove_file(path).unwrap(),
            Some(target) if path.is_symlink() => {
                fs::remove_file(&path).unwrap();
                symlink(target, path).unwrap();
            }
            Some(text) => fs::write(path, text).unwrap(),
        }
    }
    Host::read(root.path(), support)
}

/// Every row that is not ok, as `STATE SUBJECT: FOUND`.
fn complaints(host: &Host) -> Vec<String> {
    let rows = prerequisites::look(host);
    let bad: Vec<&Row> = rows.iter().filter(|row| row.state != State::Ok).collect();
    for row in &bad {
        assert!(!row.matters.is_empty() && !row.remedy.is_empty(), "{row:?} says neither cost nor remedy");
    }
    bad.iter().map(|row| format!("{:?} {}: {}", row.state, row.subject, row.found)).collect()
}

fn check(files: &[(&str, Option<&str>)], wanted: &[&str]) {
    assert_eq!(complaints(&host(files, EVERYTHING)), wanted);
}

#[test]
fn nothing_is_missing_on_a_good_host() {
    check(&[], &[]);
}

#[test]
fn kernels_without_a_ring_buffer_or_untested() {
    check(&[("proc/sys/kernel/osrelease", Some("5.4.0-200-generic\n"))], &["Missing kernel: 5.4.0-200-generic"]);
    check(&[("proc/sys/kernel/osrelease", Some("5.8.18\n"))], &["Limited kernel: 5.8.18"]);
    check(&[("proc/sys/kernel/osrelease", None)], &["Limited kernel: unknown"]);
}

const MEMORY: &str = "Missing locked memory: 8192 KiB";

#[test]
fn capabilities_of_the_user() {
    let with = |mask: &str| format!("CapEff:\t{mask}\n");
    let check = |mask: &str, wanted: &[&str]| check(&[("proc/self/status", Some(&with(mask)))], wanted);
    check("0000000000000000", &["Missing capabilities: no BPF, PERFMON, NET_RAW, NET_ADMIN"]);
    check("000000c000003000", &[]);
    check("0000000000203000", &[]);
    check("000000c000002000", &["Limited capabilities: no NET_ADMIN"]);
    check("000000c000001000", &["Limited capabilities: no NET_RAW"]);
    check("0000008000003000", &["Missing capabilities: no PERFMON"]);
}

#[test]
fn capabilities_of_another_user_namespace_do_not_count() {
    let elsewhere = [("proc/self/ns/user", Some("user:[4026532500]"))];
    check(&elsewhere, &["Missing capabilities: not in the host's user namespace"]);
}

#[test]
fn cgroup_v2_absent_hybrid_and_of_a_container() {
    let mounts = |text| [("proc/mounts", Some(text))];
    check(&mounts("cgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0\n"), &["Missing cgroup v2: not mounted"]);
    let hybrid = "cgroup /sys/fs/cgroup/pids cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
    let found = host(&mounts(hybrid), EVERYTHING).cgroup.unwrap();
    assert_eq!((found.path.as_path(), found.hybrid, found.root), (Path::new("/sys/fs/cgroup/unified"), true, true));
    check(
        &[("sys/fs/cgroup/cgroup.type", Some("domain\n"))],
        &["Limited cgroup v2: /sys/fs/cgroup is not the root of the hierarchy"],
    );
}

#[test]
fn namespaces_of_a_pod() {
    let netns = [("proc/sys/net/core/netdev_budget", None), ("proc/sys/net/core/bpf_jit_enable", None)];
    check(&netns, &["Limited netns: not the host's"]);
    check(&[("proc/self/ns/pid", Some("pid:[4026532501]"))], &["Limited PID namespace: not the host's"]);
}

#[test]
fn locked_memory_counts_before_5_11() {
    let old = ("proc/sys/kernel/osrelease", Some("5.10.0-32-cloud-amd64\n"));
    let raisable = ("proc/self/status", Some("CapEff:\t000001ffffffffff\n"));
    let not_raisable = ("proc/self/status", Some("CapEff:\t000000c000003000\n"));
    let unlimited = ("proc/self/limits", Some("Max locked memory         unlimited            unlimited  bytes\n"));
    check(&[old, raisable], &[]);
    check(&[old, not_raisable], &[MEMORY]);
    check(&[old, not_raisable, unlimited], &[]);
}

#[test]
fn what_the_kernel_keeps_to_itself() {
    check(
        &[("sys/kernel/security/lockdown", Some("none integrity [confidentiality]\n"))],
        &["Limited lockdown: confidentiality"],
    );
    check(&[("sys/kernel/btf/vmlinux", None)], &["Limited BTF: no /sys/kernel/btf/vmlinux"]);
    check(&[("proc/sys/net/core/bpf_jit_enable", Some("0\n"))], &["Limited eBPF JIT: off"]);
    check(&[("proc/sys/net/core/bpf_jit_enable", None)], &["Limited eBPF JIT: none in this kernel"]);
}

#[test]
fn a_kernel_that_does_not_support_something() {
    let check = |support, wanted: &[&str]| assert_eq!(complaints(&host(&[], support)), wanted);
    check(Support { ring_buffer: Some(false), ..EVERYTHING }, &["Missing ring buffer: not supported"]);
    check(Support { cgroup_skb: Some(false), ..EVERYTHING }, &["Limited program types: no cgroup_skb"]);
    check(Support { socket_filter: Some(false), ..EVERYTHING }, &["Missing program types: no socket filter"]);
    check(Support { kernel_memory: Some(false), ..EVERYTHING }, &["Limited kernel memory: not readable by eBPF"]);
}

#[test]
fn a_kernel_that_does_not_let_us_ask() {
    let wanted =
        ["Missing ring buffer: not told", "Missing program types: not told", "Limited kernel memory: not told"];
    assert_eq!(complaints(&host(&[], Support::default())), wanted);
}
