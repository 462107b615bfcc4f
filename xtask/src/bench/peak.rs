//! The most resident memory that a process had.
//!
//! `wait4` does not tell: until it executes its program a child has its parent's memory, and the kernel keeps the larger of
//! the two for `ru_maxrss` (`exec_mmap` in `fs/exec.c`). The program's own is in `/proc` until it has ended.

use std::fs;
use std::process::{Child, Command};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// KiB until now, the ring buffer included.
pub(super) fn so_far(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Runs a program until it ends well: KiB until then. It is stopped once, at its end.
pub(super) fn of(command: &mut Command) -> Result<u64> {
    let child = command.spawn().with_context(|| format!("cannot run {}", command.get_program().display()))?;
    stop_at_end(&child)?;
    wait(&child)
}

fn stop_at_end(child: &Child) -> Result<()> {
    ptrace::seize(pid(child), Options::PTRACE_O_TRACEEXIT).context("cannot watch a process of our own for its end")
}

fn wait(child: &Child) -> Result<u64> {
    let (pid, mut peak) = (pid(child), None);
    loop {
        match waitpid(pid, Some(WaitPidFlag::__WALL))? {
            WaitStatus::PtraceEvent(..) => {
                peak = Some(so_far(child.id())?);
                go_on(pid, None)?;
            }
            WaitStatus::Stopped(_, signal) => go_on(pid, Some(signal))?,
            WaitStatus::Exited(_, 0) => return peak.context("it ended before it was looked at"),
            ended => bail!("it ended with {ended:?}"),
        }
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

/// It may have been killed meanwhile.
fn go_on(pid: Pid, signal: Option<Signal>) -> Result<()> {
    match ptrace::cont(pid, signal) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::process::Stdio;

    use super::*;

    #[test]
    #[expect(clippy::zombie_processes, reason = "it is waited for by its number")]
    fn memory_of_who_starts_a_process_is_not_its_own() {
        let ours = black_box(vec![1_u8; 64 << 20]);
        // It ends when there is nothing more to read.
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        stop_at_end(&child).unwrap();
        drop(child.stdin.take());
        let peak = wait(&child).unwrap();
        assert!(so_far(std::process::id()).unwrap() > 64 << 10, "of {} bytes", ours.len());
        assert!(peak > 0 && peak < 16 << 10, "{peak} KiB");
    }
}
