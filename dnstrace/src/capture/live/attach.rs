//! Loads each hook's programs and attaches them. Nothing is pinned: closing what this returns detaches it.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use aya::Ebpf;
use aya::maps::ProgramArray;
use aya::programs::{
    CgroupAttachMode, CgroupSkb, CgroupSkbAttachType, Program, ProgramError, RawTracePoint, SocketFilter,
};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};

use super::error::program_error;
use crate::capture::Hook;
use crate::capture::prerequisites::{CgroupMount, REMEDY_CGROUP, REMEDY_PERMISSION};

/// Programs of the `socket` hook, their way, their second half and where it is called from.
const SOCKET: [(&str, CgroupSkbAttachType, &str, &str); 2] = [
    ("socket_in", CgroupSkbAttachType::Ingress, "socket_in_slow", "SOCKET_IN_SLOW"),
    ("socket_out", CgroupSkbAttachType::Egress, "socket_out_slow", "SOCKET_OUT_SLOW"),
];

/// The program of the `device` hook, as [`SOCKET`].
const DEVICE: (&str, &str, &str) = ("device", "device_slow", "DEVICE_SLOW");

/// The program of the `drop` hook, and the tracepoint it is attached to.
const DROP: &str = "drop";
const KFREE_SKB: &str = "kfree_skb";

/// Loads a hook's programs and lets the first ones call the second ones; attaches nothing.
pub fn load_hook(ebpf: &mut Ebpf, hook: Hook) -> Result<(), String> {
    match hook {
        Hook::Socket => SOCKET.iter().try_for_each(|(name, _, slow, calls)| {
            load::<CgroupSkb>(ebpf, name, CgroupSkb::load)?;
            load::<CgroupSkb>(ebpf, slow, CgroupSkb::load)?;
            call(ebpf, calls, slow)
        }),
        Hook::Device => {
            let (name, slow, calls) = DEVICE;
            load::<SocketFilter>(ebpf, name, SocketFilter::load)?;
            load::<SocketFilter>(ebpf, slow, SocketFilter::load)?;
            call(ebpf, calls, slow)
        }
        Hook::Drop => load::<RawTracePoint>(ebpf, DROP, RawTracePoint::load),
    }
}

/// Attaches the `socket` hook at `cgroup`, at the root of the hierarchy when `None`; says where.
pub(super) fn socket_hook(ebpf: &mut Ebpf, cgroup: Option<&Path>) -> Result<String, String> {
    let path = match cgroup {
        Some(path) => path.to_path_buf(),
        // Beside v1 it is not at /sys/fs/cgroup.
        None => CgroupMount::of_this_host().ok_or_else(|| format!("no cgroup v2: {REMEDY_CGROUP}"))?.path,
    };
    if statfs(&path).is_ok_and(|filesystem| filesystem.filesystem_type() != CGROUP2_SUPER_MAGIC) {
        return Err(format!("{} is no cgroup v2 folder", path.display()));
    }
    let folder = File::open(&path).map_err(|error| format!("cannot open the cgroup {}: {error}", path.display()))?;
    load_hook(ebpf, Hook::Socket)?;
    for (name, way, ..) in SOCKET {
        // The kernel takes no flags with a link and always lets links stack; `Single` is how aya says no flags.
        let attached = program(ebpf, name)
            .and_then(|program: &mut CgroupSkb| program.attach(&folder, way, CgroupAttachMode::Single));
        attached.map_err(|error| program_error(&error))?;
    }
    Ok(format!("cgroup {}", path.display()))
}

/// Attaches the `drop` hook; says where.
pub(super) fn drop_hook(ebpf: &mut Ebpf) -> Result<String, String> {
    load_hook(ebpf, Hook::Drop)?;
    let attached = program(ebpf, DROP).and_then(|program: &mut RawTracePoint| program.attach(KFREE_SKB));
    attached.map_err(|error| program_error(&error))?;
    Ok(format!("tracepoint {KFREE_SKB}"))
}

