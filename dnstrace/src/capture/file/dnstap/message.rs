//! dnstap's protocol buffers (<https://dnstap.info>, `dnstap.proto`): an event to the messages that it tells.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use prost::Message as _;

use crate::capture::{Direction, Transport};

/// `Dnstap.Type.MESSAGE`, the only one there is.
const TYPE_MESSAGE: i32 = 1;
/// `SocketFamily.INET6`.
const FAMILY_INET6: i32 = 2;

/// A host's name is not longer (RFC 1035, 2.3.4), and names are kept.
const IDENTITY_LEN_MAX: usize = 255;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// `Dnstap`; what is not here is skipped.
#[derive(Clone, PartialEq, prost::Message)]
struct Dnstap {
    #[prost(bytes = "vec", tag = "1")]
    identity: Vec<u8>,
    #[prost(message, optional, tag = "14")]
    message: Option<Message>,
    #[prost(int32, tag = "15")]
    kind: i32,
}

/// `Message`, with the messages themselves as `query` and `response`.
#[derive(Clone, PartialEq, prost::Message)]
struct Message {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(int32, tag = "2")]
    socket_family: i32,
    #[prost(int32, tag = "3")]
    socket_protocol: i32,
    #[prost(bytes = "vec", tag = "4")]
    query_address: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    response_address: Vec<u8>,
    #[prost(uint32, tag = "6")]
    query_port: u32,
    #[prost(uint32, tag = "7")]
    response_port: u32,
    #[prost(uint64, optional, tag = "8")]
    query_time_sec: Option<u64>,
    #[prost(fixed32, tag = "9")]
    query_time_nsec: u32,
    #[prost(bytes = "vec", optional, tag = "10")]
    query: Option<Vec<u8>>,
    #[prost(uint64, optional, tag = "12")]
    response_time_sec: Option<u64>,
    #[prost(fixed32, tag = "13")]
    response_time_nsec: u32,
    #[prost(bytes = "vec", optional, tag = "14")]
    response: Option<Vec<u8>>,
}

/// As what a server sends or receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Auth,
    Resolver,
    Client,
    Forwarder,
    Stub,
    Tool,
    Update,
}

impl Role {
    /// In the order of `Message.Type`, which has a query and a response of each.
    const ALL: [Self; 7] =
        [Self::Auth, Self::Resolver, Self::Client, Self::Forwarder, Self::Stub, Self::Tool, Self::Update];

    /// Which way its queries go: it answers them, or it asks.
    fn queries(self) -> Direction {
        match self {
            Self::Auth | Self::Client | Self::Update => Direction::In,
            Self::Resolver | Self::Forwarder | Self::Stub | Self::Tool => Direction::Out,
        }
    }
}

/// What a server says one of its sockets sent or received.
pub(super) struct Event {
    identity: Vec<u8>,
    role: Role,
    is_response: bool,
    transport: Transport,
    message: Message,
}

/// One DNS message on its way.
pub(super) struct Sent<'a> {
    /// Nanoseconds since 1970, if it says.
    pub(super) time_ns: Option<u64>,
    pub(super) direction: Direction,
    pub(super) src: SocketAddr,
    pub(super) dst: SocketAddr,
    pub(super) transport: Transport,
    pub(super) bytes: &'a [u8],
}

impl Event {
    /// Reads a data frame; `None` when it is malformed or of a kind that is not known.
    pub(super) fn read(frame: &[u8]) -> Option<Self> {
        let Dnstap { identity, message, kind } = Dnstap::decode(frame).ok()?;
        let message = message.filter(|_| kind == TYPE_MESSAGE)?;
        // From 1 on: the query of the first role, its response, the query of the second role.
        let number = usize::try_from(message.kind).ok()?.checked_sub(1)?;
        let role = *Role::ALL.get(number / 2)?;
        let transport = transport(message.socket_protocol)?;
        Some(Self { identity, role, is_response: number % 2 == 1, transport, message })
    }

    /// Who says it; may be empty.
    pub(super) fn identity(&self) -> &[u8] {
        self.identity.get(..IDENTITY_LEN_MAX).unwrap_or(&self.identity)
    }

    pub(super) fn role(&self) -> Role {
        self.role
    }

    pub(super) fn is_response(&self) -> bool {
        self.is_response
    }

    /// The query, which an event of a response may have, too.
    pub(super) fn query(&self) -> Option<Sent<'_>> {
        let message = &self.message;
        Some(Sent {
            time_ns: message.query_time_sec.map(|seconds| time_ns(seconds, message.query_time_nsec)),
            direction: self.role.queries(),
            src: self.initiator(),
            dst: self.responder(),
            transport: self.transport,
            bytes: message.query.as_deref()?,
        })
    }

    /// The response.
    pub(super) fn response(&self) -> Option<Sent<'_>> {
        let message = &self.message;
        Some(Sent {
            time_ns: message.response_time_sec.map(|seconds| time_ns(seconds, message.response_time_nsec)),
            direction: if self.role.queries() == Direction::In { Direction::Out } else { Direction::In },
            src: self.responder(),
            dst: self.initiator(),
            transport: self.transport,
            bytes: message.response.as_deref()?,
        })
    }

    fn initiator(&self) -> SocketAddr {
        self.socket_address(&self.message.query_address, self.message.query_port)
    }

    fn responder(&self) -> SocketAddr {
        self.socket_address(&self.message.response_address, self.message.response_port)
    }

    /// What is not told is unspecified, of the family that is told.
    fn socket_address(&self, address: &[u8], port: u32) -> SocketAddr {
        let unspecified = match self.message.socket_family {
            FAMILY_INET6 => IpAddr::from(Ipv6Addr::UNSPECIFIED),
            _ => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        };
        let v4 = <[u8; 4]>::try_from(address).map(IpAddr::from);
        let address = v4.or_else(|_| <[u8; 16]>::try_from(address).map(IpAddr::from));
        SocketAddr::new(address.unwrap_or(unspecified), u16::try_from(port).unwrap_or(0))
    }
}

/// From `SocketProtocol`: what is below TLS, HTTPS, QUIC or `DNSCrypt`.
fn transport(protocol: i32) -> Option<Transport> {
    match protocol {
        // UDP, DNSCryptUDP, DOQ.
        1 | 5 | 7 => Some(Transport::Udp),
        // TCP, DOT, DOH, DNSCryptTCP.
        2..=4 | 6 => Some(Transport::Tcp),
        _ => None,
    }
}

fn time_ns(seconds: u64, nanoseconds: u32) -> u64 {
    seconds.saturating_mul(NANOS_PER_SECOND).saturating_add(nanoseconds.into())
}
