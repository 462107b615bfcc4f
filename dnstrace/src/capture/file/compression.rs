//! Files packed with gzip (RFC 1952) or zstd (RFC 8878) to the capture inside, as it is read.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Chain, Cursor, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::FileError;

/// Packed bytes read at once, as many as of a capture.
const PACKED_LEN: usize = 256 << 10;
/// What is unpacked of gzip at once: where data are corrupt, what was unpacked just before is lost with them.
const GZIP_UNPACKED_LEN: usize = 4 << 10;
/// How far back zstd data may refer, which is what must be held: as far as `zstd -d` goes when it is told nothing, and
/// `zstd --long` when it packs.
const ZSTD_WINDOW_MAX: u64 = 128 << 20;
/// An empty last block and a checksum: frames that have no end get this one, for the decoder to give what it holds back.
const ZSTD_END: &[u8] = &[1, 0, 0, 0, 0, 0, 0];

/// What a file's first bytes say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
    /// bzip2, lz4 or xz, which are known but not read.
    Other,
}

impl Compression {
    pub(super) fn recognise(magic: &[u8]) -> Option<Self> {
        match *magic {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            // A frame, or one that is to be skipped, which parallel compressors begin with.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] | [0x04, 0x22, 0x4d, 0x18, ..] | [0xfd, b'7', b'z', b'X', ..] => {
                Some(Self::Other)
            }
            _ => None,
        }
    }
}

/// A reader, and before it what was read of it to know what it is.
type Whole<R> = Chain<Cursor<Vec<u8>>, R>;

/// Gives a file's bytes as they were before it was compressed. Its errors are [`FileError`]s inside of [`io::Error`]s.
pub(super) enum Unpacked<R> {
    Plain(Whole<R>),
    Gzip(MultiGzDecoder<BufReader<Whole<R>>>),
    Zstd(Box<Zstd<BufReader<Whole<R>>>>),
}

impl<R: Read> Unpacked<R> {
    /// Reads as far as needed to know the compression.
    pub(super) fn open(mut reader: R) -> Result<Self, FileError> {
        let mut magic = Vec::new();
        reader.by_ref().take(4).read_to_end(&mut magic)?;
        let compression = Compression::recognise(&magic);
        let whole = Cursor::new(magic).chain(reader);
        let buffered = |whole| BufReader::with_capacity(PACKED_LEN, whole);
        match compression {
            None => Ok(Self::Plain(whole)),
            Some(Compression::Gzip) => Ok(Self::Gzip(MultiGzDecoder::new(buffered(whole)))),
            Some(Compression::Zstd) => Ok(Self::Zstd(Box::new(Zstd::new(buffered(whole))))),
            Some(Compression::Other) => Err(FileError::Compressed),
        }
    }

    pub(super) fn is_compressed(&self) -> bool {
        !matches!(self, Self::Plain(_))
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(whole) => whole.read(buffer),
            Self::Gzip(gzip) => {
                let length = buffer.len().min(GZIP_UNPACKED_LEN);
                gzip.read(&mut buffer[..length]).map_err(|error| unpacking_failed(error, "gzip data"))
            }
            Self::Zstd(zstd) => zstd.read(buffer),
        }
    }
}

/// Frames of zstd data, one after another.
pub(super) struct Zstd<R> {
    packed: R,
    decoder: FrameDecoder,
    /// Comes after what was unpacked before it.
    error: Option<io::Error>,
}

impl<R: BufRead> Zstd<R> {
    fn new(packed: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(ZSTD_WINDOW_MAX);
        Self { packed, decoder, error: None }
    }

    /// Goes on by a frame's header or a block; `false` at the end.
    fn advance(&mut self) -> Result<bool, FrameDecoderError> {
        if self.decoder.is_finished() {
            return self.next_frame();
        }
        self.decoder.decode_blocks(&mut self.packed, BlockDecodingStrategy::UptoBlocks(1)).map(|_| true)
    }

