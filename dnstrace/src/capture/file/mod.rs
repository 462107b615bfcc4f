//! Capture files to packets: pcap and pcapng.

mod input;
mod interface;
mod link;
mod options;
mod order;
mod pcap;
mod pcapng;
#[cfg(test)]
mod tests;

use std::io::Read;

use self::input::Input;
use self::link::Frame;
use self::pcap::Pcap;
use self::pcapng::Pcapng;
use super::{BootTime, Direction, Hook, Packet, Point, Socket, WallTime};

/// No packet is that long; a file that says so is damaged.
const RECORD_MAX: usize = 16 << 20;

/// Why a file could not be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Reading failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// It begins like no capture file.
    #[error("neither a pcap nor a pcapng file")]
    NotCapture,
    /// It begins like a gzip, xz or zstd file.
    #[error("a compressed file: unpack it first")]
    Compressed,
    /// Its frames have headers dnstrace does not know.
    #[error("frames of link type {number}, which dnstrace does not read")]
    LinkType {
        /// As in the list of tcpdump.org.
        number: u16,
    },
    /// It ends inside of something. Everything before was given.
    #[error("the file is cut off after {packets} whole packets")]
    Truncated {
        /// How many were given.
        packets: u64,
    },
    /// It contradicts itself.
    #[error("malformed {what}")]
    Malformed {
        /// What does not fit.
        what: &'static str,
    },
    /// A packet or block longer than any is.
    #[error("a packet or block of {length} bytes")]
    TooLong {
        /// Its length, as the file says.
        length: usize,
    },
}

/// An interface that a capture file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileInterface {
    /// As in the packets' [`Point`].
    pub ifindex: u32,
    /// Its name.
    pub name: String,
}

/// A capture file, read from its beginning to its end.
pub struct CaptureFile<R> {
    input: Input<R>,
    format: Format,
    packets: u64,
    ended: bool,
}

enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

impl<R: Read> CaptureFile<R> {
    /// Reads as far as needed to know the format.
    pub fn open(reader: R) -> Result<Self, FileError> {
        let mut input = Input::new(reader);
        let magic = *match input.peek(4)? {
            [] => return Err(FileError::Empty),
            bytes => bytes.first_chunk().ok_or(FileError::NotCapture)?,
        };
        let format = if u32::from_be_bytes(magic) == pcapng::SECTION_HEADER {
            Format::Pcapng(Pcapng::new())
        } else {
            Format::Pcap(open_pcap(&mut input, magic)?)
        };
        Ok(Self { input, format, packets: 0, ended: false })
    }

    /// Reads the next packet and gives it to `each`, or stops before it when an interface got its name; `false` at the
    /// end. After an error there is nothing more.
    pub fn next(&mut self, mut each: impl FnMut(&Packet<'_>)) -> Result<bool, FileError> {
        if self.ended {
            return Ok(false);
        }
        let counted = |packet: &Packet<'_>| {
            self.packets += 1;
            each(packet);
        };
        let result = match &mut self.format {
            Format::Pcap(pcap) => pcap.next(&mut self.input, counted),
            Format::Pcapng(pcapng) => pcapng.next(&mut self.input, counted),
        };
        self.ended = !matches!(result, Ok(true));
        result.map_err(|error| match error {
            FileError::Truncated { .. } => FileError::Truncated { packets: self.packets },
            error => error,
        })
    }

    /// Whether everything that was read was given: the next packet may have to be waited for.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.input.is_drained()
    }

    /// Interfaces named so far.
    #[must_use]
    pub fn interfaces(&self) -> &[FileInterface] {
        match &self.format {
            Format::Pcap(_) => &[],
            Format::Pcapng(pcapng) => &pcapng.named,
        }
    }

    /// Packets left out: the file has frames of several link types, and theirs is not read.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        match &self.format {
            Format::Pcap(_) => 0,
            Format::Pcapng(pcapng) => pcapng.skipped,
        }
    }
}

fn open_pcap<R: Read>(input: &mut Input<R>, magic: [u8; 4]) -> Result<Pcap, FileError> {
    let compressed = matches!(magic, [0x1f, 0x8b, ..] | [0xfd, b'7', b'z', b'X'] | [0x28, 0xb5, 0x2f, 0xfd]);
    if !Pcap::recognises(magic) {
        return Err(if compressed { FileError::Compressed } else { FileError::NotCapture });
    }
    let header = input.peek(pcap::FILE_HEADER_LEN)?.first_chunk().ok_or(FileError::Truncated { packets: 0 })?;
    let pcap = Pcap::read(header)?;
    input.consume(pcap::FILE_HEADER_LEN);
    Ok(pcap)
}

/// When a frame was captured, and how much of it.
struct Record {
    time_ns: u64,
    captured_len: usize,
    wire_len: u32,
    ifindex: u32,
    direction: Option<Direction>,
}

fn packet<'a>(record: &Record, frame: &Frame<'a>) -> Packet<'a> {
    let before = u32::try_from(record.captured_len - frame.bytes.len()).unwrap_or(u32::MAX);
    Packet {
        time: BootTime(record.time_ns),
        wall: WallTime(record.time_ns),
        point: Point {
            hook: Hook::Device,
            direction: frame.direction.or(record.direction).unwrap_or(Direction::In),
            ifindex: frame.ifindex.unwrap_or(record.ifindex),
            netns: 0,
        },
        layer: frame.layer,
        wire_len: record.wire_len.saturating_sub(before),
        bytes: frame.bytes,
        vlan: frame.vlan,
        gso_size: 0,
        hop_id: None,
        socket: Socket::default(),
    }
}
