//! Packets to observations.

use std::net::SocketAddr;

use super::end::End;
use super::network::{self, Datagram, Unreadable};
use super::ports::PortSet;
use super::reassembly::{Fate, Incomplete, Reassembly};
use super::sighting::{Carrier, Sighting};
use super::streams::{self, Streams};
use super::transport::{self, Transported, Untransported};
use super::tunnel::{self, Closed, Inside, TUNNELS_MAX};
use super::{DecodeCounts, Observation, Signal, SignalEvent, Subject, Transport, fragments, icmp, subject};
use crate::capture::{BootTime, Dropped, Layer, Packet};

/// What the decoder must know.
#[derive(Clone, Debug)]
pub struct DecodeOptions {
    /// Ports that DNS is spoken on; other packets of a file are left out.
    pub ports: Vec<u16>,
    /// Whether to look for DNS inside of IP in IP, GRE, VXLAN and Geneve.
    pub tunnels: bool,
}

/// Packets to observations; holds TCP streams and fragments, within bounds.
pub struct Decoder {
    ports: PortSet,
    tunnels: bool,
    reassembly: Reassembly,
    streams: Streams,
    counts: DecodeCounts,
    /// Of the packet that is read.
    signal: Option<Signal>,
}

/// What a packet was, beside the messages that it gave.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// Whether it can have to do with DNS at all.
    pub concerns_dns: bool,
    /// What it tells beside messages.
    pub signal: Option<Signal>,
}

/// A packet as captured, or one that was inside of it.
#[derive(Clone, Copy)]
pub(super) struct Frame<'p> {
    pub(super) packet: &'p Packet<'p>,
    /// How many tunnels it was in.
    pub(super) tunnels: usize,
    /// What it was in ends early.
    pub(super) fragment: bool,
}

