//! ICMP and `ICMPv6` errors: which packet was rejected (RFC 792, RFC 4443).

use std::net::{IpAddr, SocketAddr};

use super::Transport;
use super::network::{Datagram, Upper, quoted, up_to};
use super::signal::{IcmpError, Subject, SubjectMessage};
use super::subject::first_message;
use super::transport::{self, Segment, TCP, UDP};

/// IANA protocol numbers.
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// An error with the packet it quotes; `None` when this is no ICMP error, or it quotes no ports.
pub(super) fn read(datagram: &Datagram<'_>) -> Option<(IcmpError, Subject)> {
    let Upper { protocol, payload, .. } = datagram.upper;
    let (&[kind, code, _, _, words_v6, words_v4, _, _], quote) = payload.split_first_chunk::<8>()?;
    // RFC 4884, 4: how much is quoted, in units of eight or four bytes; 0 is all that follows.
    let quote_len = match (protocol, kind) {
        // Destination unreachable, time exceeded, parameter problem.
        (ICMP, 3 | 11 | 12) => usize::from(words_v4) * 4,
        // Destination unreachable, time exceeded; packet too big and parameter problem have a number there.
        (ICMPV6, 1 | 3) => usize::from(words_v6) * 8,
        (ICMPV6, 2 | 4) => 0,
        _ => return None,
    };
    let quote = if quote_len == 0 { quote } else { quote.get(..quote_len).unwrap_or(quote) };
    let inside = quoted(quote).ok()?;
    // What is quoted is what its receiver got: a tunnel's packets are their own business.
    let subject = subject(inside.src, inside.dst, &inside.upper)?;
    Some((IcmpError { from: datagram.src, to: datagram.dst, kind, code }, subject))
}

/// A packet of which at least the first eight bytes behind its IP header are known.
fn subject(src: IpAddr, dst: IpAddr, upper: &Upper<'_>) -> Option<Subject> {
    let &[s0, s1, d0, d1, len0, len1, seq2, seq3] = upper.payload.first_chunk()?;
    let transport = match upper.protocol {
        UDP => Transport::Udp,
        TCP => Transport::Tcp,
        _ => return None,
    };
    let message = match transport {
        Transport::Udp => udp_message(upper, u16::from_be_bytes([len0, len1])),
        Transport::Tcp => tcp_message(upper),
    };
    Some(Subject {
        src: SocketAddr::new(src, u16::from_be_bytes([s0, s1])),
        dst: SocketAddr::new(dst, u16::from_be_bytes([d0, d1])),
        transport,
        segment: (transport == Transport::Tcp).then(|| segment(upper, [len0, len1, seq2, seq3])),
        message,
    })
}

fn segment(upper: &Upper<'_>, seq: [u8; 4]) -> Segment {
    let whole = transport::read(upper).ok().and_then(|transported| transported.segment);
    let known = Segment { seq: u32::from_be_bytes(seq), acknowledged: None, syn: false, fin: false, rst: false };
    whole.unwrap_or(known)
}

fn udp_message(upper: &Upper<'_>, length: u16) -> Option<SubjectMessage> {
    let wire_len = u32::from(length).checked_sub(8)?;
    SubjectMessage::read(up_to(&upper.payload[8..], wire_len), wire_len)
}

fn tcp_message(upper: &Upper<'_>) -> Option<SubjectMessage> {
    let header_len = usize::from(upper.payload.get(12)? >> 4) * 4;
    first_message(upper.payload.get(header_len.max(20)..)?)
}
