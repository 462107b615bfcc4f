//! Captures made here: records of every type.

use dnstrace_tests::frame;
use dnstrace_tests::pcap::{self, Pcap};

use crate::generated::{QUESTION, check, message, record};

/// Type and data; names may point to the question's, `a.example`, at 12.
const RECORDS: &[(u16, &[u8])] = &[
    (1, &[10, 0, 0, 1]),
    (28, &[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
    (28, &[0; 16]),
    (28, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1]),
    (5, b"\x03www\xc0\x0c"),
    (2, b"\0"),
    (2, b"\x02ns\xc0\x0e"),
    (12, b"\x04\x1b[0m\xc0\x0c"),
    (15, b"\0\x0a\x01m\xc0\x0c"),
    (15, b"\0\0\0"),
    (33, b"\0\x0a\0\x05\0\x35\x01s\xc0\x0c"),
    (6, b"\x01m\xc0\x0c\x01r\xc0\x0c\xff\xff\xff\xff\0\0\x0e\x10\0\0\x02\x58\0\x09\x3a\x80\0\0\0\x3c"),
    (16, b"\x05a\"b\\c\x02\x1b\xff"),
    (16, b"\x08v=spf1 \xe4"),
    (13, b"\x03cpu\x02os"),
    (257, b"\0\x05issueca.example; x=\"y\""),
    (257, b"\x80\x05iodef\xff"),
    (35, b"\0\x01\0\x02\x01s\x07SIP+D2U\x05!\\\"!i\xc0\x0c"),
    (64, b"\0\0\x03svc\x07example\0"),
    (64, b"\0\x01\0\0\0\0\x04\0\x01\0\x03\0\x01\0\x06\x02h2\x02h3\0\x02\0\0\0\x03\0\x02\x20\xfb"),
    (65, b"\0\x10\x01h\x07example\0\0\x04\0\x08\x0a\0\0\x01\x0a\0\0\x02"),
    (65, b"\0\x01\0\0\x05\0\x04\x01\x02\xfe\xff\0\x06\0\x10\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"),
    (65, b"\0\x01\0\0\x07\0\x08/q{?dns}\xff\0\0\x02x\xe4"),
    (52, b"\x03\x01\x01\xbe\xef\0\x01"),
    (53, b"\x03\0\0\xbe\xef"),
    (44, b"\x04\x02\xab\xcd"),
    (37, b"\0\x01\x30\x39\x08\xbe\xef\0"),
    (37, b"\xfe\xff\0\0\x7b\xbe\xef"),
    (61, b"openpgpkey"),
    (62, b"\0\0\0\x42\0\x03\0\x04\x60\0\0\x08"),
    // Of DNSSEC: hickory reads them only with a library of cryptography, so that they are read beside it.
    (43, b"\x30\x39\x08\x02\xbe\xef\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    (59, b"\x30\x39\x08\x02\xbe\xef\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    (48, b"\x01\x01\x03\x08\x01\x02\x03\x04"),
    (60, b"\x01\x01\x03\x08\x01\x02\x03\x04"),
    (46, b"\0\x01\x08\x02\0\0\x01\x2c\x6b\x49\xd2\0\x65\x53\xf1\0\x30\x39\x01a\0signature"),
    (47, b"\x01b\0\0\x04\x60\0\0\x08"),
    (50, b"\x01\0\0\x0a\x02\xab\xcd\x04\x01\x02\x03\x04\0\x01\x40"),
    (51, b"\x01\0\0\x0a\x02\xab\xcd"),
    // That hickory does not know, and types without a name.
    (10, b"null"),
    (39, b"\x01d\0"),
    (29, &[0; 16]),
    (17, b"\x01m\0\x01t\0"),
    (18, b"\0\x01\x01h\0"),
    (99, b"\x03spf"),
    (256, b"\0\x01\0\x02http://x/"),
    (108, &[1, 2, 3, 4, 5, 6]),
    (260, b"\0\0"),
    (65_280, b""),
    (65_534, b"\x1b[0m"),
];

#[test]
fn records_of_every_type() {
    let mut capture = Pcap::new(pcap::RAW);
    for (rtype, data) in RECORDS {
        // A second one shows that the first ended where it should.
        let records = [record(*rtype, 1, data), record(1, 1, &[10, 0, 0, 2])].concat();
        let message = message([*rtype, 0x8400, 1, 2, 0, 0], QUESTION, &records);
        capture.frame(&frame::ipv4(frame::UDP, &[], 0, &frame::udp(53, 40_000, &message)));
    }
    check("records", capture, RECORDS.len());
}

#[test]
fn many_records_in_all_sections() {
    let records: Vec<Vec<u8>> = RECORDS.iter().map(|(rtype, data)| record(*rtype, 1, data)).collect();
    let count = u16::try_from(records.len()).unwrap();
    let message = message([1, 0x8180, 1, count, count, count], QUESTION, &records.concat().repeat(3));
    let mut capture = Pcap::new(pcap::RAW);
    capture.frame(&frame::ipv4(frame::UDP, &[], 0, &frame::udp(53, 40_000, &message)));
    check("sections", capture, 1);
}

#[test]
fn malformed_data_is_shown_as_bytes() {
    // Shorter or longer than their types say.
    let records: &[(u16, &[u8])] = &[(1, &[10, 0, 0]), (1, &[10, 0, 0, 1, 2]), (28, &[0xfd; 15]), (16, b"")];
    let mut capture = Pcap::new(pcap::RAW);
    for (rtype, data) in records {
        let message = message([*rtype, 0x8180, 1, 1, 0, 0], QUESTION, &record(*rtype, 1, data));
        capture.frame(&frame::ipv4(frame::UDP, &[], 0, &frame::udp(53, 40_000, &message)));
    }
    check("malformed data", capture, records.len());
}
