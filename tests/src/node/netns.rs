//! A network namespace without a name: it lives as long as somebody holds it open or runs in it, so nothing is left
//! behind however its maker ends.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, anyhow};
use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::{prctl, signal::Signal, stat::Mode};

/// A network namespace.
#[derive(Debug)]
pub struct Netns {
    file: File,
}

impl Netns {
    /// A new one, with nothing in it but `lo`, which is up.
    pub fn new() -> Result<Self> {
        let file = in_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET).context("cannot make a network namespace (not root?)")?;
            File::open("/proc/thread-self/ns/net").context("cannot open the new network namespace")
        })?;
        let netns = Self { file };
        netns.run(|| super::link::up("lo"))?;
        Ok(netns)
    }

    /// One that another program made, by its path.
    pub fn at(path: &Path) -> Result<Self> {
        Ok(Self { file: File::open(path).with_context(|| format!("no network namespace {}", path.display()))? })
    }

    /// Runs `body` in a thread that is in this netns.
    pub fn run<T: Send>(&self, body: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        in_thread(|| {
            setns(&self.file, CloneFlags::CLONE_NEWNET).context("cannot enter the network namespace")?;
            body()
        })
    }

    /// A program that will run in this netns, and die when the thread that starts it ends.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let netns = self.file.as_raw_fd();
        let parent = nix::unistd::getpid();
        let mut command = Command::new(program);
        // SAFETY: between fork and exec only system calls are made; the descriptor is open as long as `self`, which
        // the caller keeps until the program is started.
        unsafe {
            command.pre_exec(move || {
                prctl::set_pdeathsig(Signal::SIGKILL)?;
                // A parent that was gone before sends no signal any more.
                if nix::unistd::getppid() != parent {
                    return Err(nix::Error::ESRCH.into());
                }
                setns(std::os::fd::BorrowedFd::borrow_raw(netns), CloneFlags::CLONE_NEWNET)?;
                Ok(())
            });
        }
        command
    }

    /// Inode: how the kernel and dnstrace tell it from others.
    pub fn inode(&self) -> Result<u64> {
        Ok(self.file.metadata()?.ino())
    }

    /// A path that other programs can enter it by (`nsenter --net=`), as long as this process holds it.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd()))
    }

    /// Sets `/proc/sys/net/NAME` of this netns.
    pub fn sysctl(&self, name: &str, value: &str) -> Result<()> {
        let path = Path::new("/proc/sys/net").join(name);
        self.run(|| fs::write(&path, value).with_context(|| format!("cannot set {}", path.display())))
    }
}

impl AsFd for Netns {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Lets `command` find `content` in `/etc/resolv.conf`. The file is in a mount namespace only, of its own: it goes with the
/// last process there, however that ends.
pub(super) fn with_resolv_conf(command: &mut Command, content: &str) {
    let content = content.to_owned();
    // SAFETY: between fork and exec only system calls are made, on strings that exist already.
    unsafe {
        command.pre_exec(move || {
            unshare(CloneFlags::CLONE_NEWNS)?;
            // What is mounted here must not reach the machine.
            mount(None::<&str>, c"/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
            mount(None::<&str>, c"/tmp", Some(c"tmpfs"), MsFlags::empty(), None::<&str>)?;
            let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_CLOEXEC;
            let file = open(c"/tmp/resolv.conf", flags, Mode::from_bits_truncate(0o644))?;
            File::from(file).write_all(content.as_bytes())?;
            mount(Some(c"/tmp/resolv.conf"), c"/etc/resolv.conf", None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
            // The file stays where it is bound.
            umount2(c"/tmp", MntFlags::MNT_DETACH)?;
            Ok(())
        });
    }
}

/// A netns belongs to a thread: what changes it runs in one that ends with it.
fn in_thread<T: Send>(body: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let joined = thread::scope(|scope| scope.spawn(body).join());
    joined.unwrap_or_else(|_| Err(anyhow!("a thread in a network namespace panicked")))
}
