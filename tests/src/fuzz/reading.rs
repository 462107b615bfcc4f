//! Packets read by the product, and what is true of everything that comes out.

use dnstrace::capture::{BootTime, Direction, Hook, Layer, Packet, Point, Socket, WallTime};
use dnstrace::decode::{DecodeCounts, DecodeOptions, Decoder, Observation, records};

/// A decoder whose messages are looked at and kept.
pub(super) struct Reading {
    decoder: Decoder,
    /// The bytes of every message given.
    pub(super) messages: Vec<Vec<u8>>,
}

impl Reading {
    pub(super) fn new() -> Self {
        Self { decoder: Decoder::new(&DecodeOptions { ports: vec![53] }), messages: Vec::new() }
    }

    pub(super) fn add(&mut self, packet: &Packet<'_>) {
        let messages = &mut self.messages;
        self.decoder.add(packet, |observation| {
            check(observation);
            messages.push(observation.message.bytes.to_vec());
        });
    }

    /// What was counted, which adds up.
    pub(super) fn end(&self) -> &DecodeCounts {
        let counts = self.decoder.counts();
        assert!(counts.add_up(), "{counts:?}");
        assert_eq!(counts.messages, self.messages.len() as u64);
        counts
    }
}

fn check(observation: &Observation<'_>) {
    let message = &observation.message;
    assert!(message.bytes.len() <= message.wire_len as usize);
    if let Some(question) = message.question {
        assert_printable(&question.name.to_string());
    }
    if let Ok(answers) = records::answers(message.bytes) {
        assert!(answers.answers.len() <= message.header.counts[1].into());
        assert_all_printable(&answers);
    }
}

/// Whatever the network sends, no control character gets on.
pub(super) fn assert_all_printable(answers: &records::Answers) {
    for record in &answers.answers {
        assert_printable(&record.name);
        assert_printable(&record.data);
    }
    for error in answers.edns.iter().flat_map(|edns| &edns.extended_errors) {
        assert_printable(&error.text);
    }
}

fn assert_printable(text: &str) {
    assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{text:?}");
}

/// `bytes`, captured whole, as one device received them.
pub(super) fn packet(layer: Layer, bytes: &[u8]) -> Packet<'_> {
    Packet {
        time: BootTime(1),
        wall: WallTime(1),
        point: Point { hook: Hook::Device, direction: Direction::In, ifindex: 1, netns: 0 },
        layer,
        wire_len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        bytes,
        vlan: None,
        gso_size: 0,
        hop_id: None,
        socket: Socket::default(),
    }
}
