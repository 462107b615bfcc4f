//! Both formats of capture files: whatever the bytes are, reading ends, gives no more than there is, and does not depend
//! on the pieces in which they come.

use std::io;

use dnstrace::capture::Packet;
use dnstrace::capture::file::{CaptureFile, FileInterface};

/// Magic number of a pcapng file's first block.
const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
/// A packet's header, and the shortest block.
const RECORD_LEN_MIN: usize = 12;

/// A pcap file, or what begins like none at all.
pub(super) fn pcap(bytes: &[u8]) {
    if !bytes.starts_with(&SECTION_HEADER) {
        check(bytes);
    }
}

/// A pcapng file.
pub(super) fn pcapng(bytes: &[u8]) {
    if bytes.starts_with(&SECTION_HEADER) {
        check(bytes);
    }
}

fn check(bytes: &[u8]) {
    let whole = read(bytes);
    assert_eq!(whole, read(Pieces { left: bytes, length: 1 }));
    assert!(whole.packets.len() <= bytes.len() / RECORD_LEN_MIN);
}

/// All that comes out.
#[derive(Debug, Default, PartialEq)]
struct Read {
    packets: Vec<String>,
    interfaces: Vec<FileInterface>,
    skipped: u64,
    /// Why there is nothing more; every error is an end.
    end: String,
}

fn read(reader: impl io::Read) -> Read {
    let mut file = match CaptureFile::open(reader) {
        Ok(file) => file,
        Err(error) => return Read { end: error.to_string(), ..Read::default() },
    };
    let mut packets = Vec::new();
    let end = loop {
        match file.next(|packet| packets.push(shown(packet))) {
            Ok(true) => {}
            Ok(false) => break String::new(),
            Err(error) => break error.to_string(),
        }
    };
    let count = packets.len();
    assert!(matches!(file.next(|packet| packets.push(shown(packet))), Ok(false)));
    assert_eq!(packets.len(), count, "packets behind the end");
    Read { packets, interfaces: file.interfaces().to_vec(), skipped: file.skipped(), end }
}

fn shown(packet: &Packet<'_>) -> String {
    assert!(packet.bytes.len() <= packet.wire_len as usize, "{packet:?}");
    format!("{packet:?}")
}

/// Gives a few bytes at a time.
struct Pieces<'a> {
    left: &'a [u8],
    length: usize,
}

impl io::Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // 1, 2, 3 and so on up to 16, and again.
        self.length = self.length % 16 + 1;
        let length = self.length.min(out.len()).min(self.left.len());
        let (given, left) = self.left.split_at(length);
        out[..length].copy_from_slice(given);
        self.left = left;
        Ok(length)
    }
}
