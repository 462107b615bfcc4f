//! Every format of capture files: whatever the bytes are, reading ends, gives no more than there is, and does not depend
//! on the pieces in which they come.

use std::io;

use dnstrace::capture::file::{CaptureFile, FileItem};

/// How a pcapng file, a dnstap file, a gzip file and a zstd file begin.
const PCAPNG: &[u8] = &[0x0a, 0x0d, 0x0d, 0x0a];
const DNSTAP: &[u8] = &[0; 4];
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// A block, a frame or a packet's header is not shorter.
const ITEM_LEN_MIN: usize = 4;

/// A pcap file, or what begins like none at all.
pub(super) fn pcap(bytes: &[u8]) {
    if ![PCAPNG, DNSTAP, GZIP, ZSTD].iter().any(|other| bytes.starts_with(other)) {
        check_plain(bytes);
    }
}

/// A pcapng file.
pub(super) fn pcapng(bytes: &[u8]) {
    if bytes.starts_with(PCAPNG) {
        check_plain(bytes);
    }
}

/// A dnstap file.
pub(super) fn dnstap(bytes: &[u8]) {
    if bytes.starts_with(DNSTAP) {
        check_plain(bytes);
    }
}

/// Any of them, packed.
pub(super) fn compressed(bytes: &[u8]) {
    if !bytes.starts_with(GZIP) && !bytes.starts_with(ZSTD) {
        return;
    }
    let [whole, pieces] = [read(bytes), read(Pieces { left: bytes, length: 1 })];
    if whole.end.is_empty() {
        assert_eq!(whole, pieces);
    } else {
        // Where data are corrupt, flate2 drops what it unpacked of the same piece.
        assert!(whole.items.iter().zip(&pieces.items).all(|(one, other)| one == other));
        assert!(!pieces.end.is_empty(), "{whole:?}");
    }
}

fn check_plain(bytes: &[u8]) {
    let whole = read(bytes);
    assert_eq!(whole, read(Pieces { left: bytes, length: 1 }));
    assert!(whole.packets <= bytes.len() / ITEM_LEN_MIN);
}

/// All that comes out.
#[derive(Debug, Default, PartialEq)]
struct Contents {
    items: Vec<String>,
    packets: usize,
    skipped: u64,
    lost: u64,
    /// Why there is nothing more; every error is an end.
    end: String,
}

fn read(reader: impl io::Read) -> Contents {
    let mut contents = Contents::default();
    let mut file = match CaptureFile::open(reader) {
        Ok(file) => file,
        Err(error) => return Contents { end: error.to_string(), ..contents },
    };
    contents.end = loop {
        match file.next(|item| contents.add(item)) {
            Ok(true) => {}
            Ok(false) => break String::new(),
            Err(error) => break error.to_string(),
        }
    };
    let count = contents.items.len();
    assert!(matches!(file.next(|item| contents.add(item)), Ok(false)));
    assert_eq!(contents.items.len(), count, "something behind the end");
    Contents { skipped: file.skipped(), lost: file.lost(), ..contents }
}

impl Contents {
    fn add(&mut self, item: FileItem<'_>) {
        if let FileItem::Packet(packet) = item {
            assert!(packet.bytes.len() <= packet.wire_len as usize, "{packet:?}");
            self.packets += 1;
        }
        self.items.push(format!("{item:?}"));
    }
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
