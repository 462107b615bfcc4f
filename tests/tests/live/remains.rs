//! What is left in the kernel of a run that was killed: nothing.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};
use aya::programs::loaded_programs;
use dnstrace_tests::product::Run;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::cast::{Cast, can_run};

/// The kernel frees what nobody uses after a grace period, on a queue of its own. Other tests' programs are on that queue, too:
/// ten milliseconds each, half a minute at most.
const GRACE_PERIODS: u32 = 3_000;

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
        // It goes on working, and may have closed one of them.
        let Ok(text) = fs::read_to_string(entry?.path()) else { continue };
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

/// Every program, map and link there is. They are counted and not opened: who opens a table of tail calls and closes it while
/// the kernel empties it for the process that ended leaves it behind for ever (`prog_array_map_clear` takes a reference for work
/// that is on the queue already).
fn in_kernel() -> BTreeSet<Object> {
    let kinds = [("prog_id", PROG_GET_NEXT_ID), ("map_id", MAP_GET_NEXT_ID), ("link_id", LINK_GET_NEXT_ID)];
    kinds.into_iter().flat_map(|(kind, command)| ids(command).map(move |id| (kind.to_owned(), id))).collect()
}

/// bpf(2), `enum bpf_cmd`.
const PROG_GET_NEXT_ID: libc::c_int = 11;
const MAP_GET_NEXT_ID: libc::c_int = 12;
const LINK_GET_NEXT_ID: libc::c_int = 31;

/// The ids of one kind of object, in their order.
fn ids(command: libc::c_int) -> impl Iterator<Item = u32> {
    let next = move |after: u32| {
        let mut attributes = NextId { after, ..NextId::default() };
        // SAFETY: the kernel reads and writes as much of the attributes as it is told they are long, and keeps no pointer.
        let result = unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut attributes, size_of::<NextId>()) };
        (result == 0).then_some(attributes.next)
    };
    std::iter::successors(next(0), move |&id| next(id))
}

/// What bpf(2) takes and gives for the next id.
#[derive(Default)]
#[repr(C)]
struct NextId {
    after: u32,
    next: u32,
    flags: u32,
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
