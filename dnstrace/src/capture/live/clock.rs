//! Boot time to wall-clock time.
//!
//! Both clocks run at one rate, whatever NTP makes of it: their difference changes only when the wall clock is stepped.
//! It is taken anew every second, and used anew only when it is more than what reading two clocks one after the other
//! makes it seem: so a packet's wall-clock time tells its boot time, too, and a recording needs to keep only one.

use nix::time::{ClockId, clock_gettime};

use crate::capture::{BootTime, WallTime};

/// How long one difference is used.
const RESAMPLE_NS: u64 = 1_000_000_000;

/// A smaller difference is no step: we were interrupted between reading one clock and the other.
const STEP_MIN_NS: u64 = 1_000_000;

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
            *self = Self { offset_ns: stepped(self.offset_ns, offset_ns()), sampled: now };
        }
    }

    pub(super) fn wall(&self, time: BootTime) -> WallTime {
        WallTime(time.0.saturating_add(self.offset_ns))
    }
}

fn stepped(before: u64, now: u64) -> u64 {
    if before.abs_diff(now) < STEP_MIN_NS { before } else { now }
}

/// The clock that packets are stamped with, now.
#[must_use]
pub fn boot_time() -> BootTime {
    BootTime(nanoseconds(ClockId::CLOCK_BOOTTIME))
}

/// What the wall clock said at a time of that clock, if it was not stepped since.
#[must_use]
pub fn wall_time_of(time: BootTime) -> WallTime {
    WallTime(time.0.saturating_add(offset_ns()))
}

/// What that clock said at a time of the wall clock, if that was not stepped since; 0 for a time before the machine
/// started.
#[must_use]
pub fn boot_time_of(wall: WallTime) -> BootTime {
    BootTime(wall.0.saturating_sub(offset_ns()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn difference_changes_with_a_step_only() {
        assert_eq!(stepped(5_000_000, 5_999_999), 5_000_000);
        assert_eq!(stepped(5_000_000, 4_000_001), 5_000_000);
        assert_eq!(stepped(5_000_000, 6_000_000), 6_000_000);
    }
}
