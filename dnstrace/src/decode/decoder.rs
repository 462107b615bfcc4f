//! Packets to observations.

use std::net::SocketAddr;

use super::network::{self, Datagram, Unreadable};
use super::ports::PortSet;
use super::sighting::{Carrier, Sighting};
use super::streams::{Fate, Streams};
use super::transport::{self, Transported, Untransported};
use super::{DecodeCounts, Observation, Transport};
use crate::capture::{BootTime, Layer, Packet};

/// What the decoder must know.
#[derive(Clone, Debug)]
pub struct DecodeOptions {
    /// Ports that DNS is spoken on; other packets of a file are left out.
    pub ports: Vec<u16>,
}

/// Packets to observations; holds TCP streams, within bounds.
pub struct Decoder {
    ports: PortSet,
    streams: Streams,
    counts: DecodeCounts,
}

impl Decoder {
    /// A decoder that has seen nothing.
    #[must_use]
    pub fn new(options: &DecodeOptions) -> Self {
        Self { ports: PortSet::new(&options.ports), streams: Streams::default(), counts: DecodeCounts::default() }
    }

    /// Reads one packet; gives each DNS message that is complete with it. Whether it can have to do with DNS at all.
    pub fn add(&mut self, packet: &Packet<'_>, mut each: impl FnMut(&Observation<'_>)) -> bool {
        self.counts.packets += 1;
        let end = self.read(packet, &mut each);
        *self.counter(end) += 1;
        !matches!(
            end,
            End::NotDnsPort | End::Unreadable(Unreadable::NotIp) | End::Untransported(Untransported::NotUdpTcp)
        )
    }

    /// Forgets streams that saw nothing for their timeout.
    pub fn expire(&mut self, now: BootTime) {
        self.streams.expire(now, &mut self.counts);
    }

    /// What became of packets and messages so far.
    #[must_use]
    pub fn counts(&self) -> &DecodeCounts {
        &self.counts
    }

    fn read(&mut self, packet: &Packet<'_>, each: &mut dyn FnMut(&Observation<'_>)) -> End {
        if let Layer::Message { src, dst, transport } = packet.layer {
            let carrier = Carrier { transport, src, dst, vlan: packet.vlan, fragment: false };
            return read_message(&mut Sighting::new(packet, carrier, &mut self.counts, each));
        }
        let datagram = match network::read(packet) {
            Ok(datagram) => datagram,
            Err(why) => return End::Unreadable(why),
        };
        let transported = match transport::read(&datagram.upper) {
            Ok(transported) => transported,
            Err(why) => return End::Untransported(why),
        };
        if !self.ports.contains(transported.src_port) && !self.ports.contains(transported.dst_port) {
            return End::NotDnsPort;
        }
        self.read_payload(packet, &datagram, &transported, each)
    }

    fn read_payload(
        &mut self,
        packet: &Packet<'_>,
        datagram: &Datagram<'_>,
        transported: &Transported<'_>,
        each: &mut dyn FnMut(&Observation<'_>),
    ) -> End {
        let mut sighting = Sighting::new(packet, carrier(datagram, transported), &mut self.counts, each);
        let fate = match transported.segment {
            Some(segment) => self.streams.add(segment, transported, &mut sighting),
            None => read_udp(transported, packet.gso_size, &mut sighting),
        };
        match sighting {
            Sighting { given: 1.., .. } => End::Message,
            Sighting { found: 1.., .. } => End::NotDns,
            _ => End::Stream(fate),
        }
    }

    fn counter(&mut self, end: End) -> &mut u64 {
        let counts = &mut self.counts;
        match end {
            End::Message => &mut counts.packets_message,
            End::NotDns => &mut counts.packets_not_dns,
            End::NotDnsPort => &mut counts.packets_not_dns_port,
            End::Stream(Fate::Held) => &mut counts.packets_held,
            End::Stream(Fate::NoPayload) => &mut counts.packets_no_payload,
            End::Stream(Fate::Retransmitted) => &mut counts.packets_retransmitted,
            End::Stream(Fate::Skipped) => &mut counts.packets_skipped,
            End::Unreadable(Unreadable::LaterFragment) => &mut counts.packets_later_fragment,
            End::Unreadable(Unreadable::NotIp) => &mut counts.packets_not_ip,
            End::Untransported(Untransported::NotUdpTcp) => &mut counts.packets_not_udp_tcp,
            End::Unreadable(Unreadable::TooShort) | End::Untransported(Untransported::TooShort) => {
                &mut counts.packets_too_short
            }
            End::Unreadable(Unreadable::Malformed) | End::Untransported(Untransported::Malformed) => {
                &mut counts.packets_malformed
            }
        }
    }
}

/// What became of one packet.
#[derive(Clone, Copy)]
enum End {
    Message,
    NotDns,
    NotDnsPort,
    Stream(Fate),
    Unreadable(Unreadable),
    Untransported(Untransported),
}

fn carrier(datagram: &Datagram<'_>, transported: &Transported<'_>) -> Carrier {
    Carrier {
        transport: if transported.segment.is_some() { Transport::Tcp } else { Transport::Udp },
        src: SocketAddr::new(datagram.src, transported.src_port),
        dst: SocketAddr::new(datagram.dst, transported.dst_port),
        vlan: datagram.vlan,
        fragment: datagram.upper.fragment,
    }
}

/// Gives the message that a packet is. That it is one was said, whatever its ports.
fn read_message(sighting: &mut Sighting<'_>) -> End {
    let message = network::up_to(sighting.packet.bytes, sighting.packet.wire_len);
    let given = sighting.give(message, sighting.packet.wire_len);
    if given.is_ok() { End::Message } else { End::NotDns }
}

/// Gives the datagram's message, or each one of a super-packet.
fn read_udp(transported: &Transported<'_>, gso_size: u16, sighting: &mut Sighting<'_>) -> Fate {
    let one = if gso_size == 0 || sighting.carrier.fragment { u32::MAX } else { u32::from(gso_size) };
    let (mut bytes, mut wire_len) = (transported.payload, transported.wire_len);
    loop {
        let message_len = wire_len.min(one);
        let message = network::up_to(bytes, message_len);
        // Why it is none is counted there.
        let _ = sighting.give(message, message_len);
        bytes = &bytes[message.len()..];
        wire_len -= message_len;
        if wire_len == 0 {
            return Fate::NoPayload;
        }
    }
}
