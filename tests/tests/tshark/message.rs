//! A DNS message in the form in which both readings are compared.

use std::net::SocketAddr;

/// Where it was seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point {
    /// Its index in cooked frames, its name in pcapng files.
    pub(crate) interface: String,
    pub(crate) out: bool,
}

/// All that is compared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) point: Point,
    /// Nanoseconds since 1970.
    pub(crate) time: u64,
    pub(crate) tcp: bool,
    pub(crate) src: SocketAddr,
    pub(crate) dst: SocketAddr,
    pub(crate) vlan: Option<u16>,
    /// The first fragment of a datagram that did not become whole.
    pub(crate) fragment: bool,
    pub(crate) id: u16,
    pub(crate) flags: u16,
    pub(crate) counts: [u16; 4],
    pub(crate) wire_len: usize,
    /// Name in wire format, type, class.
    pub(crate) question: Option<(Vec<u8>, u16, u16)>,
    pub(crate) answers: Vec<Record>,
    pub(crate) edns: Option<Edns>,
    /// Whether all records could be read.
    pub(crate) complete: bool,
    /// Its bytes, of a complete message.
    pub(crate) bytes: Vec<u8>,
}

/// A record of the answer section.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) rtype: u16,
    pub(crate) class: u16,
    pub(crate) ttl: u32,
    pub(crate) data: String,
}

/// EDNS and extended errors.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Edns {
    pub(crate) udp_size: u16,
    pub(crate) rcode_high: u8,
    pub(crate) version: u8,
    pub(crate) dnssec_ok: bool,
    pub(crate) errors: Vec<(u16, String)>,
}
