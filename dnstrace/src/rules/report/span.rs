//! From when until when it was watched.

use std::time::Duration;

use crate::capture::{BootTime, WallTime};

/// A stretch of time, in the time of packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    watched: Option<(BootTime, BootTime)>,
    /// Boot time and wall clock of the first and the last packet.
    packets: Option<[(BootTime, WallTime); 2]>,
}

impl Span {
    /// It was watched at `now`.
    pub fn watch(&mut self, now: BootTime) {
        let (begin, end) = self.watched.unwrap_or((now, now));
        self.watched = Some((begin.min(now), end.max(now)));
    }

    /// A packet was seen.
    pub fn packet(&mut self, time: BootTime, wall: WallTime) {
        self.watch(time);
        let [first, last] = self.packets.unwrap_or([(time, wall); 2]);
        self.packets = Some([first.min((time, wall)), last.max((time, wall))]);
    }

    /// How long; `None` when it was not.
    #[must_use]
    pub fn length(&self) -> Option<Duration> {
        self.watched.map(|(begin, end)| end.since(begin))
    }

    /// Begin and end by the wall clock, which is known by packets only.
    #[must_use]
    pub fn walls(&self) -> Option<(WallTime, WallTime)> {
        let (begin, end) = self.watched?;
        let [(first, first_wall), (last, last_wall)] = self.packets?;
        let nanos = |earlier: BootTime, later: BootTime| later.0.saturating_sub(earlier.0);
        let from = first_wall.0.saturating_sub(nanos(begin, first));
        Some((WallTime(from), WallTime(last_wall.0.saturating_add(nanos(last, end)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watching_begins_before_the_first_packet_and_ends_after_the_last() {
        let mut span = Span::default();
        assert_eq!((span.length(), span.walls()), (None, None));
        span.watch(BootTime(100));
        assert_eq!((span.length(), span.walls()), (Some(Duration::ZERO), None));
        span.packet(BootTime(150), WallTime(1_050));
        // A packet of another CPU may come out of order.
        span.packet(BootTime(140), WallTime(1_040));
        span.watch(BootTime(200));
        assert_eq!(span.length(), Some(Duration::from_nanos(100)));
        assert_eq!(span.walls(), Some((WallTime(1_000), WallTime(1_100))));
    }
}
