//! `dnstrace doctor`: what it says of hosts that lack something, and of this one.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use dnstrace::capture::prerequisites::{self, Host, Row, State, Support};
use dnstrace_tests::product;
use dnstrace_tests::skip::{is_root, skip};

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
    ("proc/kallsyms", "ffffffff81000000 T _stext\n"),
    ("sys/kernel/btf/vmlinux", ""),
    ("sys/kernel/security/lockdown", "[none] integrity confidentiality\n"),
];

const GOOD_LINKS: &[(&str, &str)] =
    &[("proc/self/ns/user", "user:[4026531837]"), ("proc/self/ns/pid", "pid:[4026531836]")];

/// The good host with `files` written over its own; `None` removes one.
fn host(files: &[(&str, Option<&str>)], support: Support) -> Result<Host> {
    let root = tempfile::tempdir()?;
    for (file, text) in GOOD {
        replace(&root.path().join(file), Some(text))?;
    }
    for (file, target) in GOOD_LINKS {
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().context("no folder")?)?;
        symlink(target, path)?;
    }
    for (file, content) in files {
        replace(&root.path().join(file), *content)?;
    }
    Ok(Host::read(root.path(), support))
}

/// A link stays a link.
fn replace(path: &Path, content: Option<&str>) -> Result<()> {
    fs::create_dir_all(path.parent().context("no folder")?)?;
    let link = path.is_symlink();
    if path.exists() || link {
        fs::remove_file(path)?;
    }
    match content {
        None => {}
        Some(target) if link => symlink(target, path)?,
        Some(text) => fs::write(path, text)?,
    }
    Ok(())
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

/// What kernels before 5.17 do not tell.
const WITHOUT_REASON: &str = "Limited drops: with kernel function, without reason";

fn check(files: &[(&str, Option<&str>)], wanted: &[&str]) -> Result<()> {
    assert_eq!(complaints(&host(files, EVERYTHING)?), wanted);
    Ok(())
}

fn check_support(support: Support, wanted: &[&str]) -> Result<()> {
    assert_eq!(complaints(&host(&[], support)?), wanted);
    Ok(())
}

#[test]
fn nothing_is_missing_on_a_good_host() -> Result<()> {
    check(&[], &[])
}

#[test]
fn kernels_without_a_ring_buffer_or_untested() -> Result<()> {
    check(
        &[("proc/sys/kernel/osrelease", Some("5.4.0-200-generic\n"))],
        &["Missing kernel: 5.4.0-200-generic", WITHOUT_REASON],
    )?;
    check(&[("proc/sys/kernel/osrelease", Some("5.8.18\n"))], &["Limited kernel: 5.8.18", WITHOUT_REASON])?;
    check(&[("proc/sys/kernel/osrelease", None)], &["Limited kernel: unknown"])
}

#[test]
fn capabilities_of_the_user() -> Result<()> {
    let with = |mask: &str| format!("CapEff:\t{mask}\n");
    let check = |mask: &str, wanted: &[&str]| check(&[("proc/self/status", Some(&with(mask)))], wanted);
    check("0000000000000000", &["Missing capabilities: no BPF, PERFMON, NET_RAW, NET_ADMIN"])?;
    check("000000c000003000", &[])?;
    check("0000000000202000", &[])?;
    check("000000c000002000", &["Limited capabilities: no NET_ADMIN"])?;
    check("000000c000001000", &["Limited capabilities: no NET_RAW"])?;
    check("0000008000003000", &["Missing capabilities: no PERFMON"])
}

#[test]
fn capabilities_of_another_user_namespace_do_not_count() -> Result<()> {
    let elsewhere = [("proc/self/ns/user", Some("user:[4026532500]"))];
    check(&elsewhere, &["Missing capabilities: not in the host's user namespace"])
}

#[test]
fn cgroup_v2_absent_hybrid_and_of_a_container() -> Result<()> {
    let mounts = |text| [("proc/mounts", Some(text))];
    check(&mounts("cgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0\n"), &["Missing cgroup v2: not mounted"])?;
    let hybrid = "cgroup /sys/fs/cgroup/pids cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
    let found = host(&mounts(hybrid), EVERYTHING)?.cgroup.context("no cgroup v2")?;
    assert_eq!((found.path.as_path(), found.hybrid, found.root), (Path::new("/sys/fs/cgroup/unified"), true, true));
    check(
        &[("sys/fs/cgroup/cgroup.type", Some("domain\n"))],
        &["Limited cgroup v2: /sys/fs/cgroup is not the root of the hierarchy"],
    )
}

#[test]
fn namespaces_of_a_pod() -> Result<()> {
    let netns = [("proc/sys/net/core/netdev_budget", None), ("proc/sys/net/core/bpf_jit_enable", None)];
    check(&netns, &["Limited netns: not the host's"])?;
    check(&[("proc/self/ns/pid", Some("pid:[4026532501]"))], &["Limited PID namespace: not the host's"])
}

#[test]
fn locked_memory_counts_before_5_11() -> Result<()> {
    let old = ("proc/sys/kernel/osrelease", Some("5.10.0-32-cloud-amd64\n"));
    let raisable = ("proc/self/status", Some("CapEff:\t000001ffffffffff\n"));
    let not_raisable = ("proc/self/status", Some("CapEff:\t000000c000003000\n"));
    let unlimited = ("proc/self/limits", Some("Max locked memory         unlimited            unlimited  bytes\n"));
    check(&[old, raisable], &[WITHOUT_REASON])?;
    check(&[old, not_raisable], &["Missing locked memory: 8192 KiB", WITHOUT_REASON])?;
    check(&[old, not_raisable, unlimited], &[WITHOUT_REASON])
}

#[test]
fn what_the_kernel_keeps_to_itself() -> Result<()> {
    check(
        &[("sys/kernel/security/lockdown", Some("none integrity [confidentiality]\n"))],
        &["Limited lockdown: confidentiality"],
    )?;
    check(&[("sys/kernel/btf/vmlinux", None)], &["Limited BTF: no /sys/kernel/btf/vmlinux"])?;
    check(&[("proc/sys/net/core/bpf_jit_enable", Some("0\n"))], &["Limited eBPF JIT: off"])?;
    check(&[("proc/sys/net/core/bpf_jit_enable", None)], &["Limited eBPF JIT: none in this kernel"])?;
    let hidden = Some("0000000000000000 T _stext\n");
    check(&[("proc/kallsyms", hidden)], &["Limited drops: kernel functions are hidden"])
}

#[test]
fn a_kernel_that_does_not_support_something() -> Result<()> {
    check_support(Support { ring_buffer: Some(false), ..EVERYTHING }, &["Missing ring buffer: not supported"])?;
    check_support(Support { cgroup_skb: Some(false), ..EVERYTHING }, &["Limited program types: no cgroup_skb"])?;
    check_support(Support { socket_filter: Some(false), ..EVERYTHING }, &["Missing program types: no socket filter"])?;
    check_support(
        Support { kernel_memory: Some(false), ..EVERYTHING },
        &["Limited kernel memory: not readable by eBPF"],
    )
}

#[test]
fn a_kernel_that_does_not_let_us_ask() -> Result<()> {
    let wanted =
        ["Missing ring buffer: not told", "Missing program types: not told", "Limited kernel memory: not told"];
    check_support(Support::default(), &wanted)
}

/// A user without any privilege: `nobody`, or who we are when that is not root.
fn without_privilege() -> Result<Output> {
    // The tree may lie where nobody else may look.
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let binary = folder.path().join("dnstrace");
    fs::copy(product::binary()?, &binary)?;
    let mut doctor = Command::new(binary);
    if is_root() {
        doctor.uid(65_534).gid(65_534);
    }
    Ok(doctor.arg("doctor").output()?)
}

#[test]
fn without_privilege_it_says_what_is_missing_and_ends_with_3() -> Result<()> {
    let output = without_privilege()?;
    let text = String::from_utf8(output.stdout)?;
    assert_eq!(output.status.code(), Some(3), "{text}");
    let row = text.lines().find(|line| line.contains("capabilities")).context("no row of capabilities")?;
    assert!(row.starts_with("missing") && row.contains("run as root"), "{row}");
    for hook in ["socket hook", "device hook", "drop hook"] {
        let row = text.lines().find(|line| line.contains(hook)).context("no row of a hook")?;
        assert!(row.starts_with("missing") && row.contains("not permitted"), "{row}");
    }
    assert!(text.ends_with("dnstrace cannot trace here: no hook can attach\n"), "{text}");
    Ok(())
}

#[test]
fn as_root_every_hook_attaches() -> Result<()> {
    if !is_root() {
        skip("doctor as root", "not root");
        return Ok(());
    }
    let output = Command::new(product::binary()?).args(["doctor", "--format=json"]).output()?;
    let text = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let rows: Vec<serde_json::Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    for hook in ["socket hook", "device hook", "drop hook"] {
        let row = rows.iter().find(|row| row["subject"] == hook).context("no row of a hook")?;
        assert_eq!(row["state"], "ok", "{row}");
    }
    Ok(())
}
