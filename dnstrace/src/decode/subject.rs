//! The packet that a signal tells of, out of its headers.

use std::net::SocketAddr;

use super::Transport;
use super::network::{Datagram, up_to};
use super::signal::{Subject, SubjectMessage};
use super::transport::Transported;

/// A packet that was read up to its payload.
pub(super) fn of(datagram: &Datagram<'_>, transported: &Transported<'_>) -> Subject {
    let (payload, wire_len) = (transported.payload, transported.wire_len);
    let (transport, message) = match transported.segment {
        None => (Transport::Udp, SubjectMessage::read(up_to(payload, wire_len), wire_len)),
        Some(_) => (Transport::Tcp, first_message(payload)),
    };
    Subject {
        src: SocketAddr::new(datagram.src, transported.src_port),
        dst: SocketAddr::new(datagram.dst, transported.dst_port),
        transport,
        segment: transported.segment,
        message,
    }
}

/// The message that a segment begins with, if it begins with one. RFC 1035, 4.2.2: two length bytes come before it.
pub(super) fn first_message(payload: &[u8]) -> Option<SubjectMessage> {
    let (length, message) = payload.split_first_chunk::<2>()?;
    let wire_len = u32::from(u16::from_be_bytes(*length));
    SubjectMessage::read(up_to(message, wire_len), wire_len)
}
