//! Counters to sums that must agree: nothing is lost without being counted.

use crate::capture::live::HookCounts;
use crate::capture::{Counter, Hook};

/// A total and the parts it must be the sum of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// What the total counts.
    pub what: String,
    /// The total.
    pub total: u64,
    /// Its parts.
    pub parts: Vec<(&'static str, u64)>,
}

impl Ledger {
    /// A total with its parts.
    pub fn new(what: &str, total: u64, parts: impl IntoIterator<Item = (&'static str, u64)>) -> Self {
        Self { what: what.to_owned(), total, parts: parts.into_iter().collect() }
    }

    /// What the kernel half counted at `hook`.
    #[must_use]
    pub fn hook(hook: Hook, counts: &HookCounts) -> Self {
        let what = match hook {
            Hook::Socket => "socket hook",
            Hook::Device => "device hook",
        };
        let parts = [
            ("emitted", Counter::Emitted),
            ("ring full", Counter::RingFull),
            ("too short", Counter::TooShort),
            ("fragment", Counter::Fragment),
            ("no payload", Counter::NoPayload),
        ];
        let total = counts.get(hook, Counter::Seen);
        Self::new(what, total, parts.map(|(name, counter)| (name, counts.get(hook, counter))))
    }

    /// What the parts add up to.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.parts.iter().map(|&(_, count)| count).sum()
    }

    /// Whether nothing is missing.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.sum() == self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hook_adds_up_when_every_packet_is_somewhere() {
        let mut counts = HookCounts::default();
        // Seen, emitted, ring full, too short, fragment, no payload, cut.
        counts.0[Hook::Device as usize] = [15, 5, 4, 3, 2, 1, 5];
        let ledger = Ledger::hook(Hook::Device, &counts);
        assert!(ledger.adds_up(), "{ledger:?}");
        counts.0[Hook::Device as usize][Counter::Emitted as usize] = 4;
        assert!(!Ledger::hook(Hook::Device, &counts).adds_up());
        assert!(Ledger::hook(Hook::Socket, &counts).adds_up());
    }
}
