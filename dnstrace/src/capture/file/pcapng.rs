//! pcapng files (draft-ietf-opsawg-pcapng): blocks to packets.

use std::io::Read;

use super::input::Input;
use super::interface::Interface;
use super::link::{Frame, LinkType};
use super::options::{self, option};
use super::order::Order;
use super::{FileError, FileInterface, RECORD_MAX, Record, packet};
use crate::capture::{Direction, Packet};

/// Block type and byte-order magic of a section header; the type reads the same in both orders.
pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Option of packets: where they went, among other flags.
const FLAGS: u16 = 2;

/// Type, length, and length again at the end.
const BLOCK_LEN_MIN: usize = 12;
/// What it takes to know a block's length, the byte order of a section header included.
const BLOCK_START_LEN: usize = 12;
/// A node has some hundred interfaces.
const INTERFACES_MAX: usize = 4096;

/// What was read so far that packets refer to.
pub(super) struct Pcapng {
    order: Order,
    /// Of this section.
    interfaces: Vec<Interface>,
    /// Of the file.
    pub(super) named: Vec<FileInterface>,
    /// The last interface index given.
    ifindex: u32,
    /// Simple packets have no time of their own.
    last_ns: u64,
    /// Packets of interfaces whose link type is not read.
    pub(super) skipped: u64,
}

/// One packet of a file.
struct Captured<'a> {
    link: Option<LinkType>,
    record: Record,
    bytes: &'a [u8],
}

impl Pcapng {
    pub(super) fn new() -> Self {
        Self { order: Order::Little, interfaces: Vec::new(), named: Vec::new(), ifindex: 0, last_ns: 0, skipped: 0 }
    }

    /// Reads to the next packet, or to the next interface that has a name; `false` at the end.
    pub(super) fn next<R: Read>(
        &mut self,
        input: &mut Input<R>,
        mut each: impl FnMut(&Packet<'_>),
    ) -> Result<bool, FileError> {
        while let Some(start) = input.need(BLOCK_START_LEN)?.and_then(<[u8]>::first_chunk) {
            let length = self.block_len(start)?;
            let named = self.named.len();
            let captured = self.block(input.need(length)?.unwrap_or_default())?;
            let given = captured.is_some_and(|captured| self.give(&captured, &mut each));
            input.consume(length);
            if given || self.named.len() != named {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn give(&mut self, captured: &Captured<'_>, each: &mut impl FnMut(&Packet<'_>)) -> bool {
        let Some(link) = captured.link else {
            self.skipped += 1;
            return false;
        };
        each(&packet(&captured.record, &Frame::read(link, captured.bytes)));
        true
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

    /// Reads a whole block; gives the packet that it holds, if it is one.
    fn block<'a>(&mut self, block: &'a [u8]) -> Result<Option<Captured<'a>>, FileError> {
        let Some((kind, rest)) = block.split_first_chunk::<4>() else { return Ok(None) };
        let body = rest.get(4..rest.len().saturating_sub(4)).unwrap_or_default();
        match self.order.u32(*kind) {
            SECTION_HEADER => self.interfaces.clear(),
            INTERFACE_DESCRIPTION => self.describe(body)?,
            ENHANCED_PACKET => return self.timed_packet(body, self.u32(body, 0)? as usize).map(Some),
            OBSOLETE_PACKET => return self.timed_packet(body, self.u16(body, 0)?.into()).map(Some),
            SIMPLE_PACKET => return self.simple_packet(body).map(Some),
            _ => {}
        }
        Ok(None)
    }

    fn describe(&mut self, body: &[u8]) -> Result<(), FileError> {
        let number = self.u16(body, 0)?;
        let snaplen = self.u32(body, 4)?;
        let mut interface = Interface::read(self.order, number, snaplen, &body[8..])?;
        if self.interfaces.len().max(self.named.len()) >= INTERFACES_MAX {
            return Err(FileError::Malformed { what: "number of interfaces" });
        }
        let known = self.named.iter().find(|named| Some(&named.name) == interface.name.as_ref());
        interface.ifindex = known.map_or(self.ifindex + 1, |known| known.ifindex);
        if known.is_none() {
            self.ifindex += 1;
            let name = interface.name.clone().filter(|_| interface.is_one_device());
            self.named.extend(name.map(|name| FileInterface { ifindex: self.ifindex, name }));
        }
        self.interfaces.push(interface);
        Ok(())
    }

    /// An enhanced packet block or its predecessor, which differ in how they say the interface only.
    fn timed_packet<'a>(&mut self, body: &'a [u8], interface: usize) -> Result<Captured<'a>, FileError> {
        let ticks = u64::from(self.u32(body, 4)?) << 32 | u64::from(self.u32(body, 8)?);
        let (captured_len, wire_len) = (self.u32(body, 12)?, self.u32(body, 16)?);
        let bytes = body[20..].get(..captured_len as usize).ok_or(FileError::Malformed { what: "packet length" })?;
        let options = body[20..].get(captured_len.next_multiple_of(4) as usize..).unwrap_or_default();
        let direction = option(self.order, options, FLAGS).and_then(|flags| self.direction(flags));
        let interface = self.interfaces.get(interface).ok_or(FileError::Malformed { what: "interface of a packet" })?;
        self.last_ns = interface.time_ns(ticks);
        Ok(captured(interface, self.last_ns, bytes, wire_len, direction))
    }

    fn simple_packet<'a>(&self, body: &'a [u8]) -> Result<Captured<'a>, FileError> {
        let wire_len = self.u32(body, 0)?;
        let interface = self.interfaces.first().ok_or(FileError::Malformed { what: "interface of a packet" })?;
        let captured_len = if interface.snaplen == 0 { wire_len } else { wire_len.min(interface.snaplen) };
        let bytes = body[4..].get(..captured_len as usize).unwrap_or(&body[4..]);
        Ok(captured(interface, self.last_ns, bytes, wire_len, None))
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

fn captured<'a>(
    interface: &Interface,
    time_ns: u64,
    bytes: &'a [u8],
    wire_len: u32,
    direction: Option<Direction>,
) -> Captured<'a> {
    let (captured_len, ifindex) = (bytes.len(), interface.ifindex);
    let wire_len = wire_len.max(u32::try_from(captured_len).unwrap_or(u32::MAX));
    Captured { link: interface.link, record: Record { time_ns, captured_len, wire_len, ifindex, direction }, bytes }
}
