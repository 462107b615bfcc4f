//! One packet on its way to observations: what all of its messages have in common.

use std::net::SocketAddr;

use super::{DecodeCounts, Message, NameError, Observation, Question, Transport, Undecodable};
use crate::capture::Packet;

/// What a packet's headers say of the messages in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carrier {
    pub(super) transport: Transport,
    pub(super) src: SocketAddr,
    pub(super) dst: SocketAddr,
    pub(super) vlan: Option<u16>,
    pub(super) fragment: bool,
}

/// Gives the messages found in one packet and counts them.
pub(super) struct Sighting<'s> {
    pub(super) packet: &'s Packet<'s>,
    pub(super) carrier: Carrier,
    pub(super) counts: &'s mut DecodeCounts,
    each: &'s mut dyn FnMut(&Observation<'_>),
    /// Messages found so far.
    pub(super) found: u32,
    /// Those of them that were given.
    pub(super) given: u32,
}

impl<'s> Sighting<'s> {
    pub(super) fn new(
        packet: &'s Packet<'s>,
        carrier: Carrier,
        counts: &'s mut DecodeCounts,
        each: &'s mut dyn FnMut(&Observation<'_>),
    ) -> Self {
        Self { packet, carrier, counts, each, found: 0, given: 0 }
    }

    /// Gives the message that `bytes` are, or the beginning of; or counts why it is none.
    pub(super) fn give(&mut self, bytes: &[u8], wire_len: u32) -> Result<(), Undecodable> {
        self.found += 1;
        self.counts.messages_found += 1;
        let message = Message::read(bytes, wire_len).inspect_err(|why| self.count_undecodable(*why))?;
        self.count_message(&message);
        let Carrier { transport, src, dst, vlan, fragment } = self.carrier;
        (self.each)(&Observation {
            time: self.packet.time,
            wall: self.packet.wall,
            point: self.packet.point,
            transport,
            src,
            dst,
            vlan,
            hop_id: self.packet.hop_id,
            socket: self.packet.socket,
            fragment,
            message,
        });
        Ok(())
    }

    /// Counts a TCP length of 0.
    pub(super) fn count_empty(&mut self) {
        self.found += 1;
        self.counts.messages_found += 1;
        self.counts.messages_empty += 1;
    }

    fn count_undecodable(&mut self, why: Undecodable) {
        *match why {
            Undecodable::TooShort => &mut self.counts.messages_too_short,
            Undecodable::Cut => &mut self.counts.messages_header_cut,
            Undecodable::Implausible => &mut self.counts.messages_implausible,
        } += 1;
    }

    fn count_message(&mut self, message: &Message<'_>) {
        self.given += 1;
        self.counts.messages += 1;
        let cut = message.bytes.len() < message.wire_len as usize;
        self.counts.messages_cut += u64::from(cut);
        self.counts.messages_first_fragment += u64::from(self.carrier.fragment);
        if message.question.is_none() && message.header.counts[0] != 0 {
            let question_cut = cut && matches!(Question::read(message.bytes), Err(NameError::Cut));
            self.counts.questions_malformed += u64::from(!question_cut);
        }
    }
}
