//! Capture files, written (draft-ietf-opsawg-pcap): little-endian, nanoseconds.

/// `LINKTYPE_ETHERNET`.
pub const ETHERNET: u32 = 1;
/// `LINKTYPE_RAW`: IPv4 or IPv6 without anything before it.
pub const RAW: u32 = 101;
/// `LINKTYPE_NULL`: BSD's loopback.
pub const NULL: u32 = 0;
/// `LINKTYPE_LINUX_SLL`.
pub const SLL: u32 = 113;
/// `LINKTYPE_LINUX_SLL2`.
pub const SLL2: u32 = 276;

/// Time between frames.
const STEP_NS: u32 = 1_000;

/// A file of frames, a microsecond apart.
pub struct Pcap {
    bytes: Vec<u8>,
    time_ns: u32,
}

impl Pcap {
    /// A file without frames.
    #[must_use]
    pub fn new(link: u32) -> Self {
        let words = [0xa1b2_3c4d, 0x0004_0002, 0, 0, 0x0004_0000, link];
        Self { bytes: words.map(u32::to_le_bytes).concat(), time_ns: 0 }
    }

    /// Adds a frame.
    pub fn frame(&mut self, frame: &[u8]) {
        self.cut_frame(frame, 0);
    }

    /// Adds a frame of which `missing` bytes at the end were not captured.
    pub fn cut_frame(&mut self, frame: &[u8], missing: u32) {
        let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        self.time_ns += STEP_NS;
        for word in [1_800_000_000, self.time_ns, length, length + missing] {
            self.bytes.extend(word.to_le_bytes());
        }
        self.bytes.extend(frame);
    }

    /// The file.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}
