//! UDP and TCP headers.

use super::network::{Upper, up_to};

/// IANA protocol numbers.
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;

/// A UDP datagram or a TCP segment, or a UDP super-packet of several datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Transported<'a> {
    pub(super) src_port: u16,
    pub(super) dst_port: u16,
    /// What was captured of its payload.
    pub(super) payload: &'a [u8],
    /// The payload's length on the wire.
    pub(super) wire_len: u32,
    /// Set for TCP.
    pub(super) segment: Option<Segment>,
}

/// What a TCP header says beside the ports (RFC 9293, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Sequence number of the first byte of payload, or of SYN.
    pub seq: u32,
    /// Acknowledgement number, with ACK.
    pub acknowledged: Option<u32>,
    /// SYN: begins a connection.
    pub syn: bool,
    /// FIN: nothing follows.
    pub fin: bool,
    /// RST: the connection is none.
    pub rst: bool,
}

impl Segment {
    /// Whether it begins or ends a connection.
    pub(super) fn begins_or_ends(&self) -> bool {
        self.syn || self.fin || self.rst
    }
}

/// Why there are no ports and payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Untransported {
    NotUdpTcp,
    TooShort,
    Malformed,
}

/// Reads the UDP or TCP header.
pub(super) fn read<'a>(upper: &Upper<'a>) -> Result<Transported<'a>, Untransported> {
    match upper.protocol {
        UDP => read_udp(upper),
        TCP => read_tcp(upper),
        _ => Err(Untransported::NotUdpTcp),
    }
}

fn read_udp<'a>(upper: &Upper<'a>) -> Result<Transported<'a>, Untransported> {
    let (header, payload) = upper.payload.split_first_chunk::<8>().ok_or(Untransported::TooShort)?;
    let length = match u32::from(u16::from_be_bytes([header[4], header[5]])) {
        // RFC 2675, 4: as long as the packet says.
        0 => upper.wire_len,
        length => length,
    };
    // Of a first fragment, the header knows the length of all.
    if length < 8 || length > upper.wire_len && !upper.fragment {
        return Err(Untransported::Malformed);
    }
    let wire_len = length - 8;
    let (src_port, dst_port) = ports(*header);
    Ok(Transported { src_port, dst_port, payload: up_to(payload, wire_len), wire_len, segment: None })
}

fn read_tcp<'a>(upper: &Upper<'a>) -> Result<Transported<'a>, Untransported> {
    let header: &[u8; 20] = upper.payload.first_chunk().ok_or(Untransported::TooShort)?;
    let [.., seq0, seq1, seq2, seq3, ack0, ack1, ack2, ack3, offset, flags, _, _, _, _, _, _] = *header;
    let header_len = u32::from(offset >> 4) * 4;
    if header_len < 20 || header_len > upper.wire_len {
        return Err(Untransported::Malformed);
    }
    let segment = Segment {
        seq: u32::from_be_bytes([seq0, seq1, seq2, seq3]),
        acknowledged: (flags & 0x10 != 0).then(|| u32::from_be_bytes([ack0, ack1, ack2, ack3])),
        fin: flags & 1 != 0,
        syn: flags & 2 != 0,
        rst: flags & 4 != 0,
    };
    let (src_port, dst_port) = ports(*header);
    // Options that were not captured to their end leave nothing of the payload.
    let payload = upper.payload.get(header_len as usize..).unwrap_or_default();
    Ok(Transported { src_port, dst_port, payload, wire_len: upper.wire_len - header_len, segment: Some(segment) })
}

fn ports<const N: usize>(header: [u8; N]) -> (u16, u16) {
    (u16::from_be_bytes([header[0], header[1]]), u16::from_be_bytes([header[2], header[3]]))
}
