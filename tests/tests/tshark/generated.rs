//! Captures made here: headers, names, EDNS, link layers.

use dnstrace_tests::node::wire;
use dnstrace_tests::pcap::{self, Pcap};
use dnstrace_tests::skip::skip;
use dnstrace_tests::{frame, pcap as link};

use crate::{compare, pdml};

/// Fails unless both read the same, and as many messages as were put in.
#[track_caller]
pub(crate) fn check(name: &str, capture: Pcap, messages: usize) {
    match pdml::available() {
        Ok(()) => assert_eq!(compare::bytes(name, &capture.into_bytes()).unwrap(), messages, "{name}"),
        Err(why) => skip(&format!("{name} in tshark"), &format!("{why:#}")),
    }
}

/// A file with a UDP datagram for each message, as one device saw them.
#[track_caller]
fn check_messages(name: &str, messages: &[Vec<u8>]) {
    let mut capture = Pcap::new(link::RAW);
    for message in messages {
        capture.frame(&frame::ipv4(frame::UDP, &[], 0, &frame::udp(53, 40_000, message)));
    }
    check(name, capture, messages.len());
}

/// A message of a question in wire format and what follows it.
pub(crate) fn message(words: [u16; 6], question: &[u8], rest: &[u8]) -> Vec<u8> {
    [&words.map(u16::to_be_bytes).concat()[..], question, rest].concat()
}

/// A record; its name is the question's.
pub(crate) fn record(rtype: u16, class: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    let head = [0xc00c, rtype, class, 0x0102, 0x0304, length].map(u16::to_be_bytes).concat();
    [&head[..], data].concat()
}

/// What `a.example`, type A, class IN is in a question.
pub(crate) const QUESTION: &[u8] = b"\x01a\x07example\0\0\x01\0\x01";

const RESPONSE: u16 = 0x8180;

#[test]
fn every_rcode_and_flag() {
    let flags = (0..16).map(|bit| 1 << bit).filter(|flag| flag & OPCODE == 0);
    let messages = flags.chain(0x8000..=0x800f).map(|flags| message([flags, flags, 1, 0, 0, 0], QUESTION, &[]));
    check_messages("flags", &messages.collect::<Vec<_>>());
}

/// The flag word's bits with the opcode.
const OPCODE: u16 = 0x7800;

#[test]
fn every_opcode() {
    // DNS stateful operations (6) have no question.
    let ordinary = (0..16).filter(|opcode| *opcode != 6);
    let mut messages: Vec<Vec<u8>> =
        ordinary.map(|opcode| message([opcode, opcode << 11, 1, 0, 0, 0], QUESTION, &[])).collect();
    // RFC 8490, 7.1: keepalive.
    messages.push(message([6, 6 << 11, 0, 0, 0, 0], b"", b"\0\x01\0\x08\0\0\x3a\x98\0\0\x3a\x98"));
    // RFC 2136: a name must not exist (class NONE, no data), and a record that is added.
    let sections = [record(255, 254, b""), record(1, 1, &[10, 0, 0, 1])].concat();
    messages.push(message([7, 5 << 11, 1, 1, 1, 0], QUESTION, &sections));
    check_messages("opcodes", &messages);
}

#[test]
fn messages_without_question_or_answers() {
    let refused = message([1, RESPONSE | 5, 0, 0, 0, 0], b"", b"");
    // RFC 7873, 5.4: a query for a cookie only.
    let cookie = message([2, 0, 0, 0, 0, 1], b"", b"\0\0\x29\x10\0\0\0\0\0\0\x0c\0\x0a\0\x08cookie!!");
    let truncated = wire::truncated(&wire::query(3, "a.example", wire::A));
    let partly = message([4, RESPONSE | 0x0200, 1, 1, 0, 0], QUESTION, &record(1, 1, &[10, 0, 0, 1]));
    check_messages("short messages", &[refused, cookie, truncated, partly]);
}

