//! Presentation format of record data, made of the fields that tshark finds in it.

use std::net::Ipv6Addr;

use crate::pdml::Field;

/// A message's bytes, put together from its fields; names point into it.
pub(crate) struct Bytes(pub(crate) Vec<u8>, usize);

impl Bytes {
    pub(crate) fn of(dns: &Field) -> Self {
        let start = dns.find("dns.id").map_or(0, |id| id.pos);
        let mut bytes = Vec::new();
        for field in dns.walk().skip(1).filter(|field| field.pos >= start && !field.bytes.is_empty()) {
            let at = field.pos - start;
            bytes.resize(bytes.len().max(at + field.bytes.len()), 0);
            bytes[at..at + field.bytes.len()].copy_from_slice(&field.bytes);
        }
        Self(bytes, start)
    }

    /// The name that stands where `field` is (RFC 1035, 4.1.4), without its last dot.
    pub(crate) fn name(&self, field: &Field) -> Option<String> {
        let mut labels = Vec::new();
        let mut at = field.pos.checked_sub(self.1)?;
        // No name has more labels and pointers than a message has bytes.
        for _ in 0..self.0.len() {
            match *self.0.get(at)? {
                0 => return shown(&labels, field),
                high @ 0xc0.. => at = usize::from(high & 0x3f) << 8 | usize::from(*self.0.get(at + 1)?),
                length => {
                    labels.push(self.0.get(at + 1..=at + usize::from(length))?);
                    at += 1 + usize::from(length);
                }
            }
        }
        None
    }
}

/// Labels in presentation format (RFC 1035, 5.1), which is tshark's own where nothing is to be escaped.
fn shown(labels: &[&[u8]], field: &Field) -> Option<String> {
    let plain = labels.concat().iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
    let text: Vec<String> = labels.iter().map(|label| escaped(label, b"\"$().;@\\ ")).collect();
    let text = if text.is_empty() { ".".to_owned() } else { text.join(".") };
    let agreed = !plain || field.name.is_empty() || field.show == text || field.show == "<Root>" && text == ".";
    agreed.then(|| text.replace("\\ ", "\\032"))
}

fn escaped(bytes: &[u8], special: &[u8]) -> String {
    let one = |byte: &u8| match byte {
        byte if special.contains(byte) => format!("\\{}", char::from(*byte)),
        b' '..=b'~' => char::from(*byte).to_string(),
        byte => format!("\\{byte:03}"),
    };
    bytes.iter().map(one).collect()
}

/// A character string.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", escaped(bytes, b"\"\\"))
}

/// RFC 3597, 5.
pub(crate) fn unknown(raw: &[u8]) -> String {
    format!("\\# {} {}", raw.len(), hex(raw)).trim_end().to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let four = |three: &[u8]| {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(three.get(at).copied().unwrap_or(0)));
        let digits = [18, 12, 6, 0].map(|shift| char::from(DIGITS[(bits >> shift & 63) as usize]));
        digits.into_iter().take(three.len() + 1).chain(['='; 2]).take(4).collect::<String>()
    };
    bytes.chunks(3).map(four).collect()
}

/// How a field stands in presentation format.
#[derive(Clone, Copy)]
enum Form {
    Number,
    Name,
    Quoted,
    Text,
    Hex,
    Base64,
    /// Seconds since 1970.
    Time,
    /// The number of a record type.
    Type,
}

use Form::{Base64, Hex, Name, Number, Quoted, Text, Time, Type};

const DS: &[(&str, Form)] =
    &[("dns.ds.key_id", Number), ("dns.ds.algorithm", Number), ("dns.ds.digest_type", Number), ("dns.ds.digest", Hex)];

const DNSKEY: &[(&str, Form)] = &[
    ("dns.dnskey.flags", Number),
    ("dns.dnskey.protocol", Number),
    ("dns.dnskey.algorithm", Number),
    ("dns.dnskey.public_key", Base64),
];

