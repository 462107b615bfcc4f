//! Counters that are part of no sum, but say how well the work could be done.

use crate::capture::live::HookCounts;
use crate::capture::{Counter, Hook};
use crate::decode::DecodeCounts;
use crate::join::{ConnectionCounts, JoinCounts};
use crate::owner::OwnerCounts;

/// Those that are not zero; words are joined by `_`, as in JSON.
#[must_use]
pub fn quality(
    hooks: &HookCounts,
    decoded: &DecodeCounts,
    joined: &JoinCounts,
    connections: &ConnectionCounts,
    owned: &OwnerCounts,
) -> Vec<(&'static str, u64)> {
    let cut = Hook::ALL.iter().map(|&hook| hooks.get(hook, Counter::Cut)).sum();
    let all = [
        ("packets_cut_by_snaplen", cut),
        ("messages_cut", decoded.messages_cut),
        ("first_fragments", decoded.messages_first_fragment),
        ("datagrams_reassembled", decoded.datagrams_reassembled),
        ("datagrams_timed_out", decoded.datagrams_timed_out),
        ("datagrams_evicted", decoded.datagrams_evicted),
        ("datagrams_unfinished", decoded.datagrams_unfinished),
        ("datagrams_overlapping", decoded.datagrams_overlapping),
        ("tunnels_unwrapped", decoded.tunnels),
        ("questions_malformed", decoded.questions_malformed),
        ("streams_evicted", decoded.streams_evicted),
        ("stream_gaps", decoded.stream_gaps),
        ("stream_bytes_lost", decoded.stream_bytes_lost),
        ("responses_before_their_query", joined.reordered),
        ("messages_ambiguous", joined.ambiguous),
        ("causes_ambiguous", joined.cause_ambiguous),
        ("transactions_evicted", joined.evicted),
        ("sightings_cut", joined.path_cut),
        ("attempts_cut", joined.attempts_cut),
        ("copies_cut", joined.messages_cut),
        ("connections_evicted", connections.evicted),
        ("connection_sightings_cut", connections.path_cut),
        ("signs_unmatched", joined.signs_unmatched),
        ("signs_cut", joined.signs_cut),
        ("index_crowded", joined.index_crowded),
        ("owners_in_conflict", owned.index.conflicts),
        ("owners_left_out", owned.index.left_out),
        ("owners_not_awaited", owned.not_awaited),
    ];
    all.into_iter().filter(|&(_, count)| count != 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_happened_is_told() {
        let joined = JoinCounts { evicted: 3, ..JoinCounts::default() };
        let mut hooks = HookCounts::default();
        hooks.0[Hook::Device as usize][Counter::Cut as usize] = 2;
        let told =
            quality(&hooks, &DecodeCounts::default(), &joined, &ConnectionCounts::default(), &OwnerCounts::default());
        assert_eq!(told, [("packets_cut_by_snaplen", 2), ("transactions_evicted", 3)]);
    }
}