    fn next_frame(&mut self) -> Result<bool, FrameDecoderError> {
        let at_end = self.packed.fill_buf().map_err(ReadFrameHeaderError::MagicNumberReadError)?.is_empty();
        if at_end {
            return Ok(false);
        }
        match self.decoder.reset(&mut self.packed) {
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                self.skip(length.into()).map(|()| true)
            }
            result => result.map(|()| true),
        }
    }

    fn skip(&mut self, length: u64) -> Result<(), FrameDecoderError> {
        let skipped = io::copy(&mut self.packed.by_ref().take(length), &mut io::sink());
        match skipped {
            Ok(skipped) if skipped < length => Err(ErrorKind::UnexpectedEof.into()),
            result => result.map(|_| ()),
        }
        .map_err(FrameDecoderError::FailedToDrainDecodebuffer)
    }

    /// Whether the frame that ended is as its checksum says; frames need not have one.
    fn is_intact(&self) -> bool {
        let checksum = self.decoder.get_checksum_from_data();
        checksum.is_none() || checksum == self.decoder.get_calculated_checksum()
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.decoder.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            if let Some(error) = self.error.take() {
                return Err(error);
            }
            if self.decoder.is_finished() && !self.is_intact() {
                return Err(io::Error::other(FileError::Malformed { what: "zstd data" }));
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return Ok(0),
                Err(error) => {
                    self.error = Some(zstd_failed(error));
                    // It ends the frame or, where none has begun, changes nothing.
                    let _ = self.decoder.decode_blocks(ZSTD_END, BlockDecodingStrategy::UptoBlocks(1));
                }
            }
        }
    }
}

fn zstd_failed(error: FrameDecoderError) -> io::Error {
    if let FrameDecoderError::WindowSizeTooBig { requested, max } = error {
        return io::Error::other(FileError::Window { length: requested, max });
    }
    let kind = reading_failed(&error).map_or(ErrorKind::InvalidData, io::Error::kind);
    unpacking_failed(io::Error::new(kind, error), "zstd data")
}

/// The failure of reading that `error` comes from, if it does.
fn reading_failed<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    error.downcast_ref().or_else(|| reading_failed(error.source()?))
}

