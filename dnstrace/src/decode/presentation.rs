//! Numbers, addresses and labels as text, appended to what is there: a line or record has a dozen of them, and
//! `std::fmt` would cost more than all the rest of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A `u64` has twenty digits at most.
const DIGITS_MAX: usize = 20;

/// A number, with zeros before it up to `width`.
pub(crate) fn push_number(text: &mut String, number: u64, width: usize) {
    let mut digits = [b'0'; DIGITS_MAX];
    let mut begin = DIGITS_MAX;
    let mut rest = number;
    while rest != 0 || begin == DIGITS_MAX {
        begin -= 1;
        digits[begin] = b'0' + (rest % 10).to_le_bytes()[0];
        rest /= 10;
    }
    let begin = begin.min(DIGITS_MAX.saturating_sub(width));
    text.extend(digits[begin..].iter().copied().map(char::from));
}

/// An address, as `Display` has it.
pub(crate) fn push_ip(text: &mut String, address: IpAddr) {
    match address {
        IpAddr::V4(address) => push_ipv4(text, address),
        IpAddr::V6(address) => push_ipv6(text, address),
    }
}

/// Address and port, as `Display` has them; a scope is not in packets.
pub(crate) fn push_socket_address(text: &mut String, address: SocketAddr) {
    match address.ip() {
        IpAddr::V4(ip) => push_ipv4(text, ip),
        IpAddr::V6(ip) => {
            text.push('[');
            push_ipv6(text, ip);
            text.push(']');
        }
    }
    text.push(':');
    push_number(text, address.port().into(), 1);
}

/// `10.0.0.1`.
pub(super) fn push_ipv4(text: &mut String, address: Ipv4Addr) {
    for (at, octet) in address.octets().into_iter().enumerate() {
        if at != 0 {
            text.push('.');
        }
        push_number(text, octet.into(), 1);
    }
}

/// `fd00::1` (RFC 5952).
pub(super) fn push_ipv6(text: &mut String, address: Ipv6Addr) {
    if let Some(mapped) = address.to_ipv4_mapped() {
        text.push_str("::ffff:");
        return push_ipv4(text, mapped);
    }
    let segments = address.segments();
    let (begin, end) = longest_zeros(&segments);
    push_segments(text, &segments[..begin]);
    if begin != end {
        text.push_str("::");
    }
    push_segments(text, &segments[end..]);
}

/// The first of the longest runs of zeros; one zero alone is not shortened.
fn longest_zeros(segments: &[u16; 8]) -> (usize, usize) {
    let mut longest = (8, 8);
    let mut begin = 0;
    while begin < segments.len() {
        let length = segments[begin..].iter().take_while(|segment| **segment == 0).count();
        if length > 1 && length > longest.1 - longest.0 {
            longest = (begin, begin + length);
        }
        begin += length + 1;
    }
    longest
}

fn push_segments(text: &mut String, segments: &[u16]) {
    for (at, segment) in segments.iter().enumerate() {
        if at != 0 {
            text.push(':');
        }
        let digits = (16 - segment.leading_zeros()).div_ceil(4).max(1);
        let nibbles = (0..digits).rev().map(|place| u32::from(segment >> (4 * place) & 0xf));
        text.extend(nibbles.filter_map(|nibble| char::from_digit(nibble, 16)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Random;
    use super::*;

    #[track_caller]
    fn check(expected: &str, push: impl FnOnce(&mut String)) {
        let mut text = String::new();
        push(&mut text);
        assert_eq!(text, expected);
    }

    #[test]
    fn numbers_have_at_least_their_width() {
        check("0", |text| push_number(text, 0, 1));
        check("007", |text| push_number(text, 7, 3));
        check("1234", |text| push_number(text, 1234, 3));
        check(&u64::MAX.to_string(), |text| push_number(text, u64::MAX, 1));
    }

    #[test]
    fn addresses_are_those_of_the_standard_library() {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for _ in 0..100_000 {
            let mut octets = u128::from(random.next()) << 64 | u128::from(random.next());
            // Most real addresses have zeros in them.
            for _ in 0..random.below(6) {
                octets &= !(u128::from(u16::MAX) << (16 * random.below(8)));
            }
            if random.below(10) == 0 {
                octets = octets & u128::from(u32::MAX) | 0xffff << 32;
            }
            let (v6, v4) = (Ipv6Addr::from(octets), Ipv4Addr::from_bits((octets & 0xffff_ffff) as u32));
            let port = (octets >> 112) as u16;
            for ip in [IpAddr::V6(v6), IpAddr::V4(v4)] {
                check(&ip.to_string(), |text| push_ip(text, ip));
                let address = SocketAddr::new(ip, port);
                check(&address.to_string(), |text| push_socket_address(text, address));
            }
        }
    }
}
