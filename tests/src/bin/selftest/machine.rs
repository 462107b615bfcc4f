//! The machine around the checks: file systems as init, a netns of our own as a plain program, `lo` up.

use std::fs;

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::reboot::{RebootMode, reboot};

/// File systems an init has to mount: type and place.
const FILE_SYSTEMS: [(&str, &str); 5] =
    [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"), ("cgroup2", "/sys/fs/cgroup"), ("bpf", "/sys/fs/bpf")];

/// Makes the machine ready: as init all of it, otherwise only a netns of our own.
pub(crate) fn prepare(init: bool) -> Result<()> {
    if init {
        for (kind, place) in FILE_SYSTEMS {
            fs::create_dir_all(place)?;
            mount(Some(kind), place, Some(kind), MsFlags::empty(), None::<&str>)
                .with_context(|| format!("cannot mount {kind} at {place}"))?;
        }
    } else {
        unshare(CloneFlags::CLONE_NEWNET).context("cannot make a netns: not root?")?;
    }
    Ok(())
}

/// Ends the machine.
pub(crate) fn power_off() {
    nix::unistd::sync();
    // It returns only when the kernel refuses, and then the machine's end is init's end: a panic, which is told.
    let _ = reboot(RebootMode::RB_POWER_OFF);
}
