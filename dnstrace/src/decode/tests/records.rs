//! Records of every type, in messages made here.

use crate::decode::Header;
use crate::decode::records::*;

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
pub(super) fn shown(record: &Record<'_>) -> String {
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
pub(super) fn samples() -> impl Iterator<Item = Vec<u8>> {
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
    let expected = Edns { udp_size: 1232, rcode_high: 1, version: 0, dnssec_ok: true, extended_errors: vec![error] };
    assert_eq!(records.edns(), Some(expected));
    assert_eq!(records.rcode(&Header::read(&bytes).unwrap()), 16);
}

#[test]
fn without_header_or_question_there_is_an_error() {
    assert_eq!(Records::read(&[0; 11]).err(), Some(RecordsError::Header));
    assert_eq!(Records::read(&response([0, 0, 0], &[])[..15]).err(), Some(RecordsError::Question));
}
