//! Messages in UDP datagrams.

use super::check;
use super::packets::{ipv4, packet, query, udp};
use crate::capture::{Layer, Packet};

#[test]
fn what_is_no_message_is_counted_by_reason() {
    let check_payload = |payload: &[u8], expected: &str| {
        check([packet(Layer::Ip, &ipv4(17, &udp(payload)))], &["packets_not_dns 1", expected]);
    };
    check_payload(b"", "messages_too_short 1");
    check_payload(&[0; 11], "messages_too_short 1");
    check_payload(&[0; 30], "messages_implausible 1");
    check_payload(b"GET / HTTP/1.1\r\nHost: example\r\n\r\n", "messages_implausible 1");
}

#[test]
fn lengths_that_lie_are_malformed() {
    let mut longer = udp(&query(7, "a"));
    longer[5] += 1;
    check([packet(Layer::Ip, &ipv4(17, &longer))], &["packets_malformed 1"]);
    let mut shorter = udp(&query(7, "a"));
    shorter[5] = 7;
    check([packet(Layer::Ip, &ipv4(17, &shorter))], &["packets_malformed 1"]);
    let mut none = udp(&query(7, "a"));
    none[5] = 0;
    check([packet(Layer::Ip, &ipv4(17, &none))], &["7 query a 1"]);
}

#[test]
fn snaplen_cuts_messages() {
    let bytes = ipv4(17, &udp(&query(7, "a")));
    let check_cut = |captured: usize, expected: &[&str]| {
        let wire_len = u32::try_from(bytes.len()).unwrap();
        check([Packet { wire_len, ..packet(Layer::Ip, &bytes[..captured]) }], expected);
    };
    check_cut(46, &["7 query - cut", "messages_cut 1"]);
    check_cut(40, &["7 query - cut", "messages_cut 1"]);
    check_cut(39, &["packets_not_dns 1", "messages_header_cut 1"]);
    check_cut(28, &["packets_not_dns 1", "messages_header_cut 1"]);
    check_cut(27, &["packets_too_short 1"]);
}

#[test]
fn compression_pointer_in_a_question_is_malformed() {
    let mut looping = query(7, "a");
    looping[12..14].copy_from_slice(&[0xc0, 0x0c]);
    check([packet(Layer::Ip, &ipv4(17, &udp(&looping)))], &["7 query -", "questions_malformed 1"]);
}

#[test]
fn super_packet_is_split() {
    let three = [query(1, "aaaa"), query(2, "bbbb"), query(3, "c")].concat();
    let bytes = ipv4(17, &udp(&three));
    let gso_size = u16::try_from(query(1, "aaaa").len()).unwrap();
    let all = Packet { gso_size, ..packet(Layer::Ip, &bytes) };
    check([all], &["1 query aaaa 1", "2 query bbbb 1", "3 query c 1"]);
    let cut = Packet { bytes: &bytes[..70], ..all };
    check([cut], &["1 query aaaa 1", "2 query - cut", "messages_header_cut 1", "messages_cut 1"]);
}
