//! What a packet tells beside DNS messages: that another was rejected, that it was dropped itself, or that a TCP
//! connection begins or ends.

use std::net::{IpAddr, SocketAddr};

use super::{Header, Segment, Transport};
use crate::capture::{BootTime, Dropped, Point, Socket, WallTime};

/// Bytes kept of the message in it: what tells one message from another.
pub const SIGNAL_BYTES: usize = 512;

/// One packet that tells something beside DNS messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// When.
    pub time: BootTime,
    /// The same, for showing.
    pub wall: WallTime,
    /// Where.
    pub point: Point,
    /// The local socket there.
    pub socket: Socket,
    /// What happened.
    pub event: SignalEvent,
    /// The packet that it happened to.
    pub subject: Subject,
}

/// What happened to a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignalEvent {
    /// An ICMP error quotes it.
    Rejected(IcmpError),
    /// The kernel threw it away.
    Dropped(Dropped),
    /// It begins or ends a TCP connection.
    Segment,
}

/// What an ICMP or `ICMPv6` error says, and between whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// Who sent the error.
    pub from: IpAddr,
    /// Whom it was sent to.
    pub to: IpAddr,
    /// ICMP or `ICMPv6` type.
    pub kind: u8,
    /// Its code.
    pub code: u8,
}

/// A packet from or to a DNS port, as far as it is known: an ICMP error may quote eight bytes of it only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Source.
    pub src: SocketAddr,
    /// Destination.
    pub dst: SocketAddr,
    /// UDP or TCP.
    pub transport: Transport,
    /// What its TCP header says; of eight bytes, the sequence number only.
    pub segment: Option<Segment>,
    /// The message in it, or that begins in it.
    pub message: Option<SubjectMessage>,
}

/// The beginning of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectMessage {
    /// Its header.
    pub header: Header,
    /// What is known of it, up to [`SIGNAL_BYTES`].
    pub bytes: Vec<u8>,
    /// Its length on the wire.
    pub wire_len: u32,
}

impl SubjectMessage {
    /// Reads the beginning of a message of `wire_len` bytes; `None` when there is no whole header.
    pub(super) fn read(bytes: &[u8], wire_len: u32) -> Option<Self> {
        let header = Header::read(bytes)?;
        Some(Self { header, bytes: bytes[..bytes.len().min(SIGNAL_BYTES)].to_vec(), wire_len })
    }
}
