//! Capture files to packets: pcap, pcapng and dnstap, as they are or compressed.

mod compression;
mod dnstap;
mod headers;
mod input;
mod interface;
mod link;
mod merge;
mod note;
mod options;
mod order;
mod pcap;
pub(crate) mod pcapng;
#[cfg(test)]
mod tests;

use std::io::{self, Read};

use self::compression::{Compression, Unpacked};
use self::dnstap::Dnstap;
use self::input::Input;
use self::link::Frame;
pub use self::merge::{Captures, FILES_MAX, NamedFile, Unread};
pub use self::note::{InterfaceNote, Origin, PacketNote, ProcessComment, owner_comment};
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
    Io(io::Error),
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// It begins like no capture file.
    #[error("neither a pcap, a pcapng nor a dnstap file")]
    NotCapture,
    /// It is compressed, and not with what is read.
    #[error("compressed in another way than gzip or zstd: unpack it first")]
    Compressed,
    /// What is inside of a compressed file is compressed, too.
    #[error("compressed more than once: unpack it first")]
    CompressedTwice,
    /// Unpacking it takes more memory than it may.
    #[error("zstd data with a window of {length} bytes, more than {max}: unpack it first")]
    Window {
        /// Its window, as the file says.
        length: u64,
        /// The longest one that is read.
        max: u64,
    },
    /// It is a Frame Streams file of something else.
    #[error("Frame Streams of \"{content_type}\", not of dnstap")]
    ContentType {
        /// What it says it holds, escaped.
        content_type: String,
    },
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

/// What a capture file tells next.
#[derive(Clone, Copy, Debug)]
pub enum FileItem<'a> {
    /// A packet.
    Packet(&'a Packet<'a>),
    /// The name of an interface, before its first packet.
    Interface(&'a FileInterface),
    /// What the recording program knew of who is who: a fact of its owner stage, as it wrote it.
    Owner(&'a str),
    /// Until then an interface was watched, whether there were packets or not.
    Until(BootTime),
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        error.downcast().unwrap_or_else(Self::Io)
    }
}

/// An interface that a capture file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileInterface {
    /// As in the packets' [`Point`].
    pub netns: u32,
    /// As in the packets' [`Point`].
    pub ifindex: u32,
    /// Its name.
    pub name: String,
}

/// A capture file, read from its beginning to its end.
pub struct CaptureFile<R> {
    input: Input<Unpacked<R>>,
    format: Format,
    packets: u64,
    ended: bool,
}

enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
    Dnstap(Dnstap),
}

impl<R: Read> CaptureFile<R> {
    /// Reads as far as needed to know the compression, if it has one, and the format.
    pub fn open(reader: R) -> Result<Self, FileError> {
        let unpacked = Unpacked::open(reader)?;
        let is_compressed = unpacked.is_compressed();
        let mut input = Input::new(unpacked);
        let magic = *match input.peek(4)? {
            [] => return Err(FileError::Empty),
            bytes => bytes.first_chunk().ok_or(FileError::NotCapture)?,
        };
        if is_compressed && Compression::recognise(&magic).is_some() {
            return Err(FileError::CompressedTwice);
        }
        let format = if u32::from_be_bytes(magic) == pcapng::SECTION_HEADER {
            Format::Pcapng(Pcapng::open(&mut input)?)
        } else if Dnstap::recognises(input.peek(dnstap::START_LEN)?) {
            Format::Dnstap(Dnstap::open(&mut input)?)
        } else {
            Format::Pcap(open_pcap(&mut input, magic)?)
        };
        Ok(Self { input, format, packets: 0, ended: false })
    }

    /// Reads to the next item and gives it to `each`; `false` at the end. After an error there is nothing more.
    pub fn next(&mut self, mut each: impl FnMut(FileItem<'_>)) -> Result<bool, FileError> {
        if self.ended {
            return Ok(false);
        }
        let counted = |item: FileItem<'_>| {
            self.packets += u64::from(matches!(item, FileItem::Packet(_)));
            each(item);
        };
        let result = match &mut self.format {
            Format::Pcap(pcap) => pcap.next(&mut self.input, counted),
            Format::Pcapng(pcapng) => pcapng.next(&mut self.input, counted),
            Format::Dnstap(dnstap) => dnstap.next(&mut self.input, counted),
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

    /// The machine and its start that a recording of dnstrace was made on.
    #[must_use]
    pub fn origin(&self) -> Option<&Origin> {
        match &self.format {
            Format::Pcap(_) | Format::Dnstap(_) => None,
            Format::Pcapng(pcapng) => pcapng.origin.as_ref(),
        }
    }

    /// Packets that were lost when the file was made, as far as it says.
    #[must_use]
    pub fn lost(&self) -> u64 {
        match &self.format {
            Format::Pcap(_) | Format::Dnstap(_) => 0,
            Format::Pcapng(pcapng) => pcapng.lost,
        }
    }

    /// Packets left out: the file has frames of several link types, and theirs is not read. Of dnstap: events without a
    /// message that can be read.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        match &self.format {
            Format::Pcap(_) => 0,
            Format::Pcapng(pcapng) => pcapng.skipped,
            Format::Dnstap(dnstap) => dnstap.skipped,
        }
    }
}

fn open_pcap<R: Read>(input: &mut Input<R>, magic: [u8; 4]) -> Result<Pcap, FileError> {
    if !Pcap::recognises(magic) {
        return Err(FileError::NotCapture);
    }
    let header = input.peek(pcap::FILE_HEADER_LEN)?.first_chunk().ok_or(FileError::Truncated { packets: 0 })?;
    let pcap = Pcap::read(header)?;
    input.consume(pcap::FILE_HEADER_LEN);
    Ok(pcap)
}

/// When and where a frame was captured, and how much of it.
struct Record {
    time_ns: u64,
    captured_len: usize,
    wire_len: u32,
    hook: Hook,
    netns: u32,
    ifindex: u32,
    direction: Option<Direction>,
    later_fragments: bool,
    note: PacketNote,
}

fn packet<'a>(record: &'a Record, frame: &Frame<'a>) -> Packet<'a> {
    let before = u32::try_from(record.captured_len - frame.bytes.len()).unwrap_or(u32::MAX);
    let PacketNote { socket, ifindex, hop_id, gso_size, step_ns, ref dropped } = record.note;
    let (netns, ifindex) = match record.hook {
        Hook::Device => (record.netns, frame.ifindex.unwrap_or(record.ifindex)),
        // Of every netns: the packet says where it was.
        Hook::Socket | Hook::Drop => (socket.netns.unwrap_or(0), ifindex),
    };
    let direction = frame.direction.or(record.direction).unwrap_or(Direction::Unknown);
    Packet {
        time: BootTime(record.time_ns.saturating_add_signed(step_ns.saturating_neg())),
        wall: WallTime(record.time_ns),
        point: Point { hook: record.hook, direction, ifindex, netns },
        layer: frame.layer,
        wire_len: record.wire_len.saturating_sub(before),
        bytes: frame.bytes,
        vlan: frame.vlan,
        gso_size,
        hop_id,
        socket: if record.hook == Hook::Drop { Socket::default() } else { socket },
        later_fragments: record.later_fragments && dropped.is_none(),
        dropped: dropped.as_ref(),
    }
}
