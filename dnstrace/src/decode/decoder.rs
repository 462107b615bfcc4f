//! Packets to observations.

use super::Observation;
use crate::capture::{BootTime, Packet};

/// What the decoder must know.
#[derive(Clone, Debug)]
pub struct DecodeOptions {
    /// Ports that DNS is spoken on; other packets of a file are left out.
    pub ports: Vec<u16>,
}

/// What became of packets and messages: every packet ends in exactly one of the `packets_*` counters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecodeCounts {
    /// Packets looked at.
    pub packets: u64,
    /// Messages given as observations.
    pub messages: u64,
}

/// Packets to observations; holds TCP streams and fragments, within bounds.
pub struct Decoder {
    counts: DecodeCounts,
}

impl Decoder {
    /// A decoder that has seen nothing.
    #[must_use]
    pub fn new(options: &DecodeOptions) -> Self {
        let _ = options;
        Self { counts: DecodeCounts::default() }
    }

    /// Reads one packet; gives each DNS message that is complete with it.
    pub fn add(&mut self, packet: &Packet<'_>, each: impl FnMut(&Observation<'_>)) {
        let _ = (packet, each);
        self.counts.packets += 1;
    }

    /// Forgets streams and fragments that saw nothing for their timeout.
    pub fn expire(&mut self, now: BootTime) {
        let _ = now;
    }

    /// What became of packets and messages so far.
    #[must_use]
    pub fn counts(&self) -> &DecodeCounts {
        &self.counts
    }
}
