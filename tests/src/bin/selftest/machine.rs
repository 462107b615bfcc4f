//! The machine around the checks: all of it as init; as a plain program a netns and a cgroup of our own.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use dnstrace::capture::prerequisites::CgroupMount;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, CpuSet, sched_setaffinity, unshare};
use nix::sys::reboot::{RebootMode, reboot};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::unistd::Pid;

/// File systems an init has to mount: type and place.
const FILE_SYSTEMS: [(&str, &str); 5] =
    [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"), ("cgroup2", "/sys/fs/cgroup"), ("bpf", "/sys/fs/bpf")];

/// Where the checks run. Dropping it removes what was made for them.
pub(crate) struct Machine {
    /// cgroup of this process.
    pub(crate) cgroup: PathBuf,
    /// Its id: the inode of its folder.
    pub(crate) cgroup_id: u64,
    /// Whether this process is the machine's init.
    pub(crate) init: bool,
    /// Where the process was before.
    root: PathBuf,
}

impl Machine {
    /// Makes it ready.
    pub(crate) fn prepare(init: bool) -> Result<Self> {
        if init {
            mount_file_systems()?;
        } else {
            unshare(CloneFlags::CLONE_NEWNET).context("cannot make a netns: not root?")?;
        }
        stay_on_one_cpu()?;
        set_loopback_up()?;
        let root = CgroupMount::of_this_host().context("no cgroup v2")?.path;
        let cgroup = root.join(format!("dnstrace-selftest-{}", std::process::id()));
        fs::create_dir(&cgroup).with_context(|| format!("cannot make {}", cgroup.display()))?;
        let machine = Self { cgroup_id: fs::metadata(&cgroup)?.ino(), cgroup, init, root };
        fs::write(machine.cgroup.join("cgroup.procs"), "0")?;
        Ok(machine)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Where this fails there is nothing better to do: an init's machine ends anyway, a plain run leaves a folder.
        let _ = fs::write(self.root.join("cgroup.procs"), "0");
        let _ = fs::remove_dir(&self.cgroup);
    }
}

/// Ends the machine.
pub(crate) fn power_off() {
    nix::unistd::sync();
    // It returns only when the kernel refuses, and then the machine's end is init's end: a panic, which is told.
    let _ = reboot(RebootMode::RB_POWER_OFF);
}

fn mount_file_systems() -> Result<()> {
    for (kind, place) in FILE_SYSTEMS {
        fs::create_dir_all(place)?;
        mount(Some(kind), place, Some(kind), MsFlags::empty(), None::<&str>)
            .with_context(|| format!("cannot mount {kind} at {place}"))?;
    }
    Ok(())
}

/// Loopback queues what is sent for the sending CPU, in order: from one CPU, whoever has received a later packet knows
/// that every hook has seen the earlier ones.
fn stay_on_one_cpu() -> Result<()> {
    let mut first = CpuSet::new();
    first.set(0)?;
    sched_setaffinity(Pid::from_raw(0), &first).context("cannot stay on one CPU")
}

fn set_loopback_up() -> Result<()> {
    let flags = i16::try_from(libc::IFF_UP | libc::IFF_RUNNING)?;
    set_loopback(libc::SIOCSIFFLAGS, libc::__c_anonymous_ifr_ifru { ifru_flags: flags }).context("cannot set lo up")
}

/// Sets the loopback interface's largest packet.
pub(crate) fn set_loopback_mtu(bytes: i32) -> Result<()> {
    set_loopback(libc::SIOCSIFMTU, libc::__c_anonymous_ifr_ifru { ifru_mtu: bytes }).context("cannot set lo's MTU")
}

fn set_loopback(what: libc::c_ulong, value: libc::__c_anonymous_ifr_ifru) -> Result<()> {
    let control: OwnedFd = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    let mut request = libc::ifreq { ifr_name: [0; libc::IFNAMSIZ], ifr_ifru: value };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = from.cast_signed();
    }
    // SAFETY: `request` is a whole `ifreq` that lives over the call, and both requests only read it.
    let result = unsafe { libc::ioctl(control.as_raw_fd(), what, &raw mut request) };
    ensure!(result == 0, std::io::Error::last_os_error());
    Ok(())
}
