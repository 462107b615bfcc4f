//! The node's files, below the directory that is the node's root: symbolic links, absolute ones too, stay inside of it.
//!
//! What lies there is written by others. A read is bounded, and what is not a regular file is not opened: a FIFO would
//! block, and opening a device may do something.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};

use crate::capture::WallTime;

/// What a directory may hold: a node has some 250 pods, a busy `/proc` has some ten thousand processes.
pub const ENTRIES_MAX: usize = 65_536;

/// The kernel gives up on a path with `EAGAIN` when something is renamed or mounted meanwhile.
const TRIES: u32 = 8;

/// The node's root directory, opened once.
#[derive(Debug)]
pub struct HostRoot {
    path: PathBuf,
    root: OwnedFd,
}

/// Tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Its inode.
    pub inode: u64,
    /// Its size in bytes.
    pub size: i64,
    /// When it was written last.
    pub modified: WallTime,
}

/// What stands in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name.
    pub name: OsString,
    /// Its inode.
    pub inode: u64,
    /// Whether it is a directory itself, and not a link to one.
    pub directory: bool,
}

impl Entry {
    /// Its name, if that is text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.name.to_str()
    }
}

impl HostRoot {
    /// Opens the root directory.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Self { path: path.to_owned(), root: open(path, flags, Mode::empty())? })
    }

    /// Where it is for us.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a process has this very root: several nodes may run on one machine.
    #[must_use]
    pub fn is_root_of(&self, pid: u32) -> bool {
        // A link of /proc that is followed as such leads out of this root, and that is what is asked.
        let Ok(other) = Self::open(&self.path.join(format!("proc/{pid}/root"))) else { return false };
        let (ours, theirs) = (mount(&self.root), mount(&other.root));
        ours.is_some() && ours == theirs
    }

    /// Opens what `path` leads to below the root.
    pub fn open_below(&self, path: impl AsRef<Path>, flags: OFlag) -> io::Result<OwnedFd> {
        let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).resolve(ResolveFlag::RESOLVE_IN_ROOT);
        for _ in 1..TRIES {
            match openat2(&self.root, path.as_ref(), how) {
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                result => return Ok(result?),
            }
        }
        Ok(openat2(&self.root, path.as_ref(), how)?)
    }

    /// Reads a regular file of at most `max_bytes`.
    pub fn read(&self, path: impl AsRef<Path>, max_bytes: usize) -> io::Result<Vec<u8>> {
        Ok(self.read_stamped(path, max_bytes)?.1)
    }

    /// The same with what tells its state from the next.
    pub fn read_stamped(&self, path: impl AsRef<Path>, max_bytes: usize) -> io::Result<(Stamp, Vec<u8>)> {
        let place = self.open_below(path, OFlag::O_PATH)?;
        let stat = fstat(&place)?;
        if file_type(&stat) != SFlag::S_IFREG {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "is not a regular file"));
        }
        let stamp = Stamp::of(&stat);
        let size = usize::try_from(stamp.size).unwrap_or(usize::MAX);
        if size > max_bytes {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let bytes = read_to_end(&File::open(path_of(&place))?, size, max_bytes)?;
        Ok((stamp, bytes))
    }

    /// The same of a file of text.
    pub fn read_text(&self, path: impl AsRef<Path>, max_bytes: usize) -> io::Result<String> {
        let text = String::from_utf8(self.read(path, max_bytes)?);
        text.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
    }

    /// What stands in a directory, in the order of the names, and whether there was more than [`ENTRIES_MAX`].
    pub fn entries(&self, path: impl AsRef<Path>) -> io::Result<(Vec<Entry>, bool)> {
        let directory = self.open_below(path, OFlag::O_PATH | OFlag::O_DIRECTORY)?;
        let (mut entries, mut more) = (Vec::new(), false);
        for entry in fs::read_dir(path_of(&directory))? {
            if entries.len() >= ENTRIES_MAX {
                more = true;
                break;
            }
            let entry = entry?;
            let directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            entries.push(Entry { inode: entry.ino(), name: entry.file_name(), directory });
        }
        entries.sort();
        Ok((entries, more))
    }

    /// What a symbolic link says, without following it: also those of `/proc/PID/ns`.
    pub fn read_link(&self, path: impl AsRef<Path>) -> io::Result<PathBuf> {
        let link = self.open_below(path, OFlag::O_PATH | OFlag::O_NOFOLLOW)?;
        Ok(readlinkat(&link, "")?.into())
    }

    /// What tells the state of a file or directory from the next.
    pub fn stamp(&self, path: impl AsRef<Path>) -> io::Result<Stamp> {
        Ok(Stamp::of(&fstat(self.open_below(path, OFlag::O_PATH)?)?))
    }

    /// Whether something is there.
    #[must_use]
    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.open_below(path, OFlag::O_PATH).is_ok()
    }
}

impl Stamp {
    fn of(stat: &FileStat) -> Self {
        let nanoseconds = stat.st_mtime.saturating_mul(1_000_000_000).saturating_add(stat.st_mtime_nsec);
        let modified = WallTime(u64::try_from(nanoseconds).unwrap_or(0));
        Self { inode: stat.st_ino, size: stat.st_size, modified }
    }
}

/// The path that leads to what is open, whatever happens to its names meanwhile.
#[must_use]
pub fn path_of(open: &impl AsFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", open.as_fd().as_raw_fd()))
}

/// Which mount it lies on; each mount namespace has its own.
fn mount(open: &OwnedFd) -> Option<String> {
    let fdinfo = fs::read_to_string(format!("/proc/self/fdinfo/{}", open.as_raw_fd())).ok()?;
    fdinfo.lines().find(|line| line.starts_with("mnt_id:")).map(str::to_owned)
}

