//! What became of packets and messages.

/// What became of packets and messages: every packet ends in exactly one of the `packets_*` counters. A tunnel's ends
/// where what is inside does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecodeCounts {
    /// Packets looked at: the sum of the `packets_*`.
    pub packets: u64,
    /// Gave at least one message.
    pub packets_message: u64,
    /// Of a TCP stream: keeps a message's beginning or middle, or came out of order; messages come later.
    pub packets_held: u64,
    /// TCP without payload: SYN, FIN, RST, acknowledgement.
    pub packets_no_payload: u64,
    /// All of its TCP payload was seen before.
    pub packets_retransmitted: u64,
    /// Of a TCP stream whose next message's beginning is not known: after a gap, or from before the capture.
    pub packets_skipped: u64,
    /// Its payload is no DNS message; `messages_*` say why.
    pub packets_not_dns: u64,
    /// Neither port speaks DNS.
    pub packets_not_dns_port: u64,
    /// A fragment of a datagram that is read with another packet, its last, or not read: `datagrams_*` say why.
    pub packets_fragment: u64,
    /// A later fragment where they are not put together: it has no ports.
    pub packets_later_fragment: u64,
    /// An ICMP error that quotes a packet from or to a DNS port.
    pub packets_icmp_error: u64,
    /// The kernel threw it away: it is a sign of what was seen elsewhere.
    pub packets_drop: u64,
    /// It went with the socket that had not read it.
    pub packets_purged: u64,
    /// Neither UDP nor TCP.
    pub packets_not_udp_tcp: u64,
    /// Neither IPv4 nor IPv6.
    pub packets_not_ip: u64,
    /// Captured bytes end before the payload.
    pub packets_too_short: u64,
    /// A header contradicts itself or the packet's length.
    pub packets_malformed: u64,

    /// Found in packets: the sum of the next five.
    pub messages_found: u64,
    /// Given as observations.
    pub messages: u64,
    /// TCP: a length of 0.
    pub messages_empty: u64,
    /// Shorter than a DNS header.
    pub messages_too_short: u64,
    /// The header was not captured.
    pub messages_header_cut: u64,
    /// The header fits no DNS message.
    pub messages_implausible: u64,

    /// Of `messages`: not captured to their end.
    pub messages_cut: u64,
    /// Of `messages`: only the first IP fragment was seen.
    pub messages_first_fragment: u64,
    /// Of `messages`: announce a question that is none.
    pub questions_malformed: u64,

    /// IP datagrams of which fragments were held: the sum of the next five, when a run has ended.
    pub datagrams: u64,
    /// Were whole with their last fragment.
    pub datagrams_reassembled: u64,
    /// Missed fragments for too long. The first is read as far as it goes, as it is of the next two.
    pub datagrams_timed_out: u64,
    /// Given up to make room, or in too many fragments.
    pub datagrams_evicted: u64,
    /// Missed fragments when the run ended.
    pub datagrams_unfinished: u64,
    /// Dropped: their fragments overlap, or contradict each other.
    pub datagrams_overlapping: u64,

    /// Packets found in tunnels.
    pub tunnels: u64,

    /// TCP streams followed.
    pub streams: u64,
    /// Of `streams`: forgotten to make room.
    pub streams_evicted: u64,
    /// Of `streams`: saw no packet for long.
    pub streams_expired: u64,
    /// TCP payload that is missing between segments or behind their captured part.
    pub stream_gaps: u64,
    /// Bytes of TCP payload that were held and belong to no message given.
    pub stream_bytes_lost: u64,
}

impl DecodeCounts {
    /// Every counter with its name.
    pub fn entries(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        [
            ("packets", self.packets),
            ("packets_message", self.packets_message),
            ("packets_held", self.packets_held),
            ("packets_no_payload", self.packets_no_payload),
            ("packets_retransmitted", self.packets_retransmitted),
            ("packets_skipped", self.packets_skipped),
            ("packets_not_dns", self.packets_not_dns),
            ("packets_not_dns_port", self.packets_not_dns_port),
            ("packets_fragment", self.packets_fragment),
            ("packets_later_fragment", self.packets_later_fragment),
            ("packets_icmp_error", self.packets_icmp_error),
            ("packets_drop", self.packets_drop),
            ("packets_purged", self.packets_purged),
            ("packets_not_udp_tcp", self.packets_not_udp_tcp),
            ("packets_not_ip", self.packets_not_ip),
            ("packets_too_short", self.packets_too_short),
            ("packets_malformed", self.packets_malformed),
            ("messages_found", self.messages_found),
            ("messages", self.messages),
            ("messages_empty", self.messages_empty),
            ("messages_too_short", self.messages_too_short),
            ("messages_header_cut", self.messages_header_cut),
            ("messages_implausible", self.messages_implausible),
            ("messages_cut", self.messages_cut),
            ("messages_first_fragment", self.messages_first_fragment),
            ("questions_malformed", self.questions_malformed),
            ("datagrams", self.datagrams),
            ("datagrams_reassembled", self.datagrams_reassembled),
            ("datagrams_timed_out", self.datagrams_timed_out),
            ("datagrams_evicted", self.datagrams_evicted),
            ("datagrams_unfinished", self.datagrams_unfinished),
            ("datagrams_overlapping", self.datagrams_overlapping),
            ("tunnels", self.tunnels),
            ("streams", self.streams),
            ("streams_evicted", self.streams_evicted),
            ("streams_expired", self.streams_expired),
            ("stream_gaps", self.stream_gaps),
            ("stream_bytes_lost", self.stream_bytes_lost),
        ]
        .into_iter()
    }

    /// Whether every packet and every message found is accounted for.
    #[must_use]
    pub fn add_up(&self) -> bool {
        let packets: u64 =
            self.entries().filter(|(name, _)| name.starts_with("packets_")).map(|(_, count)| count).sum();
        let not_given =
            self.messages_empty + self.messages_too_short + self.messages_header_cut + self.messages_implausible;
        packets == self.packets && self.messages_found == self.messages + not_given
    }
}
