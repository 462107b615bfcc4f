//! Interface descriptions of pcapng files.

use super::FileError;
use super::link::LinkType;
use super::note::InterfaceNote;
use super::options::{comments, option};
use super::order::Order;
use crate::capture::Hook;

const NAME: u16 = 2;
const TIME_RESOLUTION: u16 = 9;
const TIME_OFFSET: u16 = 14;

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// An interface of a section.
#[derive(Clone, Debug)]
pub(super) struct Interface {
    /// `None` where dnstrace reads no frames of this type.
    pub(super) link: Option<LinkType>,
    /// 0 is no limit.
    pub(super) snaplen: u32,
    pub(super) name: Option<String>,
    /// As in observation points.
    pub(super) ifindex: u32,
    /// What a recording of dnstrace says of it.
    pub(super) note: Option<InterfaceNote>,
    /// Packets lost on it, as its statistics said last.
    pub(super) lost: u64,
    ticks_per_second: u128,
    offset_seconds: i64,
}

impl Interface {
    pub(super) fn read(order: Order, number: u16, snaplen: u32, options: &[u8]) -> Result<Self, FileError> {
        let resolution = option(order, options, TIME_RESOLUTION).and_then(<[u8]>::first).copied().unwrap_or(6);
        let offset = option(order, options, TIME_OFFSET).and_then(<[u8]>::first_chunk);
        let note = comments(order, options).find_map(InterfaceNote::read);
        let name = option(order, options, NAME).map(|name| String::from_utf8_lossy(name).into_owned());
        Ok(Self {
            link: LinkType::from_number(number),
            snaplen,
            name: name.filter(|name| !name.is_empty()),
            ifindex: note.map_or(0, |note| note.ifindex),
            note,
            lost: 0,
            ticks_per_second: ticks_per_second(resolution)?,
            offset_seconds: offset.map_or(0, |offset| order.i64(*offset)),
        })
    }

    /// Whether its name is that of one device: `any` is many, and the sockets of a recording are none.
    pub(super) fn has_name_of_its_own(&self) -> bool {
        let is_any = matches!(self.link, Some(LinkType::Sll | LinkType::Sll2));
        !is_any && self.note.is_none_or(|note| note.hook == Hook::Device)
    }

    /// Nanoseconds since 1970 of a packet's time.
    pub(super) fn time_ns(&self, ticks: u64) -> u64 {
        let since_offset = u128::from(ticks) * NANOS_PER_SECOND / self.ticks_per_second;
        let offset = i128::from(self.offset_seconds) * NANOS_PER_SECOND.cast_signed();
        let time = i128::try_from(since_offset).unwrap_or(i128::MAX).saturating_add(offset);
        u64::try_from(time.max(0)).unwrap_or(u64::MAX)
    }
}

/// The highest bit tells powers of two from powers of ten.
fn ticks_per_second(resolution: u8) -> Result<u128, FileError> {
    let exponent = u32::from(resolution & 0x7f);
    let base: u128 = if resolution & 0x80 == 0 { 10 } else { 2 };
    base.checked_pow(exponent).ok_or(FileError::Malformed { what: "time resolution" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(options: &[u8], ticks: u64, expected: u64) {
        let interface = Interface::read(Order::Big, 1, 0, options).unwrap();
        assert_eq!(interface.time_ns(ticks), expected);
    }

    #[test]
    fn time_has_the_resolution_that_the_file_says() {
        check(b"", 1_700_000_000_123_456, 1_700_000_000_123_456_000);
        check(b"\0\x09\0\x01\x09\0\0\0", 1_700_000_000_123_456_789, 1_700_000_000_123_456_789);
        check(b"\0\x09\0\x01\x0c\0\0\0", 1_999, 1);
        check(b"\0\x09\0\x01\0\0\0\0", 1_700_000_000, 1_700_000_000_000_000_000);
        check(b"\0\x09\0\x01\x8a\0\0\0", 512, 500_000_000);
        check(b"\0\x09\0\x01\0\0\0\0", u64::MAX, u64::MAX);
    }

    #[test]
    fn time_has_the_offset_that_the_file_says() {
        check(b"\0\x0e\0\x08\0\0\0\0\0\0\0\x02", 3_000_000, 5_000_000_000);
        check(b"\0\x0e\0\x08\xff\xff\xff\xff\xff\xff\xff\xff", 3_000_000, 2_000_000_000);
        check(b"\0\x0e\0\x08\x80\0\0\0\0\0\0\0", 3_000_000, 0);
    }

    #[test]
    fn resolution_beyond_computing_is_an_error() {
        assert!(Interface::read(Order::Big, 1, 0, b"\0\x09\0\x01\x7f\0\0\0").is_err());
    }
}
