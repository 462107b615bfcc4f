//! Random changes of real packets: nothing panics, the sums agree, and hickory reads the same questions.

use hickory_proto::op::{Header as HickoryHeader, Query};
use hickory_proto::rr::Name;
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};

use super::super::name::write_labels;
use super::super::records::Records;
use super::super::{DecodeCounts, DecodeOptions, Decoder, Header, Message, Question, rdata};
use super::captures::{self, each_message};
use super::fragments::{ipv4_fragment_of, ipv6_fragment_of};
use super::packets::{ethernet, ipv6, udp_between};
use super::records::{samples, shown};
use super::tunnels::{geneve, gre, vxlan};
use super::xorshift::Random;
use crate::capture::{BootTime, Layer, Packet};

/// Enough to reach every line many times; two seconds without optimisation.
const CASES: u32 = 200_000;

const RECORDINGS: [&str; 4] =
    ["truncation_glibc.pcap", "fragment_dropped.pcap", "no_endpoints_reject.pcap", "tcp_split_ipv4_ipv6.pcap"];

/// Changes, cuts off or doubles some of `bytes`; their beginning more often, headers are there.
fn change(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..random.below(4) {
        let reach = if random.below(2) == 0 { bytes.len() } else { bytes.len().min(64) };
        let at = random.below(reach);
        match random.below(8) {
            0 => bytes.truncate(at),
            1 => bytes.extend_from_within(at..),
            2 => bytes[at..].fill(0),
            kind => {
                let value = if kind < 5 { random.next().to_le_bytes()[0] } else { 1 << random.below(8) };
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= value);
            }
        }
    }
}

/// An IP packet as it is, in up to two tunnels, or in fragments, which may be in tunnels or have them inside.
fn wrap(random: &mut Random, mut ip: Vec<u8>) -> Vec<Vec<u8>> {
    for _ in 0..random.below(3) {
        ip = tunnel(random, &ip);
    }
    let pieces = if random.below(2) == 0 { split(random, &ip) } else { vec![ip] };
    if random.below(4) == 0 { pieces.iter().map(|piece| tunnel(random, piece)).collect() } else { pieces }
}

fn tunnel(random: &mut Random, ip: &[u8]) -> Vec<u8> {
    let ipv4 = ip.first().is_none_or(|first| first >> 4 == 4);
    let (protocol, ether_type) = if ipv4 { (4, 0x0800) } else { (41, 0x86dd) };
    let (protocol, payload) = match random.below(4) {
        0 => (protocol, ip.to_vec()),
        1 => (47, gre(0x2000, ether_type, &[1; 4], ip)),
        2 => (17, udp_between(50_000, 4789, &vxlan(&ethernet(ether_type, ip)))),
        _ => (17, udp_between(50_000, 6081, &geneve(&[1; 8], ether_type, ip))),
    };
    if random.below(2) == 0 { super::packets::ipv4(protocol, &payload) } else { ipv6(protocol, &payload) }
}

/// An IPv4 or IPv6 packet in fragments; its options and extension headers go into the first.
fn split(random: &mut Random, ip: &[u8]) -> Vec<Vec<u8>> {
    let ipv4 = ip.first().is_none_or(|first| first >> 4 == 4);
    let (header_len, protocol_at) = if ipv4 { (20, 9) } else { (40, 6) };
    let (Some(payload), Some(&protocol)) = (ip.get(header_len..), ip.get(protocol_at)) else { return Vec::new() };
    let id = u16::try_from(random.below(1 << 16)).unwrap();
    let fragment_of = if ipv4 { ipv4_fragment_of } else { ipv6_fragment_of };
    let part = 8 + 8 * random.below(payload.len() / 8 + 1);
    let last = payload.len().div_ceil(part);
    let piece = |(number, bytes): (usize, &[u8])| {
        fragment_of(protocol, id, u16::try_from(number * part).unwrap(), number + 1 < last, bytes)
    };
    let mut pieces: Vec<Vec<u8>> = payload.chunks(part).enumerate().map(piece).collect();
    for at in 1..pieces.len() {
        pieces.swap(at, at - random.below(at.min(4)));
    }
    pieces
}

fn datagrams_add_up(counts: &DecodeCounts) -> bool {
    let parts = counts.entries().filter(|(name, _)| name.starts_with("datagrams_"));
    counts.datagrams == parts.map(|(_, count)| count).sum::<u64>()
}

#[test]
fn changed_packets_do_no_harm() {
    let recorded: Vec<(Layer, Vec<u8>)> = RECORDINGS.iter().flat_map(|name| captures::packets(name)).collect();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut decoder = Decoder::new(&DecodeOptions { ports: vec![53], tunnels: true });
    let mut text = String::new();
    for case in 0..CASES {
        let (layer, bytes) = recorded[case as usize % recorded.len()].clone();
        let pieces = if layer == Layer::Ip { wrap(&mut random, bytes) } else { vec![bytes] };
        for mut bytes in pieces {
            change(&mut random, &mut bytes);
            let wire_len = u32::try_from(bytes.len() + random.below(2) * random.below(100)).unwrap();
            let layer = if random.below(20) == 0 { Layer::Ethernet } else { layer };
            let (gso_size, later_fragments) = ([0, 0, 0, 100][random.below(4)], random.below(8) != 0);
            let time = BootTime(u64::from(case) * 1_000_000);
            let packet = Packet { time, wire_len, gso_size, later_fragments, ..super::packets::packet(layer, &bytes) };
            decoder.add(&packet, |observation| {
                assert!(observation.message.bytes.len() <= observation.message.wire_len as usize);
                text.push_str(&super::line(observation));
            });
            assert!(decoder.counts().add_up(), "{:?}", decoder.counts());
        }
    }
    decoder.finish(|observation| text.push_str(&super::line(observation)));
    let counts = decoder.counts();
    assert!(counts.add_up() && datagrams_add_up(counts), "{counts:?}");
    let by_chance = [
        "packets_drop",
        "packets_purged",
        "datagrams_evicted",
        "datagrams_unfinished",
        "streams_evicted",
        "streams_expired",
    ];
    let missed = counts.entries().find(|(name, count)| *count == 0 && !by_chance.contains(name));
    assert_eq!(missed, None, "{counts:?}");
    assert!(text.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)));
}

