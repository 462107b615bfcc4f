//! The records of a message, read in place when a sink wants more than header and question: text is made of what is shown.

use std::net::IpAddr;

use super::record_name::RecordName;
use super::{Header, rdata};

const A: u16 = 1;
const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const PTR: u16 = 12;
const AAAA: u16 = 28;
const DNAME: u16 = 39;
/// The pseudo-record of EDNS (RFC 6891, 6.1.1).
const OPT: u16 = 41;
/// The option with an extended error (RFC 8914, 2).
const EXTENDED_ERROR: u16 = 15;

/// What a message says beside header and question.
#[derive(Clone, Copy, Debug, Default)]
pub struct Records<'a> {
    message: &'a [u8],
    /// Where the answer section begins, and how many of its records could be read.
    begin: usize,
    answers: u16,
    soa: Option<Record<'a>>,
    opt: Option<Record<'a>>,
    complete: bool,
}

/// A resource record.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    message: &'a [u8],
    name: RecordName<'a>,
    /// Where RDATA begins and ends.
    begin: usize,
    end: usize,
    /// TYPE.
    pub rtype: u16,
    /// CLASS.
    pub class: u16,
    /// Time to live in seconds.
    pub ttl: u32,
}

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

/// Why records could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordsError {
    /// There is no whole header.
    #[error("shorter than a DNS header")]
    Header,
    /// The records' beginning could not be found.
    #[error("the question is cut off or malformed")]
    Question,
}

impl<'a> Records<'a> {
    /// Reads the message that `bytes` are, or the beginning of.
    pub fn read(bytes: &'a [u8]) -> Result<Self, RecordsError> {
        Self::read_each(bytes, |_| {})
    }

    /// The same, giving the answer section's records on the way, as [`answers`](Self::answers) does.
    pub fn read_each(bytes: &'a [u8], answer: impl FnMut(Record<'a>)) -> Result<Self, RecordsError> {
        let header = Header::read(bytes).ok_or(RecordsError::Header)?;
        // Offsets in messages are 16 bits.
        let message = bytes.get(..usize::from(u16::MAX)).unwrap_or(bytes);
        let begin = skip_questions(message, header.counts[0]).ok_or(RecordsError::Question)?;
        let mut records = Self { message, begin, ..Self::default() };
        records.complete = records.read_sections(&header, answer).is_some();
        Ok(records)
    }

    /// The answer section, as far as it could be read.
    pub fn answers(&self) -> impl Iterator<Item = Record<'a>> + use<'a> {
        let (message, mut at) = (self.message, self.begin);
        (0..self.answers).map_while(move |_| {
            let record = Record::read(message, at)?;
            at = record.end;
            Some(record)
        })
    }

    /// The first SOA record of the authority section: that of the zone that says no (RFC 2308).
    #[must_use]
    pub fn soa(&self) -> Option<&Record<'a>> {
        self.soa.as_ref()
    }

    /// How many records [`answers`](Self::answers) gives.
    #[must_use]
    pub fn answer_count(&self) -> u16 {
        self.answers
    }

    /// Whether every record that the header announces was there and well-formed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// EDNS, if the message has it.
    #[must_use]
    pub fn edns(&self) -> Option<Edns> {
        self.opt.as_ref().map(Record::edns)
    }

    /// The rcode with the bits of EDNS.
    #[must_use]
    pub fn rcode(&self, header: &Header) -> u16 {
        let [high, ..] = self.opt.map_or(0, |opt| opt.ttl).to_be_bytes();
        u16::from(high) << 4 | u16::from(header.rcode())
    }

    fn read_sections(&mut self, header: &Header, mut each: impl FnMut(Record<'a>)) -> Option<()> {
        let [_, answer, authority, additional] = header.counts;
        let mut at = self.begin;
        while self.answers < answer {
            let record = Record::read(self.message, at)?;
            at = record.end;
            self.answers += 1;
            each(record);
        }
        for _ in 0..authority {
            let record = Record::read(self.message, at)?;
            at = record.end;
            if record.rtype == SOA && self.soa.is_none() {
                self.soa = Some(record);
            }
        }
        for _ in 0..additional {
            let record = Record::read(self.message, at)?;
            at = record.end;
            if record.rtype == OPT {
                self.opt = Some(record);
            }
        }
        Some(())
    }
}