/// Tells an end that comes too early and data that are wrong from failures of reading.
fn unpacking_failed(error: io::Error, what: &'static str) -> io::Error {
    match error.kind() {
        ErrorKind::UnexpectedEof => io::Error::other(FileError::Truncated { packets: 0 }),
        ErrorKind::InvalidData | ErrorKind::InvalidInput => io::Error::other(FileError::Malformed { what }),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::GzEncoder;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use crate::capture::file::order::Order;
    use crate::capture::file::tests::{Writer, read};

    const CUT: &str = "the file is cut off after";

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        compress_to_vec(bytes, CompressionLevel::Fastest)
    }

    /// Blocks of 128 KiB as they are.
    fn zstd_stored(bytes: &[u8]) -> Vec<u8> {
        compress_to_vec(bytes, CompressionLevel::Uncompressed)
    }

    /// As many packets as `count`, each another one.
    fn capture(count: u32) -> Vec<u8> {
        let writer = Writer(Order::Little);
        let packet = |number: u32| writer.pcap_packet(number, 0, &number.wrapping_mul(0x9e37_79b9).to_be_bytes(), 4);
        let packets: Vec<u8> = (0..count).flat_map(packet).collect();
        [writer.pcap(0xa1b2_c3d4, 101), packets].concat()
    }

    fn skippable(bytes: &[u8]) -> Vec<u8> {
        [b"\x5a\x2a\x4d\x18", &u32::try_from(bytes.len()).unwrap().to_le_bytes()[..], bytes].concat()
    }

    #[track_caller]
    fn check_same(packed: &[u8], capture: &[u8]) {
        assert!(read(packed) == read(capture), "{}", read(packed));
    }

    #[test]
    fn gives_what_was_compressed() {
        let capture = capture(20_000);
        check_same(&gzip(&capture), &capture);
        check_same(&zstd(&capture), &capture);
        check_same(&zstd_stored(&capture), &capture);
    }

    #[test]
    fn reads_one_member_or_frame_after_another() {
        let capture = capture(50);
        let (first, second) = capture.split_at(333);
        check_same(&[gzip(first), gzip(b""), gzip(second)].concat(), &capture);
        check_same(&[zstd(first), skippable(b"abc"), zstd(second), skippable(b"")].concat(), &capture);
        check_same(&[skippable(&[0; 5000]), zstd(first), zstd(second)].concat(), &capture);
    }

    #[test]
    fn gives_what_is_before_a_cut() {
        for pack in [gzip, zstd, zstd_stored] {
            let packed = pack(&capture(20_000));
            let mut given = 0;
            for length in (5..packed.len()).step_by(packed.len() / 40) {
                let text = read(&packed[..length]);
                let (packets, end) = text.rsplit_once('\n').unwrap_or(("", &text));
                let count = packets.lines().count();
                assert_eq!(end, format!("{CUT} {count} whole packets"));
                assert!(count >= given);
                given = count;
            }
            // A block has 128 KiB, a packet 20 bytes.
            assert!(given > 13_000, "{given}");
        }
    }

    #[test]
    fn gives_what_is_before_the_end_of_a_frame_cut_off() {
        let packed = zstd_stored(&capture(50));
        let text = read(&packed[..packed.len() - 1]);
        assert!(text.ends_with("the file is cut off after 50 whole packets"), "{text}");
        let packed = [zstd(&capture(1)), skippable(b"abc")].concat();
        let text = read(&packed[..packed.len() - 1]);
        assert!(text.ends_with("the file is cut off after 1 whole packets"), "{text}");
    }

    #[test]
    fn gives_what_is_before_corrupt_data() {
        let capture = capture(50);
        let (first, second) = capture.split_at(24 + 20 * 20);
        let mut gzip = [gzip(first), gzip(second)].concat();
        let last = gzip.len() - 1;
        gzip[last] ^= 1;
        let mut zstd = [zstd_stored(first), zstd_stored(second)].concat();
        let last = zstd.len() - 1;
        zstd[last] ^= 1;
        for (packed, error) in [(gzip, "malformed gzip data"), (zstd, "malformed zstd data")] {
            let text = read(&packed);
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!((lines.len(), lines.last()), (51, Some(&error)));
        }
    }

    #[test]
    fn refuses_what_it_does_not_unpack() {
        let unknown = "compressed in another way than gzip or zstd: unpack it first";
        for magic in [&b"BZh91AY"[..], b"\xfd7zXZ\0", b"\x04\x22\x4d\x18\x64"] {
            assert_eq!(read(magic), unknown);
        }
        let twice = "compressed more than once: unpack it first";
        assert_eq!(read(&gzip(&gzip(&capture(1)))), twice);
        assert_eq!(read(&zstd(&gzip(&capture(1)))), twice);
        assert_eq!(read(&gzip(&zstd(&capture(1)))), twice);
        assert_eq!(read(&gzip(b"BZh91AY")), twice);
        assert_eq!(read(&gzip(b"")), "the file is empty");
        assert_eq!(read(&zstd(b"")), "the file is empty");
        assert_eq!(read(&gzip(b"text")), "neither a pcap, a pcapng nor a dnstap file");
        // `zstd --long=28`, and a dictionary.
        let window = "zstd data with a window of 268435456 bytes, more than 134217728: unpack it first";
        assert_eq!(read(b"\x28\xb5\x2f\xfd\x00\x90\x01\0\0"), window);
        assert_eq!(read(b"\x28\xb5\x2f\xfd\x01\x40\x07\x01\0\0"), "malformed zstd data");
    }

    #[test]
    fn changed_files_do_no_harm() {
        for pack in [gzip, zstd, zstd_stored] {
            let packed = pack(&capture(10));
            for at in 4..packed.len() {
                for value in [1, 0x80, 0xff] {
                    let mut changed = packed.clone();
                    changed[at] ^= value;
                    read(&changed);
                }
            }
        }
    }
}