/// Detaches the programs that see messages end: arrive at sockets, or dropped.
pub(super) fn detach_ends(ebpf: &mut Ebpf) {
    if let Ok(drops) = program::<RawTracePoint>(ebpf, DROP) {
        let _ = drops.unload();
    }
    if let Ok(arrivals) = program::<CgroupSkb>(ebpf, SOCKET[0].0) {
        // One that is not loaded is not attached either.
        let _ = arrivals.unload();
    }
}

/// Attaches the `device` hook to one socket per interface, or to one for all when none is named.
pub(super) fn device_hook(ebpf: &mut Ebpf, interfaces: &[(String, u32)]) -> Result<(String, Vec<OwnedFd>), String> {
    load_hook(ebpf, Hook::Device)?;
    let indices = if interfaces.is_empty() { vec![0] } else { interfaces.iter().map(|(_, index)| *index).collect() };
    let sockets = indices.into_iter().map(|index| packet_socket(ebpf, index)).collect::<Result<_, _>>()?;
    let names: Vec<&str> = interfaces.iter().map(|(name, _)| name.as_str()).collect();
    Ok((if names.is_empty() { "all interfaces".to_owned() } else { names.join(", ") }, sockets))
}

fn load<P>(ebpf: &mut Ebpf, name: &str, load: fn(&mut P) -> Result<(), ProgramError>) -> Result<(), String>
where
    for<'a> &'a mut P: TryFrom<&'a mut Program, Error = ProgramError>,
{
    program(ebpf, name).and_then(load).map_err(|error| program_error(&error))
}

fn program<'a, P>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut P, ProgramError>
where
    &'a mut P: TryFrom<&'a mut Program, Error = ProgramError>,
{
    ebpf.program_mut(name).ok_or(ProgramError::NotLoaded)?.try_into()
}

/// Makes `slow` what the first program calls.
fn call(ebpf: &mut Ebpf, array: &str, slow: &str) -> Result<(), String> {
    let missing = || format!("the eBPF object has no {slow}");
    let program = ebpf.program(slow).ok_or_else(missing)?;
    let fd = program.fd().map_err(|error| program_error(&error))?.try_clone().map_err(|error| error.to_string())?;
    let map = ebpf.map_mut(array).ok_or_else(missing)?;
    let mut array = ProgramArray::try_from(map).map_err(|error| error.to_string())?;
    array.set(0, &fd, 0).map_err(|error| error.to_string())
}

/// Protocol 0 receives nothing; the socket is bound only when its filter is attached, so that nothing is ever queued.
fn packet_socket(ebpf: &mut Ebpf, ifindex: u32) -> Result<OwnedFd, String> {
    let why = |error: nix::Error| match error {
        nix::Error::EPERM => format!("not permitted to open a packet socket: {REMEDY_PERMISSION}"),
        _ => format!("cannot open a packet socket: {error}"),
    };
    let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None).map_err(why)?;
    let filter: &mut SocketFilter = program(ebpf, DEVICE.0).map_err(|error| program_error(&error))?;
    filter.attach(&socket).map_err(|error| program_error(&error))?;
    bind(&socket, ifindex).map_err(why)?;
    Ok(socket)
}

fn bind(socket: &OwnedFd, ifindex: u32) -> nix::Result<()> {
    use std::os::fd::AsRawFd;
    let address = libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET).unwrap_or_default(),
        // Only `ETH_P_ALL` shows what is sent.
        sll_protocol: u16::try_from(libc::ETH_P_ALL).unwrap_or_default().to_be(),
        sll_ifindex: i32::try_from(ifindex).unwrap_or_default(),
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let length = libc::socklen_t::try_from(size_of_val(&address)).unwrap_or_default();
    // SAFETY: `address` is a whole `sockaddr_ll` of `length` bytes that the kernel only reads.
    let status = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) };
    nix::errno::Errno::result(status).map(drop)
}
