//! One direction of a TCP connection at one observation point: segments to messages.
//!
//! RFC 1035, 4.2.2: two length bytes come before each message. Messages may be split and joined anywhere, the length
//! bytes included. A stream is *synced* while it is known where the next message begins: from SYN on, or from a segment
//! that begins like a message. Bytes can be missing, because a segment was lost before it was seen or because only its
//! beginning was captured: a gap inside a message cuts that one only, a gap beyond it ends being synced.

use super::message::{Header, Message, Undecodable};
use super::network::len;
use super::sighting::Sighting;

/// A length and a header: what it takes to see that a message begins.
const START_LEN: usize = 2 + Header::LEN;

/// Contiguous bytes of a stream to messages.
#[derive(Default)]
pub(super) struct Stream {
    /// Whether `buffer`, or what comes next when it is empty, begins with the length of a message.
    synced: bool,
    /// How many bytes still belong to a message that was given without its end.
    skip: u32,
    /// The beginning of a message.
    buffer: Vec<u8>,
}

impl Stream {
    /// A stream from its first byte on.
    pub(super) fn from_start() -> Self {
        Self { synced: true, ..Self::default() }
    }

    /// A stream that began before the capture did.
    pub(super) fn from_middle() -> Self {
        Self::default()
    }

    pub(super) fn is_synced(&self) -> bool {
        self.synced
    }

    /// How many bytes are held.
    pub(super) fn held(&self) -> usize {
        self.buffer.len()
    }

    /// Takes the next `wire_len` bytes of the stream, of which the first `bytes` were captured.
    pub(super) fn take(&mut self, bytes: &[u8], wire_len: u32, sighting: &mut Sighting<'_>) {
        let missing = wire_len.saturating_sub(len(bytes));
        let skipped = bytes.len().min(self.skip as usize);
        self.skip -= u32::try_from(skipped).unwrap_or(self.skip);
        let bytes = &bytes[skipped..];
        if self.buffer.is_empty() {
            let used = self.read_messages(bytes, sighting);
            self.buffer.extend_from_slice(&bytes[used..]);
        } else {
            self.take_behind_buffer(bytes, sighting);
        }
        if missing > 0 {
            self.lose(missing, sighting);
        }
    }

    fn take_behind_buffer(&mut self, bytes: &[u8], sighting: &mut Sighting<'_>) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let before = buffer.len();
        buffer.extend_from_slice(bytes);
        // What could have been a length was the end of something else: this segment may be a beginning by itself.
        if !self.synced && buffer.len() >= START_LEN && !begins_message(&buffer) {
            sighting.counts.stream_bytes_lost += before as u64;
            buffer.drain(..before);
        }
        let used = self.read_messages(&buffer, sighting);
        buffer.drain(..used);
        self.buffer = buffer;
    }

    /// Gives the messages that `bytes` begin with; returns how many bytes are done with.
    fn read_messages(&mut self, bytes: &[u8], sighting: &mut Sighting<'_>) -> usize {
        let mut rest = bytes;
        while let Some((length, behind)) = rest.split_first_chunk::<2>() {
            let length = usize::from(u16::from_be_bytes(*length));
            if !self.synced && rest.len() < START_LEN {
                break;
            }
            if !self.synced && !begins_message(rest) {
                return self.desync(rest, bytes.len(), sighting);
            }
            self.synced = true;
            if length == 0 {
                sighting.count_empty();
                rest = behind;
                continue;
            }
            let Some((message, behind)) = behind.split_at_checked(length) else {
                return self.read_beginning(rest, bytes.len(), sighting);
            };
            if sighting.give(message, len(message)).is_err() {
                return self.desync(rest, bytes.len(), sighting);
            }
            rest = behind;
        }
        bytes.len() - rest.len()
    }

    /// Keeps `rest`, the beginning of a message at the end of `len` bytes, unless it already shows that it is none.
    fn read_beginning(&mut self, rest: &[u8], len: usize, sighting: &mut Sighting<'_>) -> usize {
        if rest.len() < START_LEN || begins_header(rest) { len - rest.len() } else { self.desync(rest, len, sighting) }
    }

    fn desync(&mut self, lost: &[u8], used: usize, sighting: &mut Sighting<'_>) -> usize {
        self.synced = false;
        sighting.counts.stream_bytes_lost += lost.len() as u64;
        used
    }

    /// `missing` bytes will not come. A message that has begun is given as far as it goes.
    pub(super) fn lose(&mut self, missing: u32, sighting: &mut Sighting<'_>) {
        sighting.counts.stream_gaps += 1;
        let buffer = std::mem::take(&mut self.buffer);
        let mut inside = self.skip;
        if let Some((length, message)) = buffer.split_first_chunk::<2>().filter(|_| self.synced) {
            let length = u32::from(u16::from_be_bytes(*length));
            inside = length.saturating_sub(len(message));
            self.synced = matches!(sighting.give(message, length), Ok(()) | Err(Undecodable::Cut));
        } else {
            sighting.counts.stream_bytes_lost += buffer.len() as u64;
        }
        self.synced &= missing <= inside;
        self.skip = if self.synced { inside - missing } else { 0 };
    }

    /// Forgets what is held; returns how many bytes that was.
    pub(super) fn clear(&mut self) -> usize {
        std::mem::take(&mut self.buffer).len()
    }
}

/// Whether a message with its length begins here. The inside of a response is full of small numbers that could be
/// counts, so that only what most messages are is taken for a beginning: an ordinary query or response with a question.
fn begins_message(bytes: &[u8]) -> bool {
    let Ok(Message { header, question: Some(question), .. }) = beginning(bytes) else { return false };
    // QUERY and NOTIFY; IN, CH, NONE and ANY; Z is 0. An IXFR query has an SOA record in its authority section.
    let ordinary = matches!(header.opcode(), 0 | 4) && matches!(question.qclass, 1 | 3 | 254 | 255);
    let query = header.rcode() == 0 && header.counts[1] == 0 && header.counts[2] <= 1;
    ordinary && header.flags & 0x0040 == 0 && header.counts[0] == 1 && (header.is_response() || query)
}

/// Whether it can be a message that begins where one must.
fn begins_header(bytes: &[u8]) -> bool {
    beginning(bytes).is_ok()
}

fn beginning(bytes: &[u8]) -> Result<Message<'_>, Undecodable> {
    let (length, rest) = bytes.split_first_chunk::<2>().ok_or(Undecodable::TooShort)?;
    let length = u16::from_be_bytes(*length);
    Message::read(rest.get(..usize::from(length)).unwrap_or(rest), length.into())
}
