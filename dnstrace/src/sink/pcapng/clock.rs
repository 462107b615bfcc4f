//! Boot time and wall clock of a recording: a file has the wall clock's time, and tells when that was stepped.

use crate::capture::{BootTime, WallTime};
use crate::owner::WallClock;

/// Wall clock minus boot time, nanoseconds.
#[derive(Clone, Copy, Default)]
pub(super) struct Clock {
    first: Option<i64>,
    last: i64,
}

impl Clock {
    /// Both clocks at one moment.
    pub(super) fn tell(&mut self, time: BootTime, wall: WallTime) {
        self.last = wall.0.wrapping_sub(time.0).cast_signed();
        self.first.get_or_insert(self.last);
    }

    /// By how much the wall clock was stepped since the first moment.
    pub(super) fn step_ns(self) -> i64 {
        self.last.wrapping_sub(self.first.unwrap_or(self.last))
    }

    /// What a file's times are for a reader: steps of the wall clock are taken out of them.
    pub(super) fn of_file(self) -> WallClock {
        WallClock { time: BootTime(0), wall: WallTime(self.first.unwrap_or(self.last).cast_unsigned()) }
    }

    /// The wall clock at `time`, by its last difference.
    pub(super) fn wall(self, time: BootTime) -> WallTime {
        WallTime(time.0.wrapping_add(self.last.cast_unsigned()))
    }
}
