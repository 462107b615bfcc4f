//! Why a hook, or all of them, could not be attached: one line with its remedy.

use std::error::Error;
use std::io;

use aya::EbpfError;
use aya::maps::MapError;
use aya::programs::ProgramError;
use nix::sys::resource::{Resource, getrlimit};

use crate::capture::Hook;
use crate::capture::prerequisites::{REMEDY_LOCKED_MEMORY, REMEDY_PERMISSION};

/// Why nothing could be attached.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No hook was asked for.
    #[error("no hook to attach: name socket, device, drop or several")]
    NoHook,
    /// The size does not fit the kernel's ring buffer.
    #[error("a ring buffer of {0} bytes is not possible: the kernel wants a power of two, at least a page (4 KiB)")]
    RingSize(u32),
    /// An interface does not exist in this netns.
    #[error("no interface {0} in this network namespace: `ip link` lists them")]
    NoInterface(String),
    /// The kernel does not let this user load eBPF programs.
    #[error("not permitted to load eBPF programs: {REMEDY_PERMISSION}")]
    NotPermitted,
    /// The locked-memory limit is too small for the ring buffer.
    #[error(
        "a ring buffer of {ring} KiB does not fit the limit on locked memory, {limit} KiB: {REMEDY_LOCKED_MEMORY} \
         (--ring-size)"
    )]
    Memlock {
        /// What was asked for.
        ring: u32,
        /// What is allowed.
        limit: u64,
    },
    /// The kernel has no ring buffer, or refuses the programs.
    #[error("this kernel does not load the eBPF object: {0}; `dnstrace doctor` says what is missing")]
    Load(String),
    /// Each hook has its own reason.
    #[error("no hook could be attached: {}", .0.iter().map(|(hook, why)| format!("{}: {why}", name(*hook))).collect::<Vec<_>>().join("; "))]
    NothingAttached(Vec<(Hook, String)>),
}

/// A hook's name, as `--hooks` takes it.
#[must_use]
pub fn name(hook: Hook) -> &'static str {
    match hook {
        Hook::Socket => "socket",
        Hook::Device => "device",
        Hook::Drop => "drop",
    }
}

/// Why the object could not be loaded.
pub(super) fn load_error(error: &EbpfError, ring_bytes: u32) -> StartError {
    let limit = getrlimit(Resource::RLIMIT_MEMLOCK).map_or(u64::MAX, |(soft, _)| soft);
    match error {
        EbpfError::MapError(MapError::CreateError { .. }) if is(error, io::ErrorKind::PermissionDenied) => {
            // Kernels before 5.11 say EPERM both for missing privilege and for locked memory.
            if nix::unistd::geteuid().is_root() && u64::from(ring_bytes) > limit {
                StartError::Memlock { ring: ring_bytes / 1024, limit: limit / 1024 }
            } else {
                StartError::NotPermitted
            }
        }
        EbpfError::MapError(_) if is(error, io::ErrorKind::OutOfMemory) => {
            StartError::Load(format!("no memory for a ring buffer of {} KiB", ring_bytes / 1024))
        }
        _ if is(error, io::ErrorKind::PermissionDenied) => StartError::NotPermitted,
        _ => StartError::Load(one_line(error)),
    }
}

/// Why a program could not be loaded or attached.
pub(super) fn program_error(error: &ProgramError) -> String {
    match error {
        // The verifier says EACCES, too. Its log is hundreds of lines long: what it stumbled over stands at its end.
        ProgramError::LoadError { verifier_log, .. } if !verifier_log.to_string().trim().is_empty() => {
            let log = verifier_log.to_string();
            let is_statistic = |line: &str| {
                ["processed ", "stack depth ", "verification time "].iter().any(|start| line.starts_with(start))
            };
            let said = log.lines().rfind(|line| !is_statistic(line)).unwrap_or_default();
            format!("the kernel's verifier refuses the program: {said}")
        }
        _ if is(error, io::ErrorKind::PermissionDenied) => {
            format!("not permitted: {REMEDY_PERMISSION}")
        }
        ProgramError::LoadError { io_error, .. } => format!("the kernel refuses the program: {io_error}"),
        _ => one_line(error),
    }
}

fn is(error: &(dyn Error + 'static), kind: io::ErrorKind) -> bool {
    chain(error).any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == kind))
}

/// Causes repeat what they are the cause of in some libraries; each text is said once.
fn one_line(error: &(dyn Error + 'static)) -> String {
    let mut line = String::new();
    for cause in chain(error) {
        let text = cause.to_string();
        let text = text.lines().next().unwrap_or_default();
        if !line.contains(text) {
            line = if line.is_empty() { text.to_owned() } else { format!("{line}: {text}") };
        }
    }
    line
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
