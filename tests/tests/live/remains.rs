//! What is left in the kernel of a run that was killed: nothing.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};
use aya::maps::loaded_maps;
use aya::programs::{loaded_links, loaded_programs};
use dnstrace_tests::product::Run;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::cast::{Cast, can_run};

/// The kernel frees what nobody uses after a grace period, on a queue of its own. A cluster that was taken down a moment ago
/// has its containers' programs on that queue, too: ten milliseconds each, two minutes at most.
const GRACE_PERIODS: u32 = 12_000;

#[test]
fn killed_run_leaves_no_program_map_link_or_socket() {
    if can_run("kill -9", &[]) {
        killed().unwrap();
    }
}

fn killed() -> Result<()> {
    let cast = Cast::new()?;
    let cgroup = cast.node.cgroup().path().to_str().context("no text")?;
    let run = Run::start(cast.node.netns(), &["trace", "--cgroup", cgroup])?;
    let held = held_by(run.pid())?;
    for kind in ["prog_id", "map_id", "link_id"] {
        ensure!(held.iter().any(|(of, _)| of == kind), "no {kind} in {held:?}");
    }
    ensure!(held.is_subset(&in_kernel()), "{held:?}");
    ensure!(packet_sockets(&cast)? == 1);
    let ended = run.signal(Signal::SIGKILL)?;
    ensure!(!ended.status.success());
    ensure!(packet_sockets(&cast)? == 0);
    for _ in 0..GRACE_PERIODS {
        if held.is_disjoint(&in_kernel()) {
            return Ok(());
        }
        wait_for_grace_period()?;
    }
    let left = in_kernel().intersection(&held).cloned().collect::<Vec<_>>();
    ensure!(left.is_empty(), "left behind: {left:?}");
    Ok(())
}

/// A kind of object with its id.
type Object = (String, u32);

/// What a process holds open (`Documentation/bpf`, `fdinfo`), and what its programs use.
fn held_by(pid: Pid) -> Result<BTreeSet<Object>> {
    let mut held = BTreeSet::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
        let text = fs::read_to_string(entry?.path())?;
        let pairs = text.lines().filter_map(|line| line.split_once(":\t"));
        let ids = pairs.filter(|(key, _)| ["prog_id", "map_id", "link_id"].contains(key));
        held.extend(ids.filter_map(|(key, id)| Some((key.to_owned(), id.parse().ok()?))));
    }
    for program in loaded_programs() {
        // Others' programs may go while they are looked at.
        let Ok(program) = program else { continue };
        if held.contains(&("prog_id".to_owned(), program.id())) {
            held.extend(program.map_ids()?.into_iter().flatten().map(|id| ("map_id".to_owned(), id)));
        }
    }
    Ok(held)
}

/// Every program, map and link there is.
fn in_kernel() -> BTreeSet<Object> {
    let programs = loaded_programs().filter_map(Result::ok).map(|program| ("prog_id".to_owned(), program.id()));
    let maps = loaded_maps().filter_map(Result::ok).map(|map| ("map_id".to_owned(), map.id()));
    let links = loaded_links().filter_map(Result::ok).map(|link| ("link_id".to_owned(), link.id()));
    programs.chain(maps).chain(links).collect()
}

fn packet_sockets(cast: &Cast) -> Result<usize> {
    let table = cast.node.netns().run(|| Ok(fs::read_to_string("/proc/thread-self/net/packet")?))?;
    Ok(table.lines().count() - 1)
}

/// This system call returns when a grace period has passed (membarrier(2), `MEMBARRIER_CMD_GLOBAL`).
fn wait_for_grace_period() -> Result<()> {
    const GLOBAL: libc::c_int = 1;
    // SAFETY: it takes integers only and touches no memory of ours.
    let result = unsafe { libc::syscall(libc::SYS_membarrier, GLOBAL, 0, 0) };
    nix::errno::Errno::result(result).context("membarrier").map(drop)
}
