//! pcapng files (draft-ietf-opsawg-pcapng): blocks to packets, and to what else they say.

use std::io::Read;

use super::headers;
use super::input::Input;
use super::interface::Interface;
use super::link::{Frame, LinkType};
use super::note::{Origin, PacketNote, ProcessComment, is_note, owner_fact};
use super::options::{self, comments, option};
use super::order::Order;
use super::{FileError, FileInterface, FileItem, RECORD_MAX, Record, packet};
use crate::capture::{BootTime, Direction, Dropped, Hook};

/// Block types; that of a section header reads the same in both byte orders.
pub(crate) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
pub(crate) const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
pub(crate) const NAME_RESOLUTION: u32 = 4;
pub(crate) const INTERFACE_STATISTICS: u32 = 5;
pub(crate) const ENHANCED_PACKET: u32 = 6;

/// What a section header tells its byte order by.
pub(crate) const BYTE_ORDER: u32 = 0x1a2b_3c4d;

/// Option of packets: where they went, among other flags.
pub(crate) const FLAGS: u16 = 2;
/// Options of statistics: the end of the capture, packets dropped by the interface and by the operating system.
pub(crate) const END_TIME: u16 = 3;
pub(crate) const INTERFACE_DROP: u16 = 5;
pub(crate) const SYSTEM_DROP: u16 = 7;

/// Type, length, and length again at the end.
const BLOCK_LEN_MIN: usize = 12;
/// What it takes to know a block's length, the byte order of a section header included.
const BLOCK_START_LEN: usize = 12;
/// A node has some hundred interfaces.
const INTERFACES_MAX: usize = 4096;

/// What was read so far that packets refer to.
pub(super) struct Pcapng {
    order: Order,
    /// Of the first section.
    pub(super) origin: Option<Origin>,
    /// Of this section.
    interfaces: Vec<Interface>,
    /// Of the file.
    named: Vec<FileInterface>,
    /// The last interface index given to an interface whose own is not known.
    ifindex: u32,
    /// Simple packets have no time of their own.
    last_ns: u64,
    /// Packets of interfaces whose link type is not read.
    pub(super) skipped: u64,
    /// Packets that were lost when the file was made.
    pub(super) lost: u64,
}

/// One packet of a file.
struct Captured<'a> {
    link: Option<LinkType>,
    record: Record,
    bytes: &'a [u8],
    made_up: bool,
}

impl Pcapng {
    /// Reads the first section header.
    pub(super) fn open<R: Read>(input: &mut Input<R>) -> Result<Self, FileError> {
        let mut pcapng = Self {
            order: Order::Little,
            origin: None,
            interfaces: Vec::new(),
            named: Vec::new(),
            ifindex: 0,
            last_ns: 0,
            skipped: 0,
            lost: 0,
        };
        let start = input.need(BLOCK_START_LEN)?.and_then(<[u8]>::first_chunk).ok_or(FileError::Empty)?;
        let length = pcapng.block_len(start)?;
        let body = input.need(length)?.and_then(body).unwrap_or_default();
        pcapng.origin = comments(pcapng.order, body.get(16..).unwrap_or_default()).find_map(Origin::read);
        input.consume(length);
        Ok(pcapng)
    }