#[test]
fn cut_by_the_snaplen_at_every_place() {
    let rest = [record(5, 1, b"\x03www\xc0\x0c"), record(1, 1, &[10, 0, 0, 1])].concat();
    let frame =
        frame::ipv4(frame::UDP, &[], 0, &frame::udp(53, 40_000, &message([1, RESPONSE, 1, 2, 0, 0], QUESTION, &rest)));
    let mut capture = Pcap::new(link::RAW);
    // From the end of the question on: tshark shows none that is cut.
    let places = 20 + 8 + 12 + QUESTION.len()..=frame.len();
    for kept in places.clone() {
        capture.cut_frame(&frame[..kept], u32::try_from(frame.len() - kept).unwrap());
    }
    check("cut", capture, places.count());
}

#[test]
fn names_with_every_byte_of_every_length() {
    let mut names: Vec<Vec<u8>> = (0..=255).map(|byte| vec![3, b'a', byte, b'b', 0]).collect();
    names.extend([
        b"\0".to_vec(),
        b"\x01*\x04_tcp\0".to_vec(),
        b"\x0a\xc3\xa4\xe6\x97\xa5\xf0\x9f\x98\x80!\0".to_vec(),
    ]);
    let longest = [&[63][..], &[b'l'; 63]].concat();
    names.push([&longest.repeat(3)[..], &[61], &[b'm'; 61], &[0]].concat());
    names.push([b"\x01x".repeat(127), b"\0".to_vec()].concat());
    assert_eq!(names.iter().map(Vec::len).max(), Some(255));
    let messages = names.iter().zip(0..).map(|(name, id)| {
        let length = u16::try_from(name.len()).unwrap();
        let alias = [&[0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60][..], &length.to_be_bytes(), name].concat();
        message([id, RESPONSE, 1, 1, 0, 0], &[&name[..], b"\0\x01\0\x01"].concat(), &alias)
    });
    check_messages("names", &messages.collect::<Vec<_>>());
}

#[test]
fn compressed_names() {
    // Into the question, into another record's data, to a pointer.
    let first = record(5, 1, b"\x03www\xc0\x0e");
    let rest = [
        &first[..],
        &[0xc0, 39, 0, 5, 0, 1, 0, 0, 0, 60, 0, 4, 1, b'x', 0xc0, 39],
        &[0xc0, 57, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 1],
    ]
    .concat();
    // The question is 15 bytes long, and so the first record's data stands at 12 + 15 + 12.
    check_messages("compression", &[message([9, RESPONSE, 1, 3, 0, 0], QUESTION, &rest)]);
}

#[test]
fn classes_and_question_types() {
    let kinds = [(1, 3), (255, 255), (252, 1), (251, 1), (65_535, 1), (0, 1), (32_769, 4)];
    let messages = kinds.iter().map(|(qtype, qclass): &(u16, u16)| {
        let question = [b"\x07version\x04bind\0", &qtype.to_be_bytes()[..], &qclass.to_be_bytes()].concat();
        message([*qtype, 0x0100, 1, 0, 0, 0], &question, &[])
    });
    check_messages("classes", &messages.collect::<Vec<_>>());
}

#[test]
fn edns() {
    let option = |size: u16, ttl: [u8; 4], options: &[u8]| {
        let length = u16::try_from(options.len()).unwrap();
        [&[0, 0, 41][..], &size.to_be_bytes(), &ttl, &length.to_be_bytes(), options].concat()
    };
    let options: [Vec<u8>; 6] = [
        option(1232, [0; 4], b""),
        option(4096, [0, 0, 0x80, 0], b""),
        // BADVERS (16), version 1; BADCOOKIE (23).
        option(512, [1, 1, 0, 0], b""),
        option(512, [1, 0, 0, 0], b"\0\x0a\0\x10cookie!!COOKIE!!"),
        // Extended errors (RFC 8914): with and without text, among other options.
        option(1232, [0; 4], b"\0\x0f\0\x02\0\x09"),
        option(1232, [0; 4], b"\0\x08\0\x07\0\x01\x18\0\x0a\xf4\0\0\x0f\0\x08\0\x16t\"\\ \x1b!"),
    ];
    let messages = options.iter().zip(0..).map(|(option, id)| {
        let records = [&record(1, 1, &[10, 0, 0, 1])[..], option].concat();
        message([id, RESPONSE | 7 & id, 1, 1, 0, 1], QUESTION, &records)
    });
    check_messages("EDNS", &messages.collect::<Vec<_>>());
}