/// Fields by type, in their order.
const TYPES: &[(u16, &[(&str, Form)])] = &[
    (2, &[("dns.ns", Name)]),
    (5, &[("dns.cname", Name)]),
    (
        6,
        &[
            ("dns.soa.mname", Name),
            ("dns.soa.rname", Name),
            ("dns.soa.serial_number", Number),
            ("dns.soa.refresh_interval", Number),
            ("dns.soa.retry_interval", Number),
            ("dns.soa.expire_limit", Number),
            ("dns.soa.minimum_ttl", Number),
        ],
    ),
    (12, &[("dns.ptr.domain_name", Name)]),
    (13, &[("dns.hinfo.cpu", Quoted), ("dns.hinfo.os", Quoted)]),
    (15, &[("dns.mx.preference", Number), ("dns.mx.mail_exchange", Name)]),
    (16, &[("dns.txt", Quoted)]),
    (
        33,
        &[("dns.srv.priority", Number), ("dns.srv.weight", Number), ("dns.srv.port", Number), ("dns.srv.target", Name)],
    ),
    (
        35,
        &[
            ("dns.naptr.order", Number),
            ("dns.naptr.preference", Number),
            ("dns.naptr.flags", Quoted),
            ("dns.naptr.service", Quoted),
            ("dns.naptr.regex", Quoted),
            ("dns.naptr.replacement", Name),
        ],
    ),
    (
        37,
        &[
            ("dns.cert.type", Number),
            ("dns.cert.key_tag", Number),
            ("dns.cert.algorithm", Number),
            ("dns.cert.certificate", Base64),
        ],
    ),
    (44, &[("dns.sshfp.algorithm", Number), ("dns.sshfp.fingerprint.type", Number), ("dns.sshfp.fingerprint", Hex)]),
    (
        52,
        &[
            ("dns.tlsa.certificate_usage", Number),
            ("dns.tlsa.selector", Number),
            ("dns.tlsa.matching_type", Number),
            ("dns.tlsa.certificate_association_data", Hex),
        ],
    ),
    (61, &[("dns.openpgpkey", Base64)]),
    (43, DS),
    (59, DS),
    (48, DNSKEY),
    (60, DNSKEY),
    (
        46,
        &[
            ("dns.rrsig.type_covered", Type),
            ("dns.rrsig.algorithm", Number),
            ("dns.rrsig.labels", Number),
            ("dns.rrsig.original_ttl", Number),
            ("dns.rrsig.signature_expiration", Time),
            ("dns.rrsig.signature_inception", Time),
            ("dns.rrsig.key_tag", Number),
            ("dns.rrsig.signers_name", Name),
            ("dns.rrsig.signature", Base64),
        ],
    ),
    (
        51,
        &[
            ("dns.nsec3.algo", Number),
            ("dns.nsec3.flags", Number),
            ("dns.nsec3.iterations", Number),
            ("dns.nsec3.salt_value", Hex),
        ],
    ),
    (257, &[("dns.caa.flags", Number), ("dns.caa.tag", Text), ("dns.caa.value", Quoted)]),
];

/// Data of a record; `None` for types that hickory does not read, and where tshark finds no such field.
pub(crate) fn data(rtype: u16, record: &Field, message: &Bytes, raw: &[u8]) -> Option<String> {
    match rtype {
        1 => record.find("dns.a").map(|address| address.show.clone()),
        28 => <[u8; 16]>::try_from(&record.find("dns.aaaa")?.bytes[..]).ok().map(|a| Ipv6Addr::from(a).to_string()),
        // tshark 4.0 gives the data of SMIMEA as it is; it is that of TLSA.
        53 => raw.split_first_chunk().map(|([a, b, c], rest)| format!("{a} {b} {c} {}", hex(rest))),
        47 => nsec(record, message),
        50 => nsec3(record),
        62 => csync(record),
        64 | 65 => service(record, message),
        _ => {
            let (_, fields) = TYPES.iter().find(|(known, _)| *known == rtype)?;
            let words = fields.iter().map(|(name, form)| words(record, message, name, *form));
            words.collect::<Option<Vec<_>>>().map(|words| words.join(" "))
        }
    }
}

/// The field, or all of this name.
fn words(record: &Field, message: &Bytes, name: &str, form: Form) -> Option<String> {
    let words = record.all(name).map(|field| word(field, message, form)).collect::<Option<Vec<_>>>()?;
    (!words.is_empty()).then(|| words.join(" "))
}

