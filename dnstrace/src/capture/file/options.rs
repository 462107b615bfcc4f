//! Options of pcapng blocks.

use super::order::Order;

/// The first option with this code. Options that are cut off end the list.
pub(super) fn option(order: Order, mut options: &[u8], wanted: u16) -> Option<&[u8]> {
    while let Some((&[c0, c1, l0, l1], rest)) = options.split_first_chunk() {
        let length = usize::from(order.u16([l0, l1]));
        match order.u16([c0, c1]) {
            0 => return None,
            code if code == wanted => return rest.get(..length),
            _ => options = rest.get(length.next_multiple_of(4)..)?,
        }
    }
    None
}

/// `N` bytes at `at`.
pub(super) fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}
