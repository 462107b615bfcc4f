//! One observation point of a path.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use crate::capture::{Direction, Hook, Point};
use crate::decode::Transport;
use crate::join::{Hop, MessageKind, Transaction};
use crate::owner::Interfaces;

/// Where: hook, interface, netns, direction.
#[derive(Debug, Serialize)]
pub(in crate::sink) struct Place {
    hook: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ifindex: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    netns: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<&'static str>,
}

impl Place {
    pub(in crate::sink) fn new(point: Point, interfaces: &Interfaces) -> Self {
        Self {
            hook: match point.hook {
                Hook::Socket => "socket",
                Hook::Device => "device",
                Hook::Drop => "drop",
            },
            interface: interfaces.name(point).map(str::to_owned),
            ifindex: nonzero(point.ifindex),
            netns: nonzero(point.netns),
            direction: match point.direction {
                Direction::In => Some("in"),
                Direction::Out => Some("out"),
                Direction::Unknown => None,
            },
        }
    }
}

/// Source and destination as on the wire.
#[derive(Debug, Serialize)]
pub(super) struct Addresses {
    src: IpAddr,
    src_port: u16,
    dest: IpAddr,
    dest_port: u16,
}

impl Addresses {
    pub(super) fn new(src: SocketAddr, dest: SocketAddr) -> Self {
        Self { src: src.ip(), src_port: src.port(), dest: dest.ip(), dest_port: dest.port() }
    }
}

/// One sighting of one of a transaction's messages.
#[derive(Debug, Serialize)]
pub(super) struct HopRecord {
    #[serde(flatten)]
    place: Place,
    message: &'static str,
    at_us: u64,
    #[serde(flatten)]
    addresses: Addresses,
    #[serde(skip_serializing_if = "Option::is_none")]
    vlan: Option<u16>,
    /// Which sending of the query, from 0.
    attempt: u16,
}

impl HopRecord {
    pub(super) fn new(hop: &Hop, transaction: &Transaction, interfaces: &Interfaces) -> Self {
        Self {
            place: Place::new(hop.point, interfaces),
            message: message_kind(hop.message),
            at_us: micros(hop.time.since(transaction.time)),
            addresses: Addresses::new(hop.src, hop.dst),
            vlan: hop.vlan,
            attempt: hop.attempt,
        }
    }
}

pub(super) fn message_kind(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Query => "query",
        MessageKind::Response => "response",
    }
}

pub(super) fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
    }
}

pub(super) fn family(address: SocketAddr) -> u8 {
    if address.is_ipv4() { 4 } else { 6 }
}

pub(in crate::sink) fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn nonzero(number: u32) -> Option<u32> {
    (number != 0).then_some(number)
}
