//! DNS messages as bytes, just enough to ask and to answer on purpose (RFC 1035, 4.1).

use std::net::{Ipv4Addr, Ipv6Addr};

/// A record type: IPv4 address.
pub const A: u16 = 1;
/// A record type: IPv6 address.
pub const AAAA: u16 = 28;
const SOA: u16 = 6;
const IN: u16 = 1;
const NXDOMAIN: u8 = 3;
const HEADER_LEN: usize = 12;
const RD: u16 = 1 << 8;
const QR_AA: u16 = 1 << 15 | 1 << 10;
const TC: u16 = 1 << 9;
const TTL: u32 = 30;
/// A name that repeats the question's (RFC 1035, 4.1.4).
const POINTER_TO_QUESTION: [u8; 2] = [0xc0, 12];

/// A query with recursion desired.
#[must_use]
pub fn query(id: u16, name: &str, record_type: u16) -> Vec<u8> {
    let mut bytes = [id, RD, 1, 0, 0, 0].map(u16::to_be_bytes).concat();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap_or(0));
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend([record_type, IN].map(u16::to_be_bytes).concat());
    bytes
}

/// The response to `query` with `count` addresses, the last byte of each counting up from 1.
#[must_use]
pub fn response(query: &[u8], count: u8) -> Vec<u8> {
    let mut bytes = answer_to(query, QR_AA, u16::from(count));
    let record_type = record_type(query).unwrap_or(A);
    for last in 1..=count {
        let v4 = Ipv4Addr::new(198, 51, 100, last).octets().to_vec();
        let v6 = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, u16::from(last)).octets().to_vec();
        let address = if record_type == AAAA { v6 } else { v4 };
        bytes.extend_from_slice(&POINTER_TO_QUESTION);
        bytes.extend([record_type, IN].map(u16::to_be_bytes).concat());
        bytes.extend_from_slice(&TTL.to_be_bytes());
        bytes.extend_from_slice(&u16::try_from(address.len()).unwrap_or(0).to_be_bytes());
        bytes.extend_from_slice(&address);
    }
    bytes
}

/// A response without records that says the rest must be fetched over TCP.
#[must_use]
pub fn truncated(query: &[u8]) -> Vec<u8> {
    answer_to(query, QR_AA | TC, 0)
}

/// A response without records and with this rcode.
#[must_use]
pub fn refusal(query: &[u8], rcode: u8) -> Vec<u8> {
    answer_to(query, QR_AA | u16::from(rcode), 0)
}

/// NXDOMAIN as the root says it: its SOA record stands in the authority section (RFC 2308, 2.1).
#[must_use]
pub fn denial(query: &[u8]) -> Vec<u8> {
    let mut bytes = refusal(query, NXDOMAIN);
    bytes[9] = 1;
    // Owner, primary server and mailbox are the root; serial, refresh, retry, expire, minimum.
    let numbers = [1_u32, 7_200, 1_800, 86_400, TTL].map(u32::to_be_bytes).concat();
    bytes.push(0);
    bytes.extend([SOA, IN].map(u16::to_be_bytes).concat());
    bytes.extend_from_slice(&TTL.to_be_bytes());
    bytes.extend_from_slice(&22_u16.to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(numbers);
    bytes
}

/// The qname, with dots.
#[must_use]
pub fn name(message: &[u8]) -> String {
    let mut name = String::new();
    let mut rest = message.get(HEADER_LEN..).unwrap_or_default();
    while let [length, labels @ ..] = rest
        && *length > 0
        && let Some((label, after)) = labels.split_at_checked(usize::from(*length))
    {
        name.extend(label.iter().copied().map(char::from));
        name.push('.');
        rest = after;
    }
    name.trim_end_matches('.').to_owned()
}

/// The qtype.
#[must_use]
pub fn record_type(message: &[u8]) -> Option<u16> {
    let end = question_end(message)?;
    Some(u16::from_be_bytes([message[end - 4], message[end - 3]]))
}

/// The message with two bytes of length before it, as over TCP (RFC 1035, 4.2.2).
#[must_use]
pub fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], message].concat()
}

/// Header and question of `query` turned into a response's.
fn answer_to(query: &[u8], flags: u16, answers: u16) -> Vec<u8> {
    let mut bytes = query.get(..question_end(query).unwrap_or(HEADER_LEN)).unwrap_or(query).to_vec();
    let recursion_desired = u16::from_be_bytes([bytes[2], bytes[3]]) & RD;
    bytes[2..4].copy_from_slice(&(flags | recursion_desired).to_be_bytes());
    bytes[6..8].copy_from_slice(&answers.to_be_bytes());
    bytes[8..12].fill(0);
    bytes
}

fn question_end(message: &[u8]) -> Option<usize> {
    let name_len = message.get(HEADER_LEN..)?.iter().position(|byte| *byte == 0)?;
    Some(HEADER_LEN + name_len + 1 + 4).filter(|end| *end <= message.len())
}
