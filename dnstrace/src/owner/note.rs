//! Facts in recordings and in files of `--owners`: one JSON object each, in the wall clock's time, as packets there are.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::fact::{Fact, Source};
use crate::capture::{BootTime, WallTime};

/// What a source said, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Nanoseconds since 1970; `None` is before anything that was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// Who said it.
    pub source: Source,
    /// What.
    pub fact: Fact,
}

impl Note {
    /// A fact as it is to be written: `wall` tells the wall clock's time of a boot time.
    pub(super) fn new(source: Source, fact: Fact, at: Option<BootTime>, wall: &dyn Fn(BootTime) -> WallTime) -> Self {
        let fact = match fact {
            Fact::Pod(mut pod) => {
                pod.since = pod.since.map(|since| BootTime(wall(since).0));
                Fact::Pod(pod)
            }
            other => other,
        };
        Self { at: at.map(|at| wall(at).0), source, fact }
    }

    /// When it became known, in the time of a file; `begin` where that was before anything.
    #[must_use]
    pub fn time(&self, begin: BootTime) -> BootTime {
        self.at.map_or(begin, BootTime)
    }

    /// Reads one; `None` when it is something else.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// As one line of JSON.
    #[must_use]
    pub fn line(&self) -> String {
        // Facts have no maps with other keys than text, and no numbers that JSON does not have.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A difference of the wall clock's and the boot clock's, as a recording has it at one time.
#[derive(Clone, Copy, Debug, Default)]
pub struct WallClock {
    /// Of some moment, by one clock,
    pub time: BootTime,
    /// and by the other.
    pub wall: WallTime,
}

impl WallClock {
    /// What the wall clock said, or would have said, at a boot time.
    #[must_use]
    pub fn wall(self, time: BootTime) -> WallTime {
        let nanoseconds = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        if time > self.time {
            WallTime(self.wall.0.saturating_add(nanoseconds(time.since(self.time))))
        } else {
            WallTime(self.wall.0.saturating_sub(nanoseconds(self.time.since(time))))
        }
    }
}
