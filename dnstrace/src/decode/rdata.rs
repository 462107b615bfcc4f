//! Record data as text: presentation format, printable ASCII only.

use std::fmt::{self, Write};

use hickory_proto::rr::rdata::{HINFO, MX, SOA, SRV};
use hickory_proto::rr::{Name, RData};

use super::name::write_labels;

/// A name without its last dot.
pub(super) fn name(name: &Name) -> String {
    written(|out| write_labels(name.iter(), out)).unwrap_or_default()
}

/// A character string (RFC 1035, 5.1).
pub(super) fn quoted(bytes: &[u8]) -> String {
    let escaped = bytes.iter().map(|byte| match byte {
        b'"' | b'\\' => format!("\\{}", char::from(*byte)),
        b' '..=b'~' => char::from(*byte).to_string(),
        _ => format!("\\{byte:03}"),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// Data of a type without a presentation format (RFC 3597, 5).
pub(super) fn unknown(data: &[u8]) -> String {
    let digits: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\\# {} {digits}", data.len()).trim_end().to_owned()
}

/// Presentation format; `None` where there is none.
pub(super) fn text(data: &RData) -> Option<String> {
    Some(match data {
        RData::CNAME(target) => name(target),
        RData::NS(target) => name(target),
        RData::PTR(target) => name(target),
        RData::MX(MX { preference, exchange, .. }) => format!("{preference} {}", name(exchange)),
        RData::SRV(SRV { priority, weight, port, target, .. }) => {
            format!("{priority} {weight} {port} {}", name(target))
        }
        RData::SOA(soa) => soa_text(soa),
        RData::TXT(txt) => txt.txt_data.iter().map(|string| quoted(string)).collect::<Vec<_>>().join(" "),
        RData::HINFO(HINFO { cpu, os, .. }) => format!("{} {}", quoted(cpu), quoted(os)),
        RData::Unknown { .. } | RData::NULL(_) | RData::OPT(_) | RData::Update0(_) => return None,
        // hickory's own text of what is left may contain whatever the message does.
        other => printable(&written(|out| write!(out, "{other}"))?),
    })
}

fn soa_text(soa: &SOA) -> String {
    let SOA { mname, rname, serial, refresh, retry, expire, minimum, .. } = soa;
    format!("{} {} {serial} {refresh} {retry} {expire} {minimum}", name(mname), name(rname))
}

/// Unlike `to_string`, survives a `Display` that fails.
fn written(write: impl FnOnce(&mut String) -> fmt::Result) -> Option<String> {
    let mut text = String::new();
    write(&mut text).ok().map(|()| text)
}

fn printable(text: &str) -> String {
    let escaped = text.bytes().map(|byte| match byte {
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\{byte:03}"),
    });
    escaped.collect()
}
