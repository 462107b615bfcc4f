//! The records of a message, read with hickory when a sink wants more than header and question.

use hickory_proto::rr::{Name, RData, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder, DecodeError, Restrict};

use super::{Header, rdata};

/// The pseudo-record of EDNS (RFC 6891, 6.1.1).
const OPT: u16 = 41;
/// The option with an extended error (RFC 8914, 2).
const EXTENDED_ERROR: u16 = 15;

/// What a message says beside header and question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// The answer section, as far as it could be read.
    pub answers: Vec<AnswerRecord>,
    /// EDNS, if the message has it.
    pub edns: Option<Edns>,
    /// Whether every record that the header announces was there and well-formed.
    pub complete: bool,
}

/// A resource record. All text is printable ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerRecord {
    /// Whose record it is; like all names without the last dot.
    pub name: String,
    /// TYPE.
    pub rtype: u16,
    /// CLASS.
    pub class: u16,
    /// Time to live in seconds.
    pub ttl: u32,
    /// RDATA in presentation format; that of RFC 3597, 5 (`\# 2 beef`) for types without one and malformed data.
    pub data: String,
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
pub enum AnswersError {
    /// There is no whole header.
    #[error("shorter than a DNS header")]
    Header,
    /// The records' beginning could not be found.
    #[error("the question is cut off or malformed")]
    Question,
}

impl Answers {
    /// The rcode with the bits of EDNS.
    #[must_use]
    pub fn rcode(&self, header: &Header) -> u16 {
        let high = self.edns.as_ref().map_or(0, |edns| edns.rcode_high);
        u16::from(high) << 4 | u16::from(header.rcode())
    }
}

/// Reads the records of the message that `bytes` are, or the beginning of.
pub fn answers(bytes: &[u8]) -> Result<Answers, AnswersError> {
    let header = Header::read(bytes).ok_or(AnswersError::Header)?;
    // Offsets in messages are 16 bits.
    let bytes = bytes.get(..usize::from(u16::MAX)).unwrap_or(bytes);
    let mut decoder = BinDecoder::new(bytes);
    skip_questions(&mut decoder, header.counts[0]).map_err(|_why| AnswersError::Question)?;
    let mut answers = Answers::default();
    answers.complete = read_sections(&mut decoder, &header, &mut answers).is_ok();
    Ok(answers)
}

fn skip_questions(decoder: &mut BinDecoder<'_>, count: u16) -> Result<(), DecodeError> {
    decoder.read_slice(Header::LEN)?;
    for _ in 0..count {
        Name::read(decoder)?;
        decoder.read_slice(4)?;
    }
    Ok(())
}

fn read_sections(decoder: &mut BinDecoder<'_>, header: &Header, out: &mut Answers) -> Result<(), DecodeError> {
    let [_, answer, authority, additional] = header.counts;
    for _ in 0..answer {
        out.answers.push(RawRecord::read(decoder)?.shown());
    }
    for _ in 0..u32::from(authority) + u32::from(additional) {
        let record = RawRecord::read(decoder)?;
        if record.rtype == OPT {
            out.edns = Some(record.edns());
        }
    }
    Ok(())
}

/// A record whose data is not read yet: when it is malformed, the records behind it still can be.
struct RawRecord<'a> {
    name: Name,
    rtype: u16,
    class: u16,
    ttl: u32,
    data: &'a [u8],
    /// Stands at `data`; names in it point back into the message.
    at_data: BinDecoder<'a>,
}

impl<'a> RawRecord<'a> {
    fn read(decoder: &mut BinDecoder<'a>) -> Result<Self, DecodeError> {
        let name = Name::read(decoder)?;
        let rtype = decoder.read_u16()?.unverified();
        let class = decoder.read_u16()?.unverified();
        let ttl = decoder.read_u32()?.unverified();
        let length = decoder.read_u16()?.unverified();
        let at_data = decoder.clone(u16::try_from(decoder.index()).unwrap_or(u16::MAX));
        let data = decoder.read_slice(length.into())?.unverified();
        Ok(Self { name, rtype, class, ttl, data, at_data })
    }

    fn shown(mut self) -> AnswerRecord {
        let length = Restrict::new(u16::try_from(self.data.len()).unwrap_or(u16::MAX));
        let data = RData::read(&mut self.at_data, RecordType::from(self.rtype), length);
        // hickory takes TXT without strings, whose text would be none at all.
        let text = data.ok().and_then(|data| rdata::text(&data)).filter(|text| !text.is_empty());
        AnswerRecord {
            name: rdata::name(&self.name),
            rtype: self.rtype,
            class: self.class,
            ttl: self.ttl,
            data: text.unwrap_or_else(|| rdata::unknown(self.data)),
        }
    }

    fn edns(&self) -> Edns {
        let [rcode_high, version, flags, _] = self.ttl.to_be_bytes();
        let errors = options(self.data).filter(|(code, _)| *code == EXTENDED_ERROR);
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
        let answers = answers(&response([1, 0, 0], &[(rtype, data)])).unwrap();
        assert!(answers.complete);
        let [record] = &answers.answers[..] else { panic!("{answers:?}") };
        assert_eq!((record.name.as_str(), record.rtype, record.class, record.ttl), ("a", rtype, 1, 60));
        assert_eq!(record.data, expected);
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
        let data: Vec<String> = answers(&bytes).unwrap().answers.into_iter().map(|record| record.data).collect();
        assert_eq!(data, ["\\# 3 0a0000", "10.0.0.2"]);
    }

    #[test]
    fn looping_names_end_the_reading() {
        let answers = answers(&response([1, 0, 0], &[(5, b"\xc0\x1f")])).unwrap();
        assert_eq!(answers.answers[0].data, "\\# 2 c01f");
    }

    #[test]
    fn cut_message_gives_what_is_there() {
        let bytes = response([2, 0, 0], &[(1, &[10, 0, 0, 1]), (1, &[10, 0, 0, 2])]);
        let answers = answers(&bytes[..bytes.len() - 1]).unwrap();
        assert_eq!((answers.answers.len(), answers.complete), (1, false));
    }

    #[test]
    fn edns_is_read() {
        let mut bytes = response([0, 0, 1], &[]);
        bytes.extend(b"\0\0\x29\x04\xd0\x01\0\x80\0\0\x11\0\x0a\0\x02\xaa\xbb\0\x0f\0\x07\0\x16why\x1b\n");
        let answers = answers(&bytes).unwrap();
        let error = ExtendedError { code: 22, text: "\"why\\027\\010\"".to_owned() };
        let expected =
            Edns { udp_size: 1232, rcode_high: 1, version: 0, dnssec_ok: true, extended_errors: vec![error] };
        assert_eq!(answers.edns, Some(expected));
        assert_eq!(answers.rcode(&Header::read(&bytes).unwrap()), 16);
    }

    #[test]
    fn without_header_or_question_there_is_an_error() {
        assert_eq!(answers(&[0; 11]), Err(AnswersError::Header));
        assert_eq!(answers(&response([0, 0, 0], &[])[..15]), Err(AnswersError::Question));
    }
}
