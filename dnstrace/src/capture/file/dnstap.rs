//! dnstap files: Frame Streams (<https://farsightsec.github.io/fstrm>) with a dnstap event in each data frame.

mod message;
#[cfg(test)]
mod tests;

use std::io::Read;

use self::message::{Event, Role, Sent};
use super::input::Input;
use super::{FileError, FileInterface, FileItem};
use crate::capture::{BootTime, Hook, Layer, Packet, Point, Socket, WallTime};

/// What data frames must be said to hold.
const CONTENT_TYPE: &[u8] = b"protobuf:dnstap.Dnstap";
/// The library that most servers write with reads no longer control and data frames.
const CONTROL_FRAME_MAX: usize = 512;
const DATA_FRAME_MAX: usize = 1 << 20;
/// A frame's length; 0 is an escape, behind it is a control frame.
const LENGTH_LEN: usize = 4;
/// Escape, length and type of a control frame.
pub(super) const START_LEN: usize = 12;
/// Types of control frames. Those a stream may begin with are here; STOP and FINISH end it.
const ACCEPT: u8 = 1;
const START: u8 = 2;
const READY: u8 = 4;
/// The last one there is.
const FINISH: u8 = 5;
/// Type of a control frame's field.
const FIELD_CONTENT_TYPE: u32 = 1;

/// A collector writes the events of some servers into one file, not of more than there are interfaces on a node.
const IDENTITIES_MAX: usize = 4096;

/// What was read so far that events refer to.
#[derive(Default)]
pub(super) struct Dnstap {
    /// Those that said who they are.
    servers: Vec<Server>,
    /// All that have no number.
    others: Server,
    /// Events without time come then.
    last_ns: u64,
    /// Frames that gave no packet.
    pub(super) skipped: u64,
}

/// What one server's events were so far.
#[derive(Default)]
struct Server {
    identity: Vec<u8>,
    ifindex: u32,
    /// Roles in which it tells queries by themselves.
    tells_queries: Vec<Role>,
}

impl Dnstap {
    /// Whether a file that begins so is a Frame Streams file.
    pub(super) fn recognises(start: &[u8]) -> bool {
        matches!(start, [0, 0, 0, 0, 0, 0, _, _, 0, 0, 0, ACCEPT | START | READY])
    }

    /// Reads to the start of the data frames.
    pub(super) fn open<R: Read>(input: &mut Input<R>) -> Result<Self, FileError> {
        while read_control(input)? != START {}
        Ok(Self::default())
    }

    /// Reads to the next event that gives packets, or to one of a server that is new; `false` at the end.
    pub(super) fn next<R: Read>(
        &mut self,
        input: &mut Input<R>,
        mut each: impl FnMut(FileItem<'_>),
    ) -> Result<bool, FileError> {
        while let Some(length) = input.need(LENGTH_LEN)?.and_then(<[u8]>::first_chunk) {
            let length = u32::from_be_bytes(*length) as usize;
            if length == 0 {
                read_control(input)?;
                continue;
            }
            if length > DATA_FRAME_MAX {
                return Err(FileError::TooLong { length });
            }
            let frame = input.need(LENGTH_LEN + length)?.unwrap_or_default();
            let event = Event::read(&frame[LENGTH_LEN..]);
            if let Some(server) = event.as_ref().and_then(|event| self.add_server(event)) {
                // The frame stays: its packets come when the name is known.
                each(FileItem::Interface(&server));
                return Ok(true);
            }
            input.consume(LENGTH_LEN + length);
            if event.is_some_and(|event| self.give(&event, &mut each)) {
                return Ok(true);
            }
            self.skipped += 1;
        }
        Ok(false)
    }

    /// Gives the server of `event` a number and a name, if it says who it is and has none.
    fn add_server(&mut self, event: &Event) -> Option<FileInterface> {
        let identity = event.identity();
        let is_known = identity.is_empty() || self.servers.iter().any(|server| server.identity == identity);
        if is_known || self.servers.len() >= IDENTITIES_MAX {
            return None;
        }
        let ifindex = u32::try_from(self.servers.len()).ok()? + 1;
        self.servers.push(Server { identity: identity.to_vec(), ifindex, ..Server::default() });
        Some(FileInterface { netns: 0, ifindex, name: String::from_utf8_lossy(identity).into_owned() })
    }

    /// Gives what `event` tells: its own message and, with a response, the query that would not be told otherwise.
    fn give(&mut self, event: &Event, each: &mut impl FnMut(FileItem<'_>)) -> bool {
        let known = self.servers.iter_mut().find(|server| server.identity == event.identity());
        let server = known.unwrap_or(&mut self.others);
        let told = server.tells_queries.contains(&event.role());
        let query = event.query().filter(|_| !event.is_response() || !told);
        let response = event.response().filter(|_| event.is_response());
        if query.is_some() && !event.is_response() && !told {
            server.tells_queries.push(event.role());
        }
        let mut given = false;
        for sent in [query, response].into_iter().flatten() {
            self.last_ns = sent.time_ns.unwrap_or(self.last_ns);
            each(FileItem::Packet(&packet(&sent, self.last_ns, server.ifindex)));
            given = true;
        }
        given
    }
}

/// Reads a control frame; gives its type.
fn read_control<R: Read>(input: &mut Input<R>) -> Result<u8, FileError> {
    let malformed = FileError::Malformed { what: "control frame" };
    let start = input.need(START_LEN)?.and_then(<[u8]>::first_chunk::<START_LEN>);
    let [0, 0, 0, 0, l0, l1, l2, l3, 0, 0, 0, kind @ ACCEPT..=FINISH] =
        *start.ok_or(FileError::Truncated { packets: 0 })?
    else {
        return Err(malformed);
    };
    let length = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
    if !(4..=CONTROL_FRAME_MAX).contains(&length) {
        return Err(malformed);
    }
    let frame = input.need(2 * LENGTH_LEN + length)?.unwrap_or_default();
    let content_type = content_type(&frame[START_LEN..]).unwrap_or_default();
    if kind == START && content_type != CONTENT_TYPE {
        return Err(FileError::ContentType { content_type: content_type.escape_ascii().to_string() });
    }
    input.consume(2 * LENGTH_LEN + length);
    Ok(kind)
}

/// The content type among the fields of a control frame.
fn content_type(mut fields: &[u8]) -> Option<&[u8]> {
    loop {
        let (kind, rest) = fields.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (value, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        if u32::from_be_bytes(*kind) == FIELD_CONTENT_TYPE {
            return Some(value);
        }
        fields = rest;
    }
}

fn packet<'a>(sent: &Sent<'a>, time_ns: u64, ifindex: u32) -> Packet<'a> {
    Packet {
        time: BootTime(time_ns),
        wall: WallTime(time_ns),
        point: Point { hook: Hook::Socket, direction: sent.direction, ifindex, netns: 0 },
        layer: Layer::Message { src: sent.src, dst: sent.dst, transport: sent.transport },
        wire_len: u32::try_from(sent.bytes.len()).unwrap_or(u32::MAX),
        bytes: sent.bytes,
        vlan: None,
        gso_size: 0,
        hop_id: None,
        socket: Socket::default(),
        later_fragments: false,
        dropped: None,
    }
}
