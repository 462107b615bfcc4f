//! What a sink reads in a kept message.

use std::fmt::Write;

use super::escape;
use crate::join::{MessageCopy, Transaction};

/// The first entry of the question section, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// The name in lower case, in presentation format, without its trailing dot; the root is `.`.
    pub(super) name: String,
    /// The name as it stood there, when that was not the same text.
    pub(super) raw: Option<String>,
    /// Its type.
    pub(super) qtype: u16,
    /// Its class.
    pub(super) qclass: u16,
}

/// What a transaction asks: of its query, or of its response where no query was seen.
pub(super) fn asked(transaction: &Transaction) -> Option<Asked> {
    [&transaction.query, &transaction.response].into_iter().flatten().find_map(question)
}

/// The question of one message.
pub(super) fn question(message: &MessageCopy) -> Option<Asked> {
    if message.header.counts[0] == 0 {
        return None;
    }
    let (raw, rest) = name(message.bytes.get(12..)?)?;
    let (&[t0, t1, c0, c1], _) = rest.split_first_chunk::<4>()?;
    let name = raw.to_ascii_lowercase();
    let raw = (raw != name).then_some(raw);
    Some(Asked { name, raw, qtype: u16::from_be_bytes([t0, t1]), qclass: u16::from_be_bytes([c0, c1]) })
}

fn name(mut bytes: &[u8]) -> Option<(String, &[u8])> {
    let mut text = String::new();
    loop {
        let (&length, rest) = bytes.split_first()?;
        if length == 0 {
            let text = if text.is_empty() { ".".to_owned() } else { text };
            return Some((text, rest));
        }
        if length > 63 || text.len() > 1024 {
            return None;
        }
        let (label, rest) = rest.split_at_checked(usize::from(length))?;
        if !text.is_empty() {
            text.push('.');
        }
        for &byte in label {
            if matches!(byte, b'.' | b'\\') {
                let _ = write!(text, "\\{}", char::from(byte));
            } else {
                text.push_str(&escape::printable(&[byte]));
            }
        }
        bytes = rest;
    }
}
