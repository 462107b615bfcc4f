//! Counters of what was lost to records that say when.

use std::time::Duration;

use super::{Lost, Outlet};
use crate::capture::live::HookCounts;
use crate::capture::{BootTime, Counter, Hook, WallTime};

/// Often enough to see when it happened, seldom enough not to drown what is shown.
const INTERVAL: Duration = Duration::from_secs(1);

/// What was told of what was lost, and when.
#[derive(Debug)]
pub struct Losses {
    told: HookCounts,
    dropped: u64,
    unrecorded: u64,
    due: BootTime,
    from: Option<WallTime>,
}

impl Losses {
    /// Nothing was lost by `now`.
    #[must_use]
    pub fn new(now: BootTime) -> Self {
        Self { told: HookCounts::default(), dropped: 0, unrecorded: 0, due: now.after(INTERVAL), from: None }
    }

    /// Whether it is time to tell.
    pub fn are_due(&mut self, now: BootTime) -> bool {
        let due = now >= self.due;
        if due {
            self.due = now.after(INTERVAL);
        }
        due
    }

    /// Tells what was lost since the last time; of packets that were to be recorded, `unrecorded` were lost so far.
    pub fn tell(&mut self, counts: &HookCounts, unrecorded: u64, wall: WallTime, outlet: &mut Outlet) {
        let ring_full = |counts: &HookCounts, hook| counts.get(hook, Counter::RingFull);
        let full = |hook| ring_full(counts, hook).saturating_sub(ring_full(&self.told, hook));
        let dropped = outlet.counts().dropped;
        let lost = [
            ("socket", "ring full", full(Hook::Socket)),
            ("device", "ring full", full(Hook::Device)),
            ("drop", "ring full", full(Hook::Drop)),
            ("output", "output too slow", dropped - self.dropped),
            ("recording", "file too slow", unrecorded - self.unrecorded),
        ];
        for (place, reason, count) in lost.into_iter().filter(|&(.., count)| count != 0) {
            outlet.lost(Lost { place, reason, count, from: self.from.unwrap_or(wall), until: wall });
        }
        (self.told, self.dropped, self.unrecorded) = (counts.clone(), dropped, unrecorded);
        self.from = Some(wall);
    }
}
