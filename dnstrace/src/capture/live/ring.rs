//! The ring buffer: packet records of all hooks and CPUs, drained into packets.

use aya::Ebpf;
use aya::maps::{MapData, MapError, RingBuf};

use super::clock::Clock;
use super::symbols::Symbols;
use super::{Drops, record, taken};
use crate::capture::Packet;

/// How many packets one [`Ring::drain`] gives at most, so that its caller gets to its other work under any load.
pub const DRAIN_MAX: usize = 65_536;

/// The user half's end of the ring buffer.
pub struct Ring {
    packets: RingBuf<MapData>,
    clock: Clock,
    netns: u32,
    drops: Drops,
    unreadable: u64,
}

impl Ring {
    /// Takes the ring buffer of a loaded object; `drops` has names for what it tells.
    pub fn take(ebpf: &mut Ebpf, drops: Drops) -> Result<Self, MapError> {
        let packets = RingBuf::try_from(taken(ebpf, "PACKETS")?)?;
        Ok(Self { packets, clock: Clock::new(), netns: own_netns(), drops, unreadable: 0 })
    }

    /// Tells where packets are dropped by these symbols.
    pub(super) fn locate_drops_by(&mut self, symbols: Symbols) {
        self.drops.locate_by(symbols);
    }

    /// Gives the packets that lie in the ring buffer to `each`, up to a bound; returns how many there were.
    pub fn drain(&mut self, mut each: impl FnMut(&Packet<'_>)) -> usize {
        self.clock.tick();
        for drained in 0..DRAIN_MAX {
            let Some(record) = self.packets.next() else { return drained };
            match record::packet(&record, &self.clock, self.netns, &mut self.drops) {
                Some(packet) => each(&packet),
                None => self.unreadable += 1,
            }
        }
        DRAIN_MAX
    }

    /// Records that were no packet record: only an object of another version writes them.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Inode of the netns of the thread that took it: the one the `device` hook watches.
    #[must_use]
    pub fn netns(&self) -> u32 {
        self.netns
    }
}

fn own_netns() -> u32 {
    let stat = nix::sys::stat::stat("/proc/thread-self/ns/net");
    stat.ok().and_then(|stat| u32::try_from(stat.st_ino).ok()).unwrap_or(0)
}
