//! Boot time to wall-clock time. The wall clock may be stepped: the difference is taken anew every second.

use nix::time::{ClockId, clock_gettime};

use crate::capture::{BootTime, WallTime};

/// How long one difference is used.
const RESAMPLE_NS: u64 = 1_000_000_000;

pub(super) struct Clock {
    /// Wall clock minus boot time.
    offset_ns: u64,
    sampled: BootTime,
}

impl Clock {
    pub(super) fn new() -> Self {
        let sampled = boot_time();
        Self { offset_ns: offset_ns(), sampled }
    }

    /// Takes the difference anew when it is old.
    pub(super) fn tick(&mut self) {
        let now = boot_time();
        if now.0.saturating_sub(self.sampled.0) >= RESAMPLE_NS {
            *self = Self { offset_ns: offset_ns(), sampled: now };
        }
    }

    pub(super) fn wall(&self, time: BootTime) -> WallTime {
        WallTime(time.0.saturating_add(self.offset_ns))
    }
}

/// The clock that packets are stamped with.
pub(super) fn boot_time() -> BootTime {
    BootTime(nanoseconds(ClockId::CLOCK_BOOTTIME))
}

fn offset_ns() -> u64 {
    nanoseconds(ClockId::CLOCK_REALTIME).saturating_sub(nanoseconds(ClockId::CLOCK_BOOTTIME))
}

/// Both clocks exist on every kernel with a ring buffer; a clock that cannot be read is 0 rather than the end.
fn nanoseconds(clock: ClockId) -> u64 {
    let Ok(time) = clock_gettime(clock) else { return 0 };
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec()).unwrap_or(0))
}
