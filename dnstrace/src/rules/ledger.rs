//! Counters to sums that must agree: nothing is lost without being counted.

use crate::capture::live::HookCounts;
use crate::capture::{Counter, Hook};
use crate::decode::DecodeCounts;
use crate::join::{ConnectionCounts, JoinCounts};

/// A total and the parts it must be the sum of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// What the total counts; words are joined by `_`, as in JSON.
    pub what: &'static str,
    /// The total.
    pub total: u64,
    /// Its parts, named in the same way.
    pub parts: Vec<(&'static str, u64)>,
}

impl Ledger {
    /// A total with its parts.
    pub fn new(what: &'static str, total: u64, parts: impl IntoIterator<Item = (&'static str, u64)>) -> Self {
        Self { what, total, parts: parts.into_iter().collect() }
    }

    /// What the kernel half counted at `hook`.
    #[must_use]
    pub fn hook(hook: Hook, counts: &HookCounts) -> Self {
        let what = match hook {
            Hook::Socket => "socket_hook",
            Hook::Device => "device_hook",
            Hook::Drop => "drop_hook",
        };
        let parts = [
            ("emitted", Counter::Emitted),
            ("ring_full", Counter::RingFull),
            ("too_short", Counter::TooShort),
            ("fragment", Counter::Fragment),
            ("no_payload", Counter::NoPayload),
        ];
        let total = counts.get(hook, Counter::Seen);
        Self::new(what, total, parts.map(|(name, counter)| (name, counts.get(hook, counter))))
    }

    /// What the hooks put into the ring buffer, and what came out of it.
    #[must_use]
    pub fn ring_buffer(counts: &HookCounts, read: u64, unreadable: u64) -> Self {
        Self::new("ring_buffer", counts.emitted(), [("read", read), ("unreadable", unreadable)])
    }

    /// What became of the packets that were decoded.
    #[must_use]
    pub fn packets(counts: &DecodeCounts) -> Self {
        let parts = counts.entries().filter_map(|(name, count)| Some((name.strip_prefix("packets_")?, count)));
        Self::new("packets", counts.packets, parts)
    }

    /// What became of the messages that were found in them.
    #[must_use]
    pub fn messages(counts: &DecodeCounts) -> Self {
        let parts = [
            ("observed", counts.messages),
            ("empty", counts.messages_empty),
            ("too_short", counts.messages_too_short),
            ("header_cut", counts.messages_header_cut),
            ("implausible", counts.messages_implausible),
        ];
        Self::new("messages", counts.messages_found, parts)
    }

    /// What the observations were to the transactions they were joined to.
    #[must_use]
    pub fn observations(counts: &JoinCounts) -> Self {
        let parts = [
            ("queries", counts.queries),
            ("query_sightings", counts.query_sightings),
            ("retransmissions", counts.retransmissions),
            ("responses", counts.responses),
            ("response_sightings", counts.response_sightings),
            ("duplicate_responses", counts.duplicate_responses),
            ("duplicate_sightings", counts.duplicate_sightings),
            ("unmatched_responses", counts.unmatched_responses),
            ("unmatched_sightings", counts.unmatched_sightings),
            ("late_responses", counts.late_responses),
            ("absorbed", counts.absorbed),
        ];
        Self::new("observations", counts.observations, parts)
    }

    /// How the transactions ended.
    #[must_use]
    pub fn transactions(counts: &JoinCounts) -> Self {
        let parts = [
            ("answered", counts.answered),
            ("no_response", counts.no_response),
            ("unsolicited", counts.unsolicited),
            ("outstanding", counts.outstanding),
        ];
        Self::new("transactions", counts.transactions, parts)
    }

    /// What the drops and ICMP errors belong to.
    #[must_use]
    pub fn signs(counts: &JoinCounts) -> Self {
        let parts = [("joined", counts.signs_joined), ("cut", counts.signs_cut), ("unmatched", counts.signs_unmatched)];
        Self::new("signs", counts.signs, parts)
    }

    /// What became of the TCP connections that were given out.
    #[must_use]
    pub fn connections(given: u64, counts: &ConnectionCounts) -> Self {
        let parts = [
            ("accepted", counts.accepted),
            ("refused", counts.refused),
            ("no_answer", counts.no_answer),
            ("reset", counts.reset),
            ("outstanding", counts.outstanding),
        ];
        Self::new("connections", given, parts)
    }

    /// What the parts add up to.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.parts.iter().map(|&(_, count)| count).sum()
    }

    /// How many of the total are gone because something was too slow.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.parts.iter().filter(|(name, _)| matches!(*name, "ring_full" | "dropped")).map(|&(_, count)| count).sum()
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
