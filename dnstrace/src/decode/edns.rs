//! What a message says of itself in its OPT record.

use super::rdata;

/// The option with an extended error (RFC 8914, 2).
const EXTENDED_ERROR: u16 = 15;

/// What EDNS adds to a header (RFC 6891, 6.1.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edns {
    /// The largest UDP payload the sender takes.
    pub udp_size: u16,
    /// The upper eight bits of the rcode, of which the header has the lower four.
    pub rcode_high: u8,
    /// EDNS version.
    pub version: u8,
    /// DO: the sender wants DNSSEC's records.
    pub dnssec_ok: bool,
    /// Extended errors, in their order.
    pub extended_errors: Vec<ExtendedError>,
}

/// An extended error (RFC 8914).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtendedError {
    /// INFO-CODE.
    pub code: u16,
    /// EXTRA-TEXT, quoted; empty when there is none.
    pub text: String,
}

impl Edns {
    /// Reads it where records have their time to live, their class and their data (RFC 6891, 6.1.2).
    pub(super) fn read(ttl: u32, class: u16, data: &[u8]) -> Self {
        let [rcode_high, version, flags, _] = ttl.to_be_bytes();
        let errors = options(data).filter(|(code, _)| *code == EXTENDED_ERROR);
        Self {
            udp_size: class,
            rcode_high,
            version,
            dnssec_ok: flags & 0x80 != 0,
            extended_errors: errors.filter_map(|(_, value)| extended_error(value)).collect(),
        }
    }
}

/// Code and value of each option, as far as they are well-formed.
fn options(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (&[code_high, code_low, length_high, length_low], rest) = bytes.split_first_chunk()?;
        let length = u16::from_be_bytes([length_high, length_low]);
        let (value, rest) = rest.split_at_checked(length.into())?;
        bytes = rest;
        Some((u16::from_be_bytes([code_high, code_low]), value))
    })
}

fn extended_error(value: &[u8]) -> Option<ExtendedError> {
    let (code, text) = value.split_first_chunk()?;
    let text = if text.is_empty() { String::new() } else { rdata::quoted(text) };
    Some(ExtendedError { code: u16::from_be_bytes(*code), text })
}
