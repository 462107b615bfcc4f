//! What happened to a packet of a transaction.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::Serialize;

use super::hop::{Addresses, Place, message_kind, micros};
use crate::join::{Event, Sign, Transaction};
use crate::owner::Interfaces;
use crate::sink::icmp;

/// What happened, where, and to which packet.
#[derive(Debug, Serialize)]
pub(super) struct SignRecord<'a> {
    #[serde(flatten)]
    event: EventRecord<'a>,
    #[serde(flatten)]
    place: Place,
    message: &'static str,
    at_us: u64,
    #[serde(flatten)]
    addresses: Addresses,
    /// Which sending of the query, from 0.
    attempt: u16,
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum EventRecord<'a> {
    /// The kernel threw it away.
    Dropped {
        reason: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        location: &'a str,
    },
    /// An ICMP error quoted it.
    Icmp { from: IpAddr, error: Cow<'static, str>, icmp_type: u8, icmp_code: u8 },
}

impl<'a> SignRecord<'a> {
    pub(super) fn new(sign: &'a Sign, transaction: &Transaction, interfaces: &Interfaces) -> Self {
        Self {
            event: EventRecord::new(&sign.event),
            place: Place::new(sign.point, interfaces),
            message: message_kind(sign.message),
            at_us: micros(sign.time.since(transaction.time)),
            addresses: Addresses::new(sign.src, sign.dst),
            attempt: sign.attempt,
        }
    }
}

impl<'a> EventRecord<'a> {
    fn new(event: &'a Event) -> Self {
        match event {
            Event::Dropped { reason, location } => Self::Dropped { reason, location },
            &Event::Rejected { by, kind, code } => {
                Self::Icmp { from: by, error: icmp::error(by, kind, code), icmp_type: kind, icmp_code: code }
            }
        }
    }
}
