//! Packets read by the product, and what is true of everything that comes out.

use dnstrace::capture::file::FileItem;
use dnstrace::capture::{BootTime, Direction, Hook, Layer, Packet, Point, Socket, WallTime};
use dnstrace::decode::records::{Record, Records};
use dnstrace::decode::{DecodeCounts, DecodeOptions, Decoder, Observation};

/// A decoder whose messages are looked at and kept.
pub(super) struct Reading {
    decoder: Decoder,
    /// The bytes of every message given.
    pub(super) messages: Vec<Vec<u8>>,
}

impl Reading {
    pub(super) fn new() -> Self {
        Self { decoder: Decoder::new(&DecodeOptions { ports: vec![53], tunnels: true }), messages: Vec::new() }
    }

    pub(super) fn add(&mut self, packet: &Packet<'_>) {
        let messages = &mut self.messages;
        self.decoder.add(packet, |observation| keep(observation, messages));
    }

    pub(super) fn add_item(&mut self, item: FileItem<'_>) {
        if let FileItem::Packet(packet) = item {
            self.add(packet);
        }
    }

    /// Gives what still waits for more; what was counted, which adds up.
    pub(super) fn end(&mut self) -> &DecodeCounts {
        let messages = &mut self.messages;
        self.decoder.finish(|observation| keep(observation, messages));
        let counts = self.decoder.counts();
        assert!(counts.add_up(), "{counts:?}");
        assert_eq!(counts.messages, self.messages.len() as u64);
        counts
    }
}

fn keep(observation: &Observation<'_>, messages: &mut Vec<Vec<u8>>) {
    check(observation);
    messages.push(observation.message.bytes.to_vec());
}

fn check(observation: &Observation<'_>) {
    let message = &observation.message;
    assert!(message.bytes.len() <= message.wire_len as usize);
    if let Some(question) = message.question {
        assert_printable(&question.name.to_string());
    }
    if let Ok(records) = Records::read(message.bytes) {
        assert!(records.answer_count() <= message.header.counts[1]);
        assert_all_printable(&records);
    }
}

/// Whatever the network sends, no control character gets on.
pub(super) fn assert_all_printable(records: &Records<'_>) {
    for record in records.answers() {
        assert_printable(&name(&record));
        assert_printable(&data(&record));
    }
    for error in records.edns().iter().flat_map(|edns| &edns.extended_errors) {
        assert_printable(&error.text);
    }
}

/// Whose record it is.
pub(super) fn name(record: &Record<'_>) -> String {
    let mut text = String::new();
    record.push_name(&mut text);
    text
}

/// Its data.
pub(super) fn data(record: &Record<'_>) -> String {
    let mut text = String::new();
    record.push_data(&mut text);
    text
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
        later_fragments: true,
        dropped: None,
    }
}
