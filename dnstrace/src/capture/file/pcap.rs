//! pcap files (draft-ietf-opsawg-pcap).

use std::io::Read;

use super::input::Input;
use super::link::{Frame, LinkType};
use super::note::PacketNote;
use super::order::Order;
use super::{FileError, FileItem, RECORD_MAX, Record, packet};
use crate::capture::Hook;

/// Magic number of files with microseconds, of files with nanoseconds.
const MICROS: u32 = 0xa1b2_c3d4;
const NANOS: u32 = 0xa1b2_3c4d;

/// Length of a file's header and of a packet's header.
pub(super) const FILE_HEADER_LEN: usize = 24;
const PACKET_HEADER_LEN: usize = 16;

/// What a file's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pcap {
    link: LinkType,
    order: Order,
    fraction_ns: u64,
}

impl Pcap {
    /// Whether a file that begins so is a pcap file.
    pub(super) fn recognises(magic: [u8; 4]) -> bool {
        recognise(magic).is_some()
    }

    /// Reads a file's header.
    pub(super) fn read(header: &[u8; FILE_HEADER_LEN]) -> Result<Self, FileError> {
        let [m0, m1, m2, m3, .., l0, l1, l2, l3] = *header;
        let (order, fraction_ns) = recognise([m0, m1, m2, m3]).ok_or(FileError::NotCapture)?;
        // The upper half tells of frame check sequences, which the lengths in IP headers leave out anyway.
        let number = (order.u32([l0, l1, l2, l3]) & 0xffff) as u16;
        let link = LinkType::from_number(number).ok_or(FileError::LinkType { number })?;
        Ok(Self { link, order, fraction_ns })
    }

    /// Reads the next packet; `false` at the end.
    pub(super) fn next<R: Read>(
        &self,
        input: &mut Input<R>,
        mut each: impl FnMut(FileItem<'_>),
    ) -> Result<bool, FileError> {
        let header = input.need(PACKET_HEADER_LEN)?.and_then(<[u8]>::first_chunk);
        let Some(header) = header else { return Ok(false) };
        let record = self.record(header)?;
        let length = PACKET_HEADER_LEN + record.captured_len;
        let bytes = input.need(length)?.unwrap_or_default();
        each(FileItem::Packet(&packet(&record, &Frame::read(self.link, &bytes[PACKET_HEADER_LEN..]))));
        input.consume(length);
        Ok(true)
    }

    fn record(&self, header: &[u8; PACKET_HEADER_LEN]) -> Result<Record, FileError> {
        let word = |at: usize| self.order.u32(std::array::from_fn(|index| header[at + index]));
        let captured_len = word(8) as usize;
        if captured_len > RECORD_MAX {
            return Err(FileError::TooLong { length: captured_len });
        }
        Ok(Record {
            time_ns: u64::from(word(0)) * 1_000_000_000 + u64::from(word(4)) * self.fraction_ns,
            captured_len,
            wire_len: word(12).max(word(8)),
            hook: Hook::Device,
            netns: 0,
            ifindex: 0,
            direction: None,
            later_fragments: true,
            note: PacketNote::default(),
        })
    }
}

/// Byte order, and nanoseconds in the unit of a time's fraction.
fn recognise(magic: [u8; 4]) -> Option<(Order, u64)> {
    [Order::Little, Order::Big].into_iter().find_map(|order| match order.u32(magic) {
        MICROS => Some((order, 1000)),
        NANOS => Some((order, 1)),
        _ => None,
    })
}
