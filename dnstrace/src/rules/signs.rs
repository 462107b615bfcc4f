//! What signs of a transaction say: drops by reason, ICMP errors by meaning.

use std::net::IpAddr;

use super::case::Case;
use crate::join::{Event, MessageKind, Sign};

/// What an ICMP error says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rejection {
    /// Nobody listens on the port.
    Port,
    /// There is no way to the host, or it does not answer on its link.
    Host,
    /// A rule forbids it.
    Prohibited,
}

/// An ICMP error that quotes a query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rejected<'a> {
    /// Who sent it.
    pub(super) by: IpAddr,
    /// What it says.
    pub(super) says: Rejection,
    /// All of it.
    pub(super) sign: &'a Sign,
}

impl Rejected<'_> {
    /// The one who was asked sent it itself.
    pub(super) fn is_by_destination(&self) -> bool {
        self.by.to_canonical() == self.sign.dst.ip().to_canonical()
    }
}

/// A packet that the kernel threw away.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dropped<'a> {
    /// Drop reason by name.
    pub(super) reason: &'a str,
    /// Kernel function by name.
    pub(super) location: &'a str,
    /// Query or response.
    pub(super) message: MessageKind,
}

/// What netfilter says of a packet that one of its hooks threw away.
const NETFILTER_DROP: &str = "NETFILTER_DROP";

impl Dropped<'_> {
    /// Netfilter threw it away where more than rules do: connection tracking, too (failures.md of 6.18: a full table).
    pub(super) fn is_by_netfilter_hook(&self) -> bool {
        self.reason == NETFILTER_DROP && self.location == "nf_hook_slow"
    }

    /// A rule threw it away, as nothing else does it there: nftables, iptables, or a program at an interface or cgroup.
    pub(super) fn is_by_rule(&self) -> bool {
        let is_table = self.location.starts_with("nft_do_chain") || self.location.contains("t_do_table");
        let is_program = matches!(self.reason, "TC_INGRESS" | "TC_EGRESS" | "BPF_CGROUP_EGRESS" | "XDP");
        is_program || (self.reason == NETFILTER_DROP && is_table)
    }
}

/// ICMP errors that quote a query.
pub(super) fn rejections(signs: &[Sign]) -> impl Iterator<Item = Rejected<'_>> {
    signs.iter().filter(|sign| sign.message == MessageKind::Query).filter_map(|sign| match sign.event {
        Event::Rejected { by, kind, code } => Some(Rejected { by, says: says(by, kind, code)?, sign }),
        Event::Dropped { .. } => None,
    })
}

/// Whether a query was given to others than those it was for, as nobody has the MAC address of its frame.
pub(super) fn went_to_others(signs: &[Sign]) -> bool {
    signs.iter().any(|sign| sign.message == MessageKind::Query && sign.event.is_for_another_host())
}

/// Packets that the kernel threw away.
pub(super) fn drops(signs: &[Sign]) -> impl Iterator<Item = Dropped<'_>> {
    signs.iter().filter_map(dropped)
}

/// Why the response did not come to its client, where that is why.
pub(super) fn lost_response(case: &Case) -> Option<&Sign> {
    case.signs.get(usize::from(case.lost_by?))
}

/// What the kernel says of a packet that it threw away.
pub(super) fn dropped(sign: &Sign) -> Option<Dropped<'_>> {
    match &sign.event {
        Event::Dropped { reason, location } => Some(Dropped { reason, location, message: sign.message }),
        Event::Rejected { .. } => None,
    }
}

/// RFC 792, RFC 1812, 5.2.7.1, and RFC 4443, 3.1. A packet too big is no rejection.
fn says(by: IpAddr, kind: u8, code: u8) -> Option<Rejection> {
    match (by.to_canonical().is_ipv4(), kind, code) {
        (true, 3, 3) | (false, 1, 4) => Some(Rejection::Port),
        (true, 3, 0 | 1 | 5..=8 | 11 | 12) | (false, 1, 0 | 2 | 3) => Some(Rejection::Host),
        (true, 3, 9 | 10 | 13) | (false, 1, 1 | 5 | 6) => Some(Rejection::Prohibited),
        _ => None,
    }
}
