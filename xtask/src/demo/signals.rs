//! Ctrl-C and its like as something to read, so that what the demo made is removed before it ends.

use std::os::fd::{AsFd, BorrowedFd};

use anyhow::{Context, Result};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// Signals that end a program.
pub(super) struct Signals(SignalFd);

impl Signals {
    /// From now on they wait to be read. Programs that are started have their own: the standard library unblocks all.
    pub(super) fn block() -> Result<Self> {
        let ends: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
        ends.thread_block()?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        Ok(Self(SignalFd::with_flags(&ends, flags).context("cannot wait for signals")?))
    }

    /// Whether one came since the last time.
    pub(super) fn came(&self) -> Result<bool> {
        Ok(self.0.read_signal()?.is_some())
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