fn recorded_messages() -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    for name in RECORDINGS {
        each_message(name, |observation| messages.push(observation.message.bytes.to_vec()));
    }
    messages
}

#[test]
fn hickory_reads_the_same_questions() {
    let recorded = recorded_messages();
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut agreed = 0;
    for case in 0..CASES {
        let mut bytes = recorded[case as usize % recorded.len()].clone();
        change(&mut random, &mut bytes);
        agreed += u32::from(same_question(&bytes));
    }
    assert!(agreed > CASES / 3, "{agreed}");
}

/// Whether both read a question, which then is the same.
fn same_question(bytes: &[u8]) -> bool {
    let ours = Question::read(bytes).ok();
    let theirs = hickory_question(bytes);
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => {
            assert!(ours.name.labels().eq(theirs.name().iter()), "{bytes:02x?}");
            assert_eq!((ours.qtype, ours.qclass), (theirs.query_type().into(), theirs.query_class().into()));
            true
        }
        // Where they follow a compression pointer, which points into the header, we do not.
        (None, Some(_)) => {
            assert!(bytes[Header::LEN..].iter().any(|byte| *byte >= 0xc0), "{bytes:02x?}");
            false
        }
        (Some(ours), None) => panic!("{ours:?}"),
        (None, None) => false,
    }
}

fn hickory_question(bytes: &[u8]) -> Option<Query> {
    let mut decoder = BinDecoder::new(bytes);
    HickoryHeader::read(&mut decoder).ok()?;
    Query::read(&mut decoder).ok()
}

/// The answer section as hickory alone reads it: name, type, data.
fn hickory_answers(bytes: &[u8]) -> Vec<String> {
    let mut decoder = BinDecoder::new(bytes);
    let mut shown = Vec::new();
    let Some(header) = Header::read(bytes).filter(|_| skip_questions(&mut decoder).is_some()) else { return shown };
    for _ in 0..header.counts[1] {
        let Some(record) = hickory_record(bytes, &mut decoder) else { break };
        shown.push(record);
    }
    shown
}

fn skip_questions(decoder: &mut BinDecoder<'_>) -> Option<()> {
    let questions = Header::read(decoder.read_slice(Header::LEN).ok()?.unverified())?.counts[0];
    for _ in 0..questions {
        Name::read(decoder).ok()?;
        decoder.read_slice(4).ok()?;
    }
    Some(())
}

fn hickory_record(bytes: &[u8], decoder: &mut BinDecoder<'_>) -> Option<String> {
    let name = Name::read(decoder).ok()?;
    let rtype = decoder.read_u16().ok()?.unverified();
    decoder.read_slice(6).ok()?;
    let length = usize::from(decoder.read_u16().ok()?.unverified());
    let begin = decoder.index();
    let data = decoder.read_slice(length).ok()?.unverified();
    let place = begin..begin + length;
    // hickory does not read DNSSEC's here: they have tests of their own.
    let read = if rdata::is_dnssec(rtype) {
        let mut text = String::new();
        rdata::push(rtype, bytes, place, &mut text).map(|()| text)
    } else {
        rdata::read(rtype, bytes, place)
    };
    let text = read.unwrap_or_else(|| {
        let mut text = String::new();
        rdata::push_unknown(data, &mut text);
        text
    });
    let mut shown = String::new();
    write_labels(name.iter(), &mut shown).unwrap();
    Some(format!("{shown} {rtype} {text}"))
}

#[test]
fn changed_records_are_those_that_hickory_reads() {
    let mut recorded = recorded_messages();
    recorded.retain(|bytes| bytes.len() < 200);
    recorded.extend(samples());
    let mut random = Random(0x1234_5678_9abc_def1);
    let mut complete = 0;
    for case in 0..CASES {
        let mut bytes = recorded[case as usize % recorded.len()].clone();
        change(&mut random, &mut bytes);
        let records = Records::read(&bytes).unwrap_or_default();
        complete += u32::from(records.is_complete());
        let shown: Vec<String> = records.answers().map(|record| shown(&record)).collect();
        assert!(shown.iter().flat_map(|text| text.bytes()).all(|byte| (b' '..=b'~').contains(&byte)), "{shown:?}");
        assert_eq!(shown, hickory_answers(&bytes), "{bytes:?}");
        assert_eq!(shown.len(), usize::from(records.answer_count()));
    }
    assert!(complete > CASES / 3, "{complete}");
}

#[test]
fn random_bytes_are_no_messages() {
    let mut random = Random(0x0bad_cafe_0bad_cafe);
    let passed = (0..CASES).filter(|_| {
        let bytes: Vec<u8> = (0..8).flat_map(|_| random.next().to_le_bytes()).collect();
        Message::read(&bytes, 64).is_ok()
    });
    assert_eq!(passed.count(), 0);
}