fn file_type(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits())
}

/// The buffer has room for the whole from the start: one that grows would leave copies of what it held behind.
fn read_to_end(mut file: &File, size: usize, max_bytes: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(size + 1);
    // Files of /proc have no size before they are read.
    file.by_ref().take(u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > max_bytes { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

/// Where the node's root is, seen from `root`, which is `/` but in tests: `/host` in a pod of `kubectl debug node`, our
/// own root when that is the node's, else that of PID 1.
#[must_use]
pub fn find(root: &Path) -> PathBuf {
    let host = root.join("host");
    if host.join("proc/1").exists() || host.join("etc/kubernetes").exists() {
        return host;
    }
    let mounts = |process: &str| fs::read_link(root.join("proc").join(process).join("ns/mnt")).ok();
    let (ours, first) = (mounts("self"), mounts("1"));
    let of_first = root.join("proc/1/root");
    let elsewhere = first.is_some() && ours != first && fs::read_dir(&of_first).is_ok();
    if elsewhere { of_first } else { root.to_owned() }
}

/// What `text:[NUMBER]` says, as links to namespaces do.
#[must_use]
pub fn namespace_inode(link: &Path) -> Option<u32> {
    let bytes = link.as_os_str().as_bytes();
    let (_, number) = std::str::from_utf8(bytes).ok()?.split_once(":[")?;
    number.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use nix::unistd::mkfifo;

    use super::*;

    fn folder() -> (tempfile::TempDir, HostRoot) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("run/x")).unwrap();
        fs::create_dir_all(folder.path().join("var")).unwrap();
        fs::write(folder.path().join("run/x/file"), "text").unwrap();
        let host = HostRoot::open(folder.path()).unwrap();
        (folder, host)
    }

    #[test]
    fn links_stay_below_the_root() {
        let (folder, host) = folder();
        symlink("/run", folder.path().join("var/run")).unwrap();
        symlink("../../../../../../run/x", folder.path().join("var/up")).unwrap();
        for path in ["var/run/x/file", "/var/run/x/file", "var/up/file", "/../../run/x/file"] {
            assert_eq!(host.read_text(path, 10).unwrap(), "text", "{path}");
        }
        symlink("/etc/hostname", folder.path().join("outside")).unwrap();
        assert_eq!(host.read("outside", 1000).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(host.read_link("outside").unwrap(), Path::new("/etc/hostname"));
    }

    #[test]
    fn what_is_no_file_of_sensible_size_is_an_error() {
        let (folder, host) = folder();
        let path = |name: &str| folder.path().join(name);
        symlink("b", path("a")).unwrap();
        symlink("a", path("b")).unwrap();
        mkfifo(&path("fifo"), Mode::S_IRWXU).unwrap();
        File::create(path("huge")).unwrap().set_len(100 << 20).unwrap();
        for name in ["a", "fifo", "huge", "run", "none", "run/x/file/y"] {
            assert!(host.read(name, 1 << 20).is_err(), "{name}");
        }
        assert_eq!(host.read("run/x/file", 3).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(host.read("run/x/file", 4).unwrap(), b"text");
        assert!(host.entries("run/x/file").is_err());
    }

    #[test]
    fn file_without_a_size_is_bounded_too() {
        let host = HostRoot::open(Path::new("/")).unwrap();
        assert!(host.read_text("proc/self/status", 1 << 20).unwrap().contains("Pid:"));
        assert_eq!(host.read("proc/self/status", 16).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn own_root_is_that_of_this_process() {
        let (_folder, elsewhere) = folder();
        assert!(HostRoot::open(Path::new("/")).unwrap().is_root_of(std::process::id()));
        assert!(!elsewhere.is_root_of(std::process::id()));
    }

    #[test]
    fn entries_are_in_order() {
        let (folder, host) = folder();
        symlink("x", folder.path().join("run/link")).unwrap();
        let (entries, more) = host.entries("run").unwrap();
        let names: Vec<_> = entries.iter().map(|entry| (entry.text().unwrap(), entry.directory)).collect();
        assert_eq!((names, more), (vec![("link", false), ("x", true)], false));
        assert!(host.exists("run/link") && !host.exists("run/other"));
    }

    #[test]
    fn state_of_a_file_changes_when_it_is_written() {
        let (folder, host) = folder();
        let before = host.stamp("run/x/file").unwrap();
        fs::write(folder.path().join("run/x/file"), "longer text").unwrap();
        assert_ne!(host.stamp("run/x/file").unwrap(), before);
    }

    #[test]
    fn root_of_the_node_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let mounts = |process: &str, inode: &str| {
            let ns = root.join("proc").join(process).join("ns");
            fs::create_dir_all(&ns).unwrap();
            let _ = fs::remove_file(ns.join("mnt"));
            symlink(format!("mnt:[{inode}]"), ns.join("mnt")).unwrap();
        };
        assert_eq!(find(root), root);
        mounts("self", "1");
        assert_eq!(find(root), root);
        mounts("1", "1");
        fs::create_dir_all(root.join("proc/1/root")).unwrap();
        assert_eq!(find(root), root);
        mounts("self", "2");
        assert_eq!(find(root), root.join("proc/1/root"));
        fs::create_dir_all(root.join("host/etc/kubernetes")).unwrap();
        assert_eq!(find(root), root.join("host"));
    }

    #[test]
    fn link_to_a_namespace_has_its_inode() {
        assert_eq!(namespace_inode(Path::new("net:[4026531840]")), Some(4_026_531_840));
        assert_eq!(namespace_inode(Path::new("net:4026531840")), None);
        assert_eq!(namespace_inode(Path::new("net:[x]")), None);
    }
}
