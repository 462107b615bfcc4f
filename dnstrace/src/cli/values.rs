//! What is typed behind a flag to its value, or why it is none.

use std::time::Duration;

use globset::{GlobBuilder, GlobMatcher};

use super::quantity;
use crate::sink::{rcode_number, record_type_number};

const SLOW_LEAST: Duration = Duration::from_millis(1);
const SLOW_MOST: Duration = Duration::from_mins(1);

/// Names are matched without their final dot; a pattern may have it.
pub(super) fn name_glob(text: &str) -> Result<GlobMatcher, String> {
    let pattern = if text.len() > 1 { text.strip_suffix('.').unwrap_or(text) } else { text };
    match GlobBuilder::new(pattern).case_insensitive(true).build() {
        Ok(glob) => Ok(glob.compile_matcher()),
        Err(error) => Err(error.kind().to_string()),
    }
}

pub(super) fn record_type(text: &str) -> Result<u16, String> {
    record_type_number(text).ok_or_else(|| "no record type; give a name like AAAA or a number".to_owned())
}

pub(super) fn rcode(text: &str) -> Result<u16, String> {
    rcode_number(text).ok_or_else(|| "no rcode; give a name like NXDOMAIN or a number".to_owned())
}

/// Below a millisecond everything is slow, beyond a minute nobody waits.
pub(super) fn slow(text: &str) -> Result<Duration, String> {
    match quantity::duration(text)? {
        time if (SLOW_LEAST..=SLOW_MOST).contains(&time) => Ok(time),
        _ => Err("must be from 1ms to 1m".to_owned()),
    }
}

/// A DNS header behind Ethernet, IPv6 and UDP needs 74 bytes, a name up to 255 more.
pub(super) fn snaplen(text: &str) -> Result<u32, String> {
    match quantity::size(text)? {
        size @ 96..=65_535 => Ok(size),
        _ => Err("must be from 96 to 65535".to_owned()),
    }
}

/// There is room for a header and some packets. tcpdump's -C counts in millions: who types 100 does not mean bytes.
pub(super) fn rotate_size(text: &str) -> Result<u64, String> {
    match quantity::large_size(text)? {
        size @ 0x1000.. => Ok(size),
        _ => Err("must be at least 4KiB; a number without a unit is bytes".to_owned()),
    }
}

/// The kernel wants whole pages and a power of two; above 1 GiB it cannot be mapped on every kernel.
pub(super) fn ring_size(text: &str) -> Result<u32, String> {
    match quantity::size(text)? {
        size @ 0x1_0000..=0x4000_0000 if size.is_power_of_two() => Ok(size),
        0x1_0000..=0x4000_0000 => Err("must be a power of two, like 8MiB".to_owned()),
        _ => Err("must be from 64KiB to 1GiB".to_owned()),
    }
}
