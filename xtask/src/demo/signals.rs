//! Ctrl-C and its like as something to read, so that what the demo made is removed before it ends.

use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// Signals that end a program.
pub(super) struct Signals(SignalFd);

impl Signals {
    /// From now on they wait to be read.
    pub(super) fn block() -> Result<Self> {
        let ends = ends();
        ends.thread_block()?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        Ok(Self(SignalFd::with_flags(&ends, flags).context("cannot wait for signals")?))
    }

    /// Whether one came since the last time.
    pub(super) fn came(&self) -> Result<bool> {
        Ok(self.0.read_signal()?.is_some())
    }
}

/// Lets `command` get the signals that this program blocks: what a process blocks, its children block too.
pub(super) fn unblock(command: &mut Command) -> &mut Command {
    let ends = ends();
    // SAFETY: between fork and exec only a system call is made.
    unsafe { command.pre_exec(move || Ok(ends.thread_unblock()?)) }
}

fn ends() -> SigSet {
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect()
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