    /// Reads to the next item, and gives it; `false` at the end.
    pub(super) fn next<R: Read>(
        &mut self,
        input: &mut Input<R>,
        mut each: impl FnMut(FileItem<'_>),
    ) -> Result<bool, FileError> {
        while let Some(start) = input.need(BLOCK_START_LEN)?.and_then(<[u8]>::first_chunk) {
            let length = self.block_len(start)?;
            let given = self.block(input.need(length)?.unwrap_or_default(), &mut each)?;
            input.consume(length);
            if given {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Length of the block that begins here. A section header tells the byte order of what follows.
    fn block_len(&mut self, start: &[u8; BLOCK_START_LEN]) -> Result<usize, FileError> {
        let [t0, t1, t2, t3, l0, l1, l2, l3, magic @ ..] = *start;
        if self.order.u32([t0, t1, t2, t3]) == SECTION_HEADER {
            let orders = [Order::Little, Order::Big];
            let order = orders.into_iter().find(|order| order.u32(magic) == BYTE_ORDER);
            self.order = order.ok_or(FileError::Malformed { what: "section header" })?;
        }
        let length = self.order.u32([l0, l1, l2, l3]) as usize;
        match length {
            ..BLOCK_LEN_MIN => Err(FileError::Malformed { what: "block length" }),
            BLOCK_LEN_MIN..=RECORD_MAX => Ok(length),
            _ => Err(FileError::TooLong { length }),
        }
    }

    /// Reads a whole block; gives the item that it holds, if it holds one.
    fn block(&mut self, block: &[u8], each: &mut impl FnMut(FileItem<'_>)) -> Result<bool, FileError> {
        let (Some(kind), Some(body)) = (block.first_chunk(), body(block)) else { return Ok(false) };
        let captured = match self.order.u32(*kind) {
            SECTION_HEADER => {
                self.interfaces.clear();
                return Ok(false);
            }
            INTERFACE_DESCRIPTION => return self.describe(body, each),
            INTERFACE_STATISTICS => return Ok(self.add_statistics(body, each)),
            NAME_RESOLUTION => return Ok(self.names(body, each)),
            ENHANCED_PACKET => self.timed_packet(body, self.u32(body, 0)? as usize)?,
            OBSOLETE_PACKET => self.timed_packet(body, self.u16(body, 0)?.into())?,
            SIMPLE_PACKET => self.simple_packet(body)?,
            _ => return Ok(false),
        };
        let Some(link) = captured.link else {
            self.skipped += 1;
            return Ok(false);
        };
        let read = if captured.made_up { headers::strip(captured.bytes) } else { None };
        let frame = read.unwrap_or_else(|| Frame::read(link, captured.bytes));
        each(FileItem::Packet(&packet(&captured.record, &frame)));
        Ok(true)
    }

    fn describe(&mut self, body: &[u8], each: &mut impl FnMut(FileItem<'_>)) -> Result<bool, FileError> {
        let number = self.u16(body, 0)?;
        let snaplen = self.u32(body, 4)?;
        let mut interface = Interface::read(self.order, number, snaplen, &body[8..])?;
        if self.interfaces.len().max(self.named.len()) >= INTERFACES_MAX {
            return Err(FileError::Malformed { what: "number of interfaces" });
        }
        let same = |named: &&FileInterface| interface.note.is_none_or(|note| note.ifindex == named.ifindex);
        let known = self.named.iter().filter(same).find(|named| Some(&named.name) == interface.name.as_ref());
        let is_new = known.is_none();
        if interface.note.is_none() {
            interface.ifindex = known.map_or(self.ifindex + 1, |known| known.ifindex);
            self.ifindex += u32::from(is_new);
        }
        let name = interface.name.clone().filter(|_| interface.has_name_of_its_own() && is_new);
        let netns = interface.note.map_or(0, |note| note.netns);
        let named = name.map(|name| FileInterface { netns, ifindex: interface.ifindex, name });
        self.interfaces.push(interface);
        let Some(named) = named else { return Ok(false) };
        each(FileItem::Interface(&named));
        self.named.push(named);
        Ok(true)
    }

    /// What the recording program knew of who is who stands in comments behind the names.
    fn names(&self, body: &[u8], each: &mut impl FnMut(FileItem<'_>)) -> bool {
        if self.origin.is_none() {
            return false;
        }
        let mut given = false;
        for fact in comments(self.order, behind_names(self.order, body)).filter_map(owner_fact) {
            each(FileItem::Owner(fact));
            given = true;
        }
        given
    }

    /// What was lost on an interface, and until when it was watched.
    fn add_statistics(&mut self, body: &[u8], each: &mut impl FnMut(FileItem<'_>)) -> bool {
        let order = self.order;
        let number = options::chunk(body, 0).map(|bytes| order.u32(bytes) as usize);
        let Some(interface) = number.and_then(|number| self.interfaces.get_mut(number)) else { return false };
        let options = body.get(12..).unwrap_or_default();
        let count = |code| option(order, options, code).and_then(<[u8]>::first_chunk).map_or(0, |n| order.u64(*n));
        let lost = count(INTERFACE_DROP).saturating_add(count(SYSTEM_DROP));
        // Statistics are sums since the beginning: later ones replace earlier ones.
        self.lost = self.lost.saturating_sub(interface.lost).saturating_add(lost);
        interface.lost = lost;
        let Some(end) = option(order, options, END_TIME).and_then(|end| ticks(order, end)) else { return false };
        let note = note(order, options);
        each(FileItem::Until(BootTime(interface.time_ns(end).saturating_add_signed(-note.step_ns))));
        true
    }

    /// An enhanced packet block or its predecessor, which differ in how they say the interface only.
    fn timed_packet<'a>(&mut self, body: &'a [u8], interface: usize) -> Result<Captured<'a>, FileError> {
        let malformed = FileError::Malformed { what: "block" };
        let ticks = body.get(4..12).and_then(|time| ticks(self.order, time)).ok_or(malformed)?;
        let (captured_len, wire_len) = (self.u32(body, 12)?, self.u32(body, 16)?);
        let bytes = body[20..].get(..captured_len as usize).ok_or(FileError::Malformed { what: "packet length" })?;
        let options = body[20..].get(captured_len.next_multiple_of(4) as usize..).unwrap_or_default();
        let interface = self.interfaces.get(interface).ok_or(FileError::Malformed { what: "interface of a packet" })?;
        self.last_ns = interface.time_ns(ticks);
        let mut captured = captured(interface, self.last_ns, bytes, wire_len);
        captured.record.direction = option(self.order, options, FLAGS).and_then(|flags| self.direction(flags));
        if interface.note.is_some() {
            let unknown = captured.record.note.dropped.take();
            captured.record.note = note(self.order, options);
            captured.record.note.dropped = unknown.and_then(|unknown| captured.record.note.dropped.or(Some(unknown)));
        }
        Ok(captured)
    }

    fn simple_packet<'a>(&self, body: &'a [u8]) -> Result<Captured<'a>, FileError> {
        let wire_len = self.u32(body, 0)?;
        let interface = self.interfaces.first().ok_or(FileError::Malformed { what: "interface of a packet" })?;
        let captured_len = if interface.snaplen == 0 { wire_len } else { wire_len.min(interface.snaplen) };
        let bytes = body[4..].get(..captured_len as usize).unwrap_or(&body[4..]);
        Ok(captured(interface, self.last_ns, bytes, wire_len))
    }

    fn direction(&self, flags: &[u8]) -> Option<Direction> {
        match self.order.u32(*flags.first_chunk()?) & 3 {
            1 => Some(Direction::In),
            2 => Some(Direction::Out),
            _ => None,
        }
    }

    fn u16(&self, body: &[u8], at: usize) -> Result<u16, FileError> {
        options::chunk(body, at).map(|bytes| self.order.u16(bytes)).ok_or(FileError::Malformed { what: "block" })
    }

    fn u32(&self, body: &[u8], at: usize) -> Result<u32, FileError> {
        options::chunk(body, at).map(|bytes| self.order.u32(bytes)).ok_or(FileError::Malformed { what: "block" })
    }
}

/// What stands between a block's lengths.
fn body(block: &[u8]) -> Option<&[u8]> {
    block.get(8..block.len().checked_sub(4)?)
}

/// The options of a name resolution block: they stand behind its records, of which the last has type 0.
fn behind_names(order: Order, mut rest: &[u8]) -> &[u8] {
    while let Some((&[t0, t1, l0, l1], behind)) = rest.split_first_chunk() {
        let length = usize::from(order.u16([l0, l1])).next_multiple_of(4);
        rest = behind.get(length..).unwrap_or_default();
        if order.u16([t0, t1]) == 0 {
            break;
        }
    }
    rest
}

/// The upper half of a time comes first, in either byte order.
fn ticks(order: Order, time: &[u8]) -> Option<u64> {
    let (high, low) = (time.first_chunk()?, time.get(4..)?.first_chunk()?);
    Some(u64::from(order.u32(*high)) << 32 | u64::from(order.u32(*low)))
}

fn note(order: Order, options: &[u8]) -> PacketNote {
    let mut note = PacketNote::default();
    for comment in comments(order, options) {
        if is_note(comment) {
            note.read(comment);
        } else {
            note.socket.process = note.socket.process.or_else(|| ProcessComment::read(comment));
        }
    }
    note
}

fn captured<'a>(interface: &Interface, time_ns: u64, bytes: &'a [u8], wire_len: u32) -> Captured<'a> {
    let captured_len = bytes.len();
    let is_drop = interface.note.is_some_and(|note| note.hook == Hook::Drop);
    let record = Record {
        time_ns,
        captured_len,
        wire_len: wire_len.max(u32::try_from(captured_len).unwrap_or(u32::MAX)),
        hook: interface.note.map_or(Hook::Device, |note| note.hook),
        netns: interface.note.map_or(0, |note| note.netns),
        ifindex: interface.ifindex,
        direction: None,
        later_fragments: interface.note.is_none_or(|note| note.later_fragments),
        note: PacketNote { dropped: is_drop.then(Dropped::unknown), ..PacketNote::default() },
    };
    let made_up = interface.note.is_some_and(|note| note.made_up);
    Captured { link: interface.link, record, bytes, made_up }
}
