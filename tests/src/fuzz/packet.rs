//! Frames of every link type, and packets as the hooks give them.

use dnstrace::capture::file::CaptureFile;
use dnstrace::capture::{Layer, Packet};

use super::choices::Choices;
use super::reading::{self, Reading};
use crate::pcap;

/// Link types of capture files; `None` is a packet as a hook gives it.
const LINKS: [Option<u32>; 7] =
    [Some(pcap::ETHERNET), Some(pcap::RAW), Some(pcap::NULL), Some(pcap::SLL), Some(pcap::SLL2), None, None];

/// A byte for the link type, then frames: two bytes of length, one of what is missing at the end, the frame.
pub(super) fn run(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let mut reading = Reading::new();
    match LINKS[choices.below(LINKS.len())] {
        Some(link) => read_file(&mut reading, link, &mut choices),
        None => read_hook(&mut reading, &mut choices),
    }
    reading.end();
}

fn read_file(reading: &mut Reading, link: u32, choices: &mut Choices<'_>) {
    let mut frames = pcap::Pcap::new(link);
    let mut count = 0;
    while !choices.is_empty() {
        let (length, missing) = (choices.word(), choices.byte());
        frames.cut_frame(choices.take(length.into()), missing.into());
        count += 1;
    }
    let bytes = frames.into_bytes();
    if let Ok(mut file) = CaptureFile::open(&bytes[..]) {
        while file.next(|item| reading.add_item(item)).unwrap_or(false) {}
    }
    assert_eq!(reading.end().packets, count);
}

fn read_hook(reading: &mut Reading, choices: &mut Choices<'_>) {
    while !choices.is_empty() {
        let (length, missing, kind) = (choices.word(), choices.byte(), choices.byte());
        let bytes = choices.take(length.into());
        let layer = [Layer::Ethernet, Layer::Ip][usize::from(kind & 1)];
        let gso_size = if kind & 2 == 0 { 0 } else { u16::from(kind >> 3) + 1 };
        let whole = reading::packet(layer, bytes);
        let wire_len = whole.wire_len + u32::from(missing);
        reading.add(&Packet { gso_size, wire_len, later_fragments: kind & 4 == 0, ..whole });
    }
}