fn word(field: &Field, message: &Bytes, form: Form) -> Option<String> {
    Some(match form {
        Number => field.number().to_string(),
        Name => message.name(field)?,
        Quoted => quoted(&field.bytes),
        Text => String::from_utf8(field.bytes.clone()).ok()?,
        Hex => hex(&field.bytes),
        Base64 => base64(&field.bytes),
        Time => time(&field.show)?,
        Type => mnemonic(field),
    })
}

/// `Jan 15, 2027 08:00:00.000000000 UTC` as `20270115080000`.
fn time(show: &str) -> Option<String> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = show.split([' ', ',']).filter(|word| !word.is_empty());
    let month = MONTHS.iter().position(|month| words.clone().next() == Some(month))? + 1;
    let (_, day, year, clock) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let clock: String = clock.split('.').next()?.split(':').collect();
    Some(format!("{year}{month:02}{day:0>2}{clock}"))
}

fn mnemonic(field: &Field) -> String {
    match field.show.as_str() {
        "1" => "A".to_owned(),
        "2" => "NS".to_owned(),
        "28" => "AAAA".to_owned(),
        number => format!("TYPE{number}"),
    }
}

/// Those of a bitmap are fields with the name of a record's type, the first of which is the record's.
fn bitmap(record: &Field) -> String {
    record.all("dns.resp.type").skip(1).flat_map(|field| [" ".to_owned(), mnemonic(field)]).collect()
}

/// RFC 4034, 4.2.
fn nsec(record: &Field, message: &Bytes) -> Option<String> {
    Some(format!("{}{}", message.name(record.find("dns.nsec.next_domain_name")?)?, bitmap(record)))
}

/// RFC 5155, 3.3.
fn nsec3(record: &Field) -> Option<String> {
    let number = |name: &str| record.find(name).map(Field::number);
    let [hash, flags, iterations] = ["algo", "flags", "iterations"].map(|name| number(&format!("dns.nsec3.{name}")));
    let (salt, next) = (record.find("dns.nsec3.salt_value")?, record.find("dns.nsec3.hash_value")?);
    let next = next.show.to_ascii_uppercase();
    Some(format!("{} {} {} {} {next}{}", hash?, flags?, iterations?, hex(&salt.bytes), bitmap(record)))
}

/// RFC 7477, 2.1.
fn csync(record: &Field) -> Option<String> {
    let (serial, flags) = (record.find("dns.csync.soa")?.number(), record.find("dns.csync.flags")?.number());
    Some(format!("{serial} {flags}{}", bitmap(record)))
}

/// RFC 9460, 2.1.
fn service(record: &Field, message: &Bytes) -> Option<String> {
    let priority = record.find("dns.svcb.svcpriority")?.number();
    let mut text = format!("{priority} {}", message.name(record.find("dns.svcb.targetname")?)?);
    for parameter in record.all("dns.svcb.svcparam") {
        let key = parameter.find("dns.svcb.svcparam.key")?.number();
        text.extend([" ", &key_name(key)]);
        let all = |name: &str| parameter.all(&format!("dns.svcb.svcparam.{name}")).collect::<Vec<_>>();
        let list = |name: &str, one: fn(&Field) -> String| all(name).into_iter().map(one).collect::<Vec<_>>().join(",");
        let value = match key {
            0 => list("mandatory.key", |field| key_name(field.number())),
            1 => list("alpn", |field| escaped(&field.bytes, b"\"\\;() ")),
            3 => list("port", |field| field.number().to_string()),
            4 => list("ipv4hint.ip", |field| field.show.clone()),
            5 => list("echconfig", |field| base64(&field.bytes)),
            6 => list("ipv6hint.ip", |field| field.show.clone()),
            _ => list("value", |field| escaped(&field.bytes, b"\"\\;() ")),
        };
        if !value.is_empty() {
            text.extend(["=", &value]);
        }
    }
    Some(text)
}

fn key_name(key: u64) -> String {
    let names = ["mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint"];
    let name = usize::try_from(key).ok().and_then(|key| names.get(key));
    name.map_or_else(|| format!("key{key}"), |name| (*name).to_owned())
}
