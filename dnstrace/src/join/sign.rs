//! What is seen of a transaction beside its messages: that a packet of it was dropped, or rejected with an ICMP error.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::MessageKind;
use crate::capture::{BootTime, Point};

/// One thing that happened to a packet of a transaction. Addresses are the packet's own, as there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sign {
    /// When.
    pub time: BootTime,
    /// Where that was seen.
    pub point: Point,
    /// Query or response.
    pub message: MessageKind,
    /// Which sending of the query this belongs to, from 0.
    pub attempt: u16,
    /// Source of the packet that it happened to.
    pub src: SocketAddr,
    /// Its destination.
    pub dst: SocketAddr,
    /// What happened.
    pub event: Event,
}

/// What happened to a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The kernel threw it away.
    Dropped {
        /// Drop reason by name, without `SKB_DROP_REASON_`; `NOT_SPECIFIED` where the kernel does not say.
        reason: Arc<str>,
        /// The kernel function that did it, by name; empty where that is not known.
        location: Arc<str>,
    },
    /// An ICMP error quoted it.
    Rejected {
        /// Who sent the error, as seen there.
        by: IpAddr,
        /// ICMP or `ICMPv6` type.
        kind: u8,
        /// Its code: of type 3 (ICMP) 3 and of type 1 (`ICMPv6`) 4 are port unreachable.
        code: u8,
    },
}

/// What IP says of a frame that is for the MAC address of somebody else.
const OTHERHOST: &str = "OTHERHOST";

impl Event {
    /// A bridge does not know where somebody is, asks all its ports, and the others' hosts throw it away.
    #[must_use]
    pub fn is_for_another_host(&self) -> bool {
        matches!(self, Self::Dropped { reason, .. } if **reason == *OTHERHOST)
    }
}
