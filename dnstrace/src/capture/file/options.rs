//! Options of pcapng blocks.

use super::order::Order;

/// A comment, in every block.
pub(super) const COMMENT: u16 = 1;

/// Code and value of each option. Options that are cut off end the list.
pub(super) fn options(order: Order, mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (&[c0, c1, l0, l1], behind) = rest.split_first_chunk()?;
        let (code, length) = (order.u16([c0, c1]), usize::from(order.u16([l0, l1])));
        let value = behind.get(..length).filter(|_| code != 0)?;
        // The last one may lack its padding.
        rest = behind.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((code, value))
    })
}

/// The first option with this code.
pub(super) fn option(order: Order, rest: &[u8], wanted: u16) -> Option<&[u8]> {
    options(order, rest).find(|(code, _)| *code == wanted).map(|(_, value)| value)
}

/// Each comment that is text.
pub(super) fn comments(order: Order, rest: &[u8]) -> impl Iterator<Item = &str> {
    options(order, rest).filter(|(code, _)| *code == COMMENT).filter_map(|(_, value)| std::str::from_utf8(value).ok())
}

/// `N` bytes at `at`.
pub(super) fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}
