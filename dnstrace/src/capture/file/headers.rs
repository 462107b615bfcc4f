//! A recording's packets that dnstap told: their headers are made up, and give back what it told.

use std::net::{IpAddr, SocketAddr};

use super::link::Frame;
use super::options::chunk;
use crate::capture::{Layer, Transport};

/// IANA protocol numbers, and how long a header is; over TCP, the length of the message follows.
const TCP: u8 = 6;
const TCP_LEN: usize = 22;
const UDP: u8 = 17;
const UDP_LEN: usize = 8;

/// The message behind the headers; `None` when they are others.
pub(super) fn strip(bytes: &[u8]) -> Option<Frame<'_>> {
    let (src, dst, protocol, upper): (IpAddr, IpAddr, u8, &[u8]) = match bytes.first()? >> 4 {
        4 => (chunk::<4>(bytes, 12)?.into(), chunk::<4>(bytes, 16)?.into(), *bytes.get(9)?, bytes.get(20..)?),
        6 => (chunk::<16>(bytes, 8)?.into(), chunk::<16>(bytes, 24)?.into(), *bytes.get(6)?, bytes.get(40..)?),
        _ => return None,
    };
    let (transport, length) = match protocol {
        TCP => (Transport::Tcp, TCP_LEN),
        UDP => (Transport::Udp, UDP_LEN),
        _ => return None,
    };
    let port = |at| chunk(upper, at).map(u16::from_be_bytes);
    let (src, dst) = (SocketAddr::new(src, port(0)?), SocketAddr::new(dst, port(2)?));
    Some(Frame::plain(Layer::Message { src, dst, transport }, upper.get(length..)?))
}