#[test]
fn ip_options_and_extension_headers() {
    let udp = frame::udp(40_000, 53, frame::QUERY);
    let mut capture = Pcap::new(link::RAW);
    // Router alert, and the most options there can be.
    capture.frame(&frame::ipv4(frame::UDP, &[148, 4, 0, 0], 0, &udp));
    capture.frame(&frame::ipv4(frame::UDP, &[1; 40], 0, &udp));
    capture.frame(&frame::ipv6(frame::UDP, &udp));
    for header in [0, 43, 60] {
        capture.frame(&frame::ipv6(header, &frame::extension(frame::UDP, &udp)));
    }
    capture.frame(&frame::ipv6(0, &frame::extension(60, &frame::extension(frame::UDP, &udp))));
    // A fragment header on what is no fragment (RFC 6946).
    capture.frame(&frame::ipv6(44, &frame::fragment(frame::UDP, 0, &udp)));
    // Authentication header (RFC 4302): 24 bytes.
    let authentication = [&[frame::UDP, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1][..], &[0xaa; 12], &udp].concat();
    capture.frame(&frame::ipv6(51, &authentication));
    check("IP headers", capture, 9);
}

#[test]
fn every_link_type() {
    let udp = frame::udp(40_000, 53, frame::QUERY);
    let (v4, v6) = (frame::ipv4(frame::UDP, &[], 0, &udp), frame::ipv6(frame::UDP, &udp));
    let mut capture = Pcap::new(link::ETHERNET);
    capture.frame(&frame::ethernet(frame::IPV4, &v4));
    // Padded to the least length of a frame.
    capture.frame(&[&frame::ethernet(frame::IPV4, &v4)[..], &[0; 9]].concat());
    capture.frame(&frame::ethernet(frame::IPV6, &v6));
    capture.frame(&frame::ethernet(frame::VLAN, &frame::tag(100, frame::IPV4, &v4)));
    capture.frame(&frame::ethernet(frame::VLAN, &frame::tag(0xeffe, frame::IPV6, &v6)));
    let inner = frame::tag(7, frame::IPV4, &v4);
    capture.frame(&frame::ethernet(frame::SERVICE_VLAN, &frame::tag(200, frame::VLAN, &inner)));
    capture.frame(&frame::ethernet(frame::VLAN, &frame::tag(200, frame::VLAN, &inner)));
    check("Ethernet", capture, 7);

    let mut capture = Pcap::new(link::NULL);
    for (family, packet) in [(2_u32, &v4), (24, &v6), (28, &v6), (30, &v6)] {
        capture.frame(&[&family.to_le_bytes()[..], packet].concat());
    }
    capture.frame(&[&2_u32.to_be_bytes()[..], &v4].concat());
    check("loopback of BSD", capture, 5);

    let mut capture = Pcap::new(link::SLL);
    for packet_type in [0, 3, 4] {
        capture.frame(&[&[0, packet_type][..], SLL_ADDRESS, &frame::IPV4.to_be_bytes(), &v4].concat());
    }
    capture.frame(&[&[0, 0][..], SLL_ADDRESS, &frame::VLAN.to_be_bytes(), &frame::tag(5, frame::IPV6, &v6)].concat());
    check("cooked", capture, 4);

    let mut capture = Pcap::new(pcap::SLL2);
    for (ifindex, packet_type) in [(1, 0), (2, 4), (258, 4), (258, 1)] {
        capture.frame(&[&sll2(frame::IPV4, ifindex, packet_type)[..], &v4].concat());
    }
    capture.frame(&[&sll2(frame::VLAN, 3, 0)[..], &frame::tag(6, frame::IPV6, &v6)].concat());
    check("cooked, with interfaces", capture, 5);
}

/// Of Ethernet, six bytes and two of padding.
const SLL_ADDRESS: &[u8] = &[0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];

fn sll2(protocol: u16, ifindex: u32, packet_type: u8) -> Vec<u8> {
    let (protocol, ifindex) = (protocol.to_be_bytes(), ifindex.to_be_bytes());
    [&protocol[..], &[0, 0], &ifindex, &[0, 1, packet_type, 6], &SLL_ADDRESS[4..]].concat()
}
