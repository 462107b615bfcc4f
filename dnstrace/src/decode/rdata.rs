//! Record data as text: presentation format, printable ASCII only. The common types are read in place, as hickory would
//! read them; hickory reads the others.

mod dnssec;
mod service;

use std::fmt::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use hickory_proto::rr::rdata::{self, ANAME, CAA, CERT, CSYNC, HINFO, MX, NAPTR, SOA};
use hickory_proto::rr::{Name, RData, RecordType};
use hickory_proto::serialize::binary::{BinDecoder, Restrict};

use super::name::write_labels;
use super::presentation::{push_ipv4, push_ipv6, push_number};
use super::record_name::RecordName;

const A: u16 = 1;
const NS: u16 = 2;
const CNAME: u16 = 5;
const PTR: u16 = 12;
const AAAA: u16 = 28;
const SRV: u16 = 33;

/// Appends the data that stands at `place` in `message`; `None` where it is malformed or has no presentation format, and
/// then part of it may be there.
pub(super) fn push(rtype: u16, message: &[u8], place: Range<usize>, text: &mut String) -> Option<()> {
    let data = &message[place.clone()];
    match rtype {
        A => push_ipv4(text, Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?)),
        AAAA => push_ipv6(text, Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?)),
        CNAME | NS | PTR => push_target(message, place, text)?,
        SRV => {
            let (numbers, _) = data.split_first_chunk::<6>()?;
            for number in numbers.chunks(2) {
                push_number(text, number.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)), 1);
                text.push(' ');
            }
            push_target(message, place.start + numbers.len()..place.end, text)?;
        }
        _ if is_dnssec(rtype) => dnssec::push(rtype, data, text)?,
        _ => text.push_str(&read(rtype, message, place)?),
    }
    Some(())
}

/// DS, RRSIG, NSEC, DNSKEY, NSEC3, NSEC3PARAM, CDS, CDNSKEY.
pub(super) fn is_dnssec(rtype: u16) -> bool {
    matches!(rtype, 43 | 46..=48 | 50 | 51 | 59 | 60)
}

/// A name that is as long as it should be.
fn push_target(message: &[u8], place: Range<usize>, text: &mut String) -> Option<()> {
    let (name, end) = RecordName::read(message, place.start)?;
    name.push(text);
    (end == place.end).then_some(())
}

/// Presentation format of any type through hickory; tests hold what is read in place against it.
pub(super) fn read(rtype: u16, message: &[u8], place: Range<usize>) -> Option<String> {
    let mut at_data = BinDecoder::new(message).clone(u16::try_from(place.start).ok()?);
    let length = Restrict::new(u16::try_from(place.len()).ok()?);
    let data = RData::read(&mut at_data, RecordType::from(rtype), length).ok()?;
    // hickory takes TXT without strings, whose text would be none at all.
    text(&data).filter(|text| !text.is_empty())
}

/// A name without its last dot.
fn name(name: &Name) -> String {
    written(|out| write_labels(name.iter(), out)).unwrap_or_default()
}

/// A character string (RFC 1035, 5.1).
pub(super) fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", escaped(bytes, b"\"\\"))
}

/// Data of a type without a presentation format (RFC 3597, 5).
pub(super) fn push_unknown(data: &[u8], text: &mut String) {
    text.push_str("\\# ");
    push_number(text, data.len() as u64, 1);
    if !data.is_empty() {
        text.push(' ');
    }
    let digits = data.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    text.extend(digits.filter_map(|digit| char::from_digit(digit.into(), 16)));
}

/// Presentation format; `None` where there is none.
fn text(data: &RData) -> Option<String> {
    Some(match data {
        RData::A(address) => address.to_string(),
        RData::AAAA(address) => address.to_string(),
        RData::CNAME(target) => name(target),
        RData::NS(target) => name(target),
        RData::PTR(target) => name(target),
        RData::MX(MX { preference, exchange, .. }) => format!("{preference} {}", name(exchange)),
        RData::SRV(rdata::SRV { priority, weight, port, target, .. }) => {
            format!("{priority} {weight} {port} {}", name(target))
        }
        RData::SOA(soa) => soa_text(soa),
        RData::TXT(txt) => txt.txt_data.iter().map(|string| quoted(string)).collect::<Vec<_>>().join(" "),
        RData::HINFO(HINFO { cpu, os, .. }) => format!("{} {}", quoted(cpu), quoted(os)),
        RData::CAA(caa) => caa_text(caa),
        RData::NAPTR(naptr) => naptr_text(naptr),
        RData::SVCB(binding) => service::text(binding),
        RData::HTTPS(binding) => service::text(&binding.0),
        RData::CERT(cert) => cert_text(cert)?,
        RData::CSYNC(csync) => csync_text(csync),
        RData::ANAME(ANAME(target)) => name(target),
        RData::Unknown { .. } | RData::NULL(_) | RData::OPT(_) | RData::Update0(_) => return None,
        // hickory's own text of what is left may contain whatever the message does.
        other => escaped(written(|out| write!(out, "{other}"))?.as_bytes(), b""),
    })
}

fn soa_text(soa: &SOA) -> String {
    let SOA { mname, rname, serial, refresh, retry, expire, minimum, .. } = soa;
    format!("{} {} {serial} {refresh} {retry} {expire} {minimum}", name(mname), name(rname))
}

fn caa_text(caa: &CAA) -> String {
    format!("{} {} {}", caa.flags(), caa.tag, quoted(&caa.value))
}

fn naptr_text(naptr: &NAPTR) -> String {
    let NAPTR { order, preference, flags, services, regexp, replacement, .. } = naptr;
    let strings = [flags, services, regexp].map(|string| quoted(string)).join(" ");
    format!("{order} {preference} {strings} {}", name(replacement))
}

/// RFC 4398, 2.2: numbers serve where mnemonics do.
fn cert_text(cert: &CERT) -> Option<String> {
    let text = written(|out| write!(out, "{cert}"))?;
    // The last word is the certificate in base 64.
    let (_, base64) = text.rsplit_once(' ')?;
    Some(format!("{} {} {} {base64}", u16::from(cert.cert_type), cert.key_tag, u8::from(cert.algorithm)))
}

fn csync_text(csync: &CSYNC) -> String {
    let types = csync.type_bit_maps.iter().map(|rtype| format!(" {}", type_name(u16::from(rtype))));
    format!("{} {}{}", csync.soa_serial, csync.flags(), types.collect::<String>())
}

/// The mnemonic of a record type, `TYPE65280` where it has none (RFC 3597, 5).
fn type_name(number: u16) -> String {
    match RecordType::from(number) {
        RecordType::Unknown(number) => format!("TYPE{number}"),
        known => known.to_string(),
    }
}

/// Unlike `to_string`, survives a `Display` that fails.
fn written(write: impl FnOnce(&mut String) -> fmt::Result) -> Option<String> {
    let mut text = String::new();
    write(&mut text).ok().map(|()| text)
}

/// Printable ASCII: a backslash before each of `special`, numbers for all else.
fn escaped(bytes: &[u8], special: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            _ if special.contains(byte) => text.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => text.extend(format!("\\{byte:03}").chars()),
        }
    }
    text
}
