//! One DNS message as seen at one observation point.

use std::net::SocketAddr;

use super::{Message, Transport};
use crate::capture::{BootTime, Point, Socket, WallTime};

/// One DNS message as seen at one observation point. Addresses are as on the wire there.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// When, for computing; of a TCP message: its last segment, of a fragmented datagram: what made it whole.
    pub time: BootTime,
    /// When, for showing.
    pub wall: WallTime,
    /// Where.
    pub point: Point,
    /// UDP or TCP.
    pub transport: Transport,
    /// Source, as on the wire here.
    pub src: SocketAddr,
    /// Destination, as on the wire here.
    pub dst: SocketAddr,
    /// VLAN ID.
    pub vlan: Option<u16>,
    /// The same for one buffer on its way through the node.
    pub hop_id: Option<u64>,
    /// The local socket that sent it or that it is delivered to.
    pub socket: Socket,
    /// Only the first IP fragment was seen: `message` ends early.
    pub fragment: bool,
    /// The message.
    pub message: Message<'a>,
}