/// Where the questions end.
fn skip_questions(message: &[u8], count: u16) -> Option<usize> {
    (0..count).try_fold(Header::LEN, |at, _| {
        let (_, end) = RecordName::read(message, at)?;
        Some(end + 4).filter(|end| *end <= message.len())
    })
}

impl<'a> Record<'a> {
    /// Reads the one at `at`, when everything before it was read.
    fn read(message: &'a [u8], at: usize) -> Option<Self> {
        let (name, at) = RecordName::read_further(message, at)?;
        let [t0, t1, c0, c1, l0, l1, l2, l3, d0, d1] = *message.get(at..)?.first_chunk()?;
        let begin = at + 10;
        let end = begin + usize::from(u16::from_be_bytes([d0, d1]));
        let (rtype, class) = (u16::from_be_bytes([t0, t1]), u16::from_be_bytes([c0, c1]));
        let record = Self { message, name, begin, end, rtype, class, ttl: u32::from_be_bytes([l0, l1, l2, l3]) };
        (end <= message.len()).then_some(record)
    }

    /// Appends whose record it is; like all names without the last dot, in printable ASCII.
    pub fn push_name(&self, text: &mut String) {
        self.name.push(text);
    }

    /// Appends RDATA in presentation format; in that of RFC 3597, 5 (`\# 2 beef`) for types without one and malformed
    /// data. It is printable ASCII.
    pub fn push_data(&self, text: &mut String) {
        let before = text.len();
        if rdata::push(self.rtype, self.message, self.begin..self.end, text).is_none() {
            text.truncate(before);
            rdata::push_unknown(self.data(), text);
        }
    }

    /// Whose record it is: labels, without the root.
    pub fn owner(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.name.labels()
    }

    /// Where its owner stands in the question, in bytes from the beginning of the name there, if it is a pointer to that.
    #[must_use]
    pub fn owner_in_question(&self) -> Option<usize> {
        self.name.pointer()?.checked_sub(Header::LEN)
    }

    /// The name that RDATA is: of CNAME, DNAME, NS, PTR.
    #[must_use]
    pub fn target(&self) -> Option<impl Iterator<Item = &'a [u8]> + use<'a>> {
        let (name, end) = RecordName::read(self.message, self.begin)?;
        (matches!(self.rtype, NS | CNAME | PTR | DNAME) && end == self.end).then(|| name.labels())
    }

