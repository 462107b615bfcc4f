//! A cgroup's id to its directory: the id is the directory's inode, and the kernel opens it by that.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use crate::owner::sources::host::path_of;

/// `FILEID_KERNFS` of `include/linux/exportfs.h`: the handle is the node's 64-bit id.
const FILEID_KERNFS: libc::c_int = 0xfe;

const ID_BYTES: libc::c_uint = 8;
const _: () = assert!(size_of::<u64>() == ID_BYTES as usize);

/// `struct file_handle` with the bytes that kernfs wants.
#[repr(C)]
struct Handle {
    bytes: libc::c_uint,
    kind: libc::c_int,
    id: u64,
}

/// Path of the cgroup below `mount`, the open mount point of cgroup v2, beginning with a slash. It needs
/// `CAP_DAC_READ_SEARCH`.
pub(super) fn path(mount: &OwnedFd, id: u64) -> io::Result<PathBuf> {
    let directory = open(mount, id)?;
    let (top, path) = (std::fs::read_link(path_of(mount))?, std::fs::read_link(path_of(&directory))?);
    let below = path.strip_prefix(top).map_err(|error| io::Error::new(io::ErrorKind::NotFound, error))?;
    Ok(Path::new("/").join(below))
}

fn open(mount: &OwnedFd, id: u64) -> io::Result<OwnedFd> {
    let mut handle = Handle { bytes: ID_BYTES, kind: FILEID_KERNFS, id };
    let flags = libc::O_PATH | libc::O_CLOEXEC;
    // SAFETY: the handle has the layout of `struct file_handle` with `bytes` bytes behind its head, and outlives the call.
    let opened = unsafe { libc::open_by_handle_at(mount.as_fd().as_raw_fd(), (&raw mut handle).cast(), flags) };
    if opened < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given us this descriptor, nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(opened) })
}