type Each<'e> = &'e mut dyn FnMut(&Observation<'_>);

impl Decoder {
    /// A decoder that has seen nothing.
    #[must_use]
    pub fn new(options: &DecodeOptions) -> Self {
        Self {
            ports: PortSet::new(&options.ports),
            tunnels: options.tunnels,
            reassembly: Reassembly::default(),
            streams: Streams::default(),
            counts: DecodeCounts::default(),
            signal: None,
        }
    }

    /// Reads one packet; gives each DNS message that is complete with it, and before it those that need wait no longer.
    pub fn add(&mut self, packet: &Packet<'_>, mut each: impl FnMut(&Observation<'_>)) -> Decoded {
        self.settle(packet.time, &mut each);
        self.counts.packets += 1;
        let end = self.read(Frame { packet, tunnels: 0, fragment: false }, &mut each);
        *end.counter(&mut self.counts) += 1;
        Decoded { concerns_dns: end.concerns_dns(), signal: self.signal.take() }
    }

    /// Gives what can be read of datagrams that wait for fragments for too long.
    pub fn settle(&mut self, now: BootTime, mut each: impl FnMut(&Observation<'_>)) {
        // Nearly all packets are whole: this is all that fragments cost them.
        if !self.reassembly.is_empty() {
            self.give_overdue(now, &mut each);
        }
    }

    /// Gives what can be read of datagrams that wait for fragments for too long, and forgets streams that saw nothing for
    /// their timeout.
    pub fn expire(&mut self, now: BootTime, mut each: impl FnMut(&Observation<'_>)) {
        self.give_overdue(now, &mut each);
        self.streams.expire(now, &mut self.counts);
    }

    /// Gives what can be read of datagrams that still wait for fragments, at the end of a run.
    pub fn finish(&mut self, mut each: impl FnMut(&Observation<'_>)) {
        while let Some(incomplete) = self.reassembly.unfinished(&mut self.counts) {
            self.give_first(&incomplete, &mut each);
        }
    }

    /// What became of packets and messages so far.
    #[must_use]
    pub fn counts(&self) -> &DecodeCounts {
        &self.counts
    }

    #[cold]
    fn give_overdue(&mut self, now: BootTime, each: Each<'_>) {
        while let Some(incomplete) = self.reassembly.overdue(now, &mut self.counts) {
            self.give_first(&incomplete, each);
        }
    }

    /// Reads the first fragment of a datagram. Its packet was counted as a fragment: now it is known what else it is.
    fn give_first(&mut self, incomplete: &Incomplete, each: Each<'_>) {
        let Some((frame, datagram, payload)) = incomplete.first() else { return };
        *End::Fragment.counter(&mut self.counts) -= 1;
        let end = match datagram.with(payload.upper(true)) {
            Ok(datagram) => self.read_upper(frame, &datagram, each),
            Err(why) => why.into(),
        };
        *end.counter(&mut self.counts) += 1;
    }

    fn read(&mut self, frame: Frame<'_>, each: Each<'_>) -> End {
        if let Layer::Message { src, dst, transport } = frame.packet.layer {
            let carrier = Carrier { transport, src, dst, vlan: frame.packet.vlan, fragment: false };
            return read_message(&mut Sighting::new(frame.packet, carrier, &mut self.counts, each));
        }
        let mut datagram = match network::read(frame.packet) {
            Ok(datagram) => datagram,
            Err(why) => return why.into(),
        };
        datagram.upper.fragment |= frame.fragment;
        if datagram.fragment.is_none() {
            self.read_upper(frame, &datagram, each)
        } else {
            self.read_fragment(frame, &datagram, each).unwrap_or_else(End::from)
        }
    }

    #[cold]
    fn read_fragment(&mut self, frame: Frame<'_>, part: &Datagram<'_>, each: Each<'_>) -> Result<End, Unreadable> {
        let Some(fragment) = part.fragment else { return Ok(self.read_upper(frame, part, each)) };
        if !frame.packet.later_fragments {
            if fragment.offset != 0 {
                return Ok(End::LaterFragment);
            }
            let datagram = part.with(network::Upper { fragment: true, ..part.upper })?;
            return Ok(self.read_upper(frame, &datagram, each));
        }
        if !fragments::is_well_formed(fragment, &part.upper) {
            return Err(Unreadable::Malformed);
        }
        match self.reassembly.add(frame, part, fragment, &mut self.counts) {
            Fate::Held => Ok(End::Fragment),
            Fate::Whole(payload) => {
                let datagram = part.with(payload.upper(frame.fragment))?;
                let packet = Packet { gso_size: 0, ..*frame.packet };
                Ok(self.read_upper(Frame { packet: &packet, ..frame }, &datagram, each))
            }
        }
    }

    fn read_upper(&mut self, frame: Frame<'_>, datagram: &Datagram<'_>, each: Each<'_>) -> End {
        let (inside, otherwise) = match transport::read(&datagram.upper) {
            Ok(transported) if self.has_dns_port(&transported) => {
                return self.read_payload(frame.packet, datagram, &transported, each);
            }
            Ok(transported) => (tunnel::in_udp(&transported), End::NotDnsPort),
            Err(Untransported::NotUdpTcp) => match self.read_icmp(frame.packet, datagram) {
                Some(end) => return end,
                None => (tunnel::in_ip(&datagram.upper), End::NotUdpTcp),
            },
            Err(why) => return why.into(),
        };
        match inside {
            _ if !self.tunnels || frame.tunnels >= TUNNELS_MAX => otherwise,
            Ok(inside) => self.read_inside(frame, datagram, inside, each),
            Err(Closed::NoTunnel) => otherwise,
            Err(Closed::TooShort) => End::TooShort,
            Err(Closed::Malformed) => End::Malformed,
        }
    }

    fn read_icmp(&mut self, packet: &Packet<'_>, datagram: &Datagram<'_>) -> Option<End> {
        let (error, subject) = icmp::read(datagram)?;
        if !self.ports.contains(subject.src.port()) && !self.ports.contains(subject.dst.port()) {
            return None;
        }
        self.signal(packet, SignalEvent::Rejected(error), subject);
        Some(End::IcmpError)
    }

    fn has_dns_port(&self, transported: &Transported<'_>) -> bool {
        self.ports.contains(transported.src_port) || self.ports.contains(transported.dst_port)
    }

    fn read_inside(&mut self, frame: Frame<'_>, outer: &Datagram<'_>, inside: Inside<'_>, each: Each<'_>) -> End {
        self.counts.tunnels += 1;
        let Inside { layer, bytes, wire_len } = inside;
        let packet = Packet { layer, bytes, wire_len, vlan: outer.vlan, ..*frame.packet };
        let tunnels = frame.tunnels + 1;
        self.read(Frame { packet: &packet, tunnels, fragment: outer.upper.fragment }, each)
    }

    fn read_payload(
        &mut self,
        packet: &Packet<'_>,
        datagram: &Datagram<'_>,
        transported: &Transported<'_>,
        each: Each<'_>,
    ) -> End {
        if let Some(dropped) = packet.dropped {
            return self.read_dropped(packet, dropped, subject::of(datagram, transported));
        }
        let mut sighting = Sighting::new(packet, carrier(datagram, transported), &mut self.counts, each);
        let fate = match transported.segment {
            Some(segment) => self.streams.add(segment, transported, &mut sighting),
            None => read_udp(transported, packet.gso_size, &mut sighting),
        };
        let end = match sighting {
            Sighting { given: 1.., .. } => End::Message,
            Sighting { found: 1.., .. } => End::NotDns,
            _ => End::Stream(fate),
        };
        if transported.segment.is_some_and(|segment| segment.begins_or_ends()) {
            self.signal(packet, SignalEvent::Segment, subject::of(datagram, transported));
        }
        end
    }

    fn read_dropped(&mut self, packet: &Packet<'_>, dropped: &Dropped, subject: Subject) -> End {
        if dropped.is_purged() {
            return End::Purged;
        }
        self.signal(packet, SignalEvent::Dropped(dropped.clone()), subject);
        End::Drop
    }

    fn signal(&mut self, packet: &Packet<'_>, event: SignalEvent, subject: Subject) {
        let Packet { time, wall, point, socket, .. } = *packet;
        self.signal = Some(Signal { time, wall, point, socket, event, subject });
    }
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
fn read_udp(transported: &Transported<'_>, gso_size: u16, sighting: &mut Sighting<'_>) -> streams::Fate {
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
            return streams::Fate::NoPayload;
        }
    }
}