    /// The address of an A or AAAA record.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self.rtype {
            A => Some(<[u8; 4]>::try_from(self.data()).ok()?.into()),
            AAAA => Some(<[u8; 16]>::try_from(self.data()).ok()?.into()),
            _ => None,
        }
    }

    /// MINIMUM of a SOA record, in seconds.
    #[must_use]
    pub fn minimum(&self) -> Option<u32> {
        let last = self.data().last_chunk().filter(|_| self.rtype == SOA)?;
        Some(u32::from_be_bytes(*last))
    }

    fn data(&self) -> &'a [u8] {
        &self.message[self.begin..self.end]
    }

    fn edns(&self) -> Edns {
        let [rcode_high, version, flags, _] = self.ttl.to_be_bytes();
        let errors = options(self.data()).filter(|(code, _)| *code == EXTENDED_ERROR);
        Edns {
            udp_size: self.class,
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A response to a question for the root, with these records: type, data.
    fn response(counts: [u16; 3], records: &[(u16, &[u8])]) -> Vec<u8> {
        let header = [1, 0x8180, 1, counts[0], counts[1], counts[2]].map(u16::to_be_bytes).concat();
        let mut bytes = [&header[..], b"\x01a\0\0\x01\0\x01"].concat();
        for (rtype, data) in records {
            bytes.extend(b"\xc0\x0c");
            bytes.extend([&rtype.to_be_bytes()[..], b"\0\x01\0\0\0\x3c"].concat());
            bytes.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
            bytes.extend(*data);
        }
        bytes
    }

    #[track_caller]
    fn check(rtype: u16, data: &[u8], expected: &str) {
        let bytes = response([1, 0, 0], &[(rtype, data)]);
        let records = Records::read(&bytes).unwrap();
        assert!(records.is_complete());
        let shown: Vec<_> = records.answers().map(|record| (shown(&record), record.class, record.ttl)).collect();
        assert_eq!(shown, [(format!("a {rtype} {expected}"), 1, 60)]);
    }

    /// Name, type, data.
    pub(in super::super) fn shown(record: &Record<'_>) -> String {
        let mut text = String::new();
        record.push_name(&mut text);
        let mut data = String::new();
        record.push_data(&mut data);
        format!("{text} {} {data}", record.rtype)
    }

    /// Type, data, presentation format.
    const SAMPLES: &[(u16, &[u8], &str)] = &[
        (1, &[10, 0, 0, 1], "10.0.0.1"),
        (28, &[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "fd00::1"),
        (5, b"\x03www\xc0\x0c", "www.a"),
        (2, b"\0", "."),
        (12, b"\x04\x1b[0m\xc0\x0c", "\\027[0m.a"),
        (15, b"\0\x0a\x01m\xc0\x0c", "10 m.a"),
        (33, b"\0\x0a\0\x05\0\x35\x01s\xc0\x0c", "10 5 53 s.a"),
        (16, b"\x05a\"b\\c\x02\x1b\xff", "\"a\\\"b\\\\c\" \"\\027\\255\""),
        (13, b"\x01c\x01o", "\"c\" \"o\""),
        (6, b"\x01m\xc0\x0c\x01r\xc0\x0c\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05", "m.a r.a 1 2 3 4 5"),
        (257, b"\0\x05issueca.example", "0 issue \"ca.example\""),
        (257, b"\x80\x05iodef\"\xff", "128 iodef \"\\\"\\255\""),
        (65, b"\0\x01\0\0\x01\0\x03\x02h2", "1 . alpn=h2"),
        (65, b"\0\0\x01x\xc0\x0c", "0 x.a"),
        (64, b"\0\x01\0\0\0\0\x02\0\x01\0\x01\0\x06\x02h,\x02\\ ", "1 . mandatory=alpn alpn=h\\\\,,\\\\\\\\\\032"),
        (65, b"\0\x01\0\0\x02\0\0\0\x03\0\x02\x01\xbb", "1 . no-default-alpn port=443"),
        (
            65,
            b"\0\x01\0\0\x04\0\x08\x0a\0\0\x01\x0a\0\0\x02\0\x05\0\x02\xab\xcd",
            "1 . ipv4hint=10.0.0.1,10.0.0.2 ech=q80=",
        ),
        (65, b"\0\x01\0\0\x07\0\x02/\"\xff\x14\0\0", "1 . key7=/\\\" key65300"),
        (35, b"\0\x01\0\x02\x01s\x03s\"p\x02!\xff\xc0\x0c", "1 2 \"s\" \"s\\\"p\" \"!\\255\" a"),
        (37, b"\0\x01\x30\x39\x08\xbe\xef", "1 12345 8 vu8="),
        (37, b"\xfe\xff\0\0\x7b\0", "65279 0 123 AA=="),
        (62, b"\0\0\0\x42\0\x03\0\x04\x60\0\0\x08", "66 3 A NS AAAA"),
        (62, b"\0\0\0\x42\0\0\xfe\x01\x80", "66 0 TYPE65024"),
        (65305, b"\x01x\xc0\x0c", "x.a"),
        (52, b"\x03\x01\x01\xbe\xef", "3 1 1 beef"),
        (46, b"\xbe\xef", "\\# 2 beef"),
        (65280, b"", "\\# 0"),
        (16, b"", "\\# 0"),
    ];

    /// A message for each type.
    pub(in super::super) fn samples() -> impl Iterator<Item = Vec<u8>> {
        SAMPLES.iter().map(|(rtype, data, _)| response([1, 0, 0], &[(*rtype, data)]))
    }

    #[test]
    fn data_in_presentation_format() {
        for (rtype, data, expected) in SAMPLES {
            check(*rtype, data, expected);
        }
    }

    #[test]
    fn malformed_data_does_not_hide_what_follows() {
        let bytes = response([2, 0, 0], &[(1, &[10, 0, 0]), (1, &[10, 0, 0, 2])]);
        let shown: Vec<String> = Records::read(&bytes).unwrap().answers().map(|record| shown(&record)).collect();
        assert_eq!(shown, ["a 1 \\# 3 0a0000", "a 1 10.0.0.2"]);
    }

    #[test]
    fn looping_names_end_the_reading() {
        let bytes = response([1, 0, 0], &[(5, b"\xc0\x1f")]);
        let shown: Vec<String> = Records::read(&bytes).unwrap().answers().map(|record| shown(&record)).collect();
        assert_eq!(shown, ["a 5 \\# 2 c01f"]);
    }

    #[test]
    fn cut_message_gives_what_is_there() {
        let bytes = response([2, 0, 0], &[(1, &[10, 0, 0, 1]), (1, &[10, 0, 0, 2])]);
        let records = Records::read(&bytes[..bytes.len() - 1]).unwrap();
        assert_eq!((records.answers().count(), records.answer_count(), records.is_complete()), (1, 1, false));
    }

    #[test]
    fn data_is_read_for_rules() {
        let soa = b"\x01m\xc0\x0c\x01r\xc0\x0c\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05";
        let bytes = response([2, 1, 0], &[(5, b"\x03Www\xc0\x0c"), (1, &[10, 0, 0, 1]), (6, soa)]);
        let records = Records::read(&bytes).unwrap();
        let [alias, address] = records.answers().collect::<Vec<_>>().try_into().unwrap();
        assert_eq!(alias.owner().collect::<Vec<_>>(), [b"a"]);
        assert_eq!(alias.target().unwrap().collect::<Vec<_>>(), [&b"Www"[..], b"a"]);
        assert_eq!((alias.address(), address.address()), (None, Some([10, 0, 0, 1].into())));
        assert_eq!(records.soa().map(|soa| (soa.target().is_some(), soa.minimum())), Some((false, Some(5))));
        assert_eq!((alias.owner_in_question(), address.owner_in_question()), (Some(0), Some(0)));
    }

    #[test]
    fn edns_is_read() {
        let mut bytes = response([0, 0, 1], &[]);
        bytes.extend(b"\0\0\x29\x04\xd0\x01\0\x80\0\0\x11\0\x0a\0\x02\xaa\xbb\0\x0f\0\x07\0\x16why\x1b\n");
        let records = Records::read(&bytes).unwrap();
        let error = ExtendedError { code: 22, text: "\"why\\027\\010\"".to_owned() };
        let expected =
            Edns { udp_size: 1232, rcode_high: 1, version: 0, dnssec_ok: true, extended_errors: vec![error] };
        assert_eq!(records.edns(), Some(expected));
        assert_eq!(records.rcode(&Header::read(&bytes).unwrap()), 16);
    }

    #[test]
    fn without_header_or_question_there_is_an_error() {
        assert_eq!(Records::read(&[0; 11]).err(), Some(RecordsError::Header));
        assert_eq!(Records::read(&response([0, 0, 0], &[])[..15]).err(), Some(RecordsError::Question));
    }
}
