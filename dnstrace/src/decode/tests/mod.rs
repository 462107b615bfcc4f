//! Packets made here or recorded, and what is read from them.

mod captures;
mod fragments;
mod headers;
mod packets;
mod random;
mod records;
mod streams;
mod tcp;
mod tunnels;
mod udp;
mod xorshift;

pub(super) use xorshift::Random;

use super::{DecodeCounts, DecodeOptions, Decoder, Observation};
use crate::capture::{BootTime, Packet};

/// A decoder of the usual ports that writes what it reads.
struct Reader {
    decoder: Decoder,
    text: String,
}

impl Reader {
    fn new() -> Self {
        Self { decoder: Decoder::new(&DecodeOptions { ports: vec![53, 5353], tunnels: true }), text: String::new() }
    }

    fn add(&mut self, packet: &Packet<'_>) {
        let text = &mut self.text;
        self.decoder.add(packet, |observation| text.push_str(&line(observation)));
    }

    fn expire(&mut self, now: BootTime) {
        let text = &mut self.text;
        self.decoder.expire(now, |observation| text.push_str(&line(observation)));
    }

    /// What was read, a line each, and at last every counter that is not 0 beside the sums.
    fn finish(mut self) -> String {
        let text = &mut self.text;
        self.decoder.finish(|observation| text.push_str(&line(observation)));
        let counts = self.decoder.counts();
        assert!(counts.add_up(), "does not add up: {counts:?}");
        self.text.push_str(&shown(counts));
        self.text
    }
}

fn line(observation: &Observation<'_>) -> String {
    let message = observation.message;
    let kind = if message.header.is_response() { "response" } else { "query" };
    let question = message.question.map_or("-".to_owned(), |question| format!("{} {}", question.name, question.qtype));
    let cut = if message.bytes.len() < message.wire_len as usize { " cut" } else { "" };
    let fragment = if observation.fragment { " fragment" } else { "" };
    let vlan = observation.vlan.map_or(String::new(), |vlan| format!(" vlan {vlan}"));
    format!("{} {kind} {question}{cut}{fragment}{vlan}\n", message.header.id)
}

fn shown(counts: &DecodeCounts) -> String {
    let told = |name: &str| {
        !matches!(name, "packets" | "messages_found" | "messages" | "packets_message" | "datagrams" | "streams")
    };
    let counts = counts.entries().filter(|(name, count)| *count > 0 && told(name));
    counts.fold(String::new(), |text, (name, count)| format!("{text}{name} {count}\n"))
}

#[track_caller]
fn check<'p>(packets: impl IntoIterator<Item = Packet<'p>>, expected: &[&str]) {
    let mut reader = Reader::new();
    for packet in packets {
        reader.add(&packet);
    }
    let text = reader.finish();
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}
