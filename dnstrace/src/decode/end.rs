//! What became of one packet.

use super::DecodeCounts;
use super::network::Unreadable;
use super::streams::Fate;
use super::transport::Untransported;

/// What became of one packet: each has its counter.
#[derive(Clone, Copy)]
pub(super) enum End {
    Message,
    NotDns,
    NotDnsPort,
    Stream(Fate),
    Fragment,
    LaterFragment,
    IcmpError,
    Drop,
    Purged,
    NotUdpTcp,
    NotIp,
    TooShort,
    Malformed,
}

impl From<Unreadable> for End {
    fn from(why: Unreadable) -> Self {
        match why {
            Unreadable::NotIp => Self::NotIp,
            Unreadable::TooShort => Self::TooShort,
            Unreadable::Malformed => Self::Malformed,
        }
    }
}

impl From<Untransported> for End {
    fn from(why: Untransported) -> Self {
        match why {
            Untransported::NotUdpTcp => Self::NotUdpTcp,
            Untransported::TooShort => Self::TooShort,
            Untransported::Malformed => Self::Malformed,
        }
    }
}

impl End {
    /// Whether the packet can have to do with DNS: what could not be read may.
    pub(super) fn concerns_dns(self) -> bool {
        !matches!(self, Self::NotDnsPort | Self::NotUdpTcp | Self::NotIp)
    }

    /// Its counter.
    pub(super) fn counter(self, counts: &mut DecodeCounts) -> &mut u64 {
        match self {
            Self::Message => &mut counts.packets_message,
            Self::NotDns => &mut counts.packets_not_dns,
            Self::NotDnsPort => &mut counts.packets_not_dns_port,
            Self::Stream(Fate::Held) => &mut counts.packets_held,
            Self::Stream(Fate::NoPayload) => &mut counts.packets_no_payload,
            Self::Stream(Fate::Retransmitted) => &mut counts.packets_retransmitted,
            Self::Stream(Fate::Skipped) => &mut counts.packets_skipped,
            Self::Fragment => &mut counts.packets_fragment,
            Self::LaterFragment => &mut counts.packets_later_fragment,
            Self::IcmpError => &mut counts.packets_icmp_error,
            Self::Drop => &mut counts.packets_drop,
            Self::Purged => &mut counts.packets_purged,
            Self::NotUdpTcp => &mut counts.packets_not_udp_tcp,
            Self::NotIp => &mut counts.packets_not_ip,
            Self::TooShort => &mut counts.packets_too_short,
            Self::Malformed => &mut counts.packets_malformed,
        }
    }
}
