//! Random changes of real packets: nothing panics, the sums agree, and hickory reads the same questions.

use hickory_proto::op::{Header as HickoryHeader, Query};
use hickory_proto::rr::Name;
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};

use super::super::name::write_labels;
use super::super::records::Records;
use super::super::{DecodeOptions, Decoder, Header, Message, Question, rdata, records};
use super::captures::{self, each_message};
use super::xorshift::Random;
use crate::capture::{Layer, Packet};

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

#[test]
fn changed_packets_do_no_harm() {
    let recorded: Vec<(Layer, Vec<u8>)> = RECORDINGS.iter().flat_map(|name| captures::packets(name)).collect();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut decoder = Decoder::new(&DecodeOptions { ports: vec![53] });
    let mut text = String::new();
    for case in 0..CASES {
        let (layer, mut bytes) = recorded[case as usize % recorded.len()].clone();
        change(&mut random, &mut bytes);
        let wire_len = u32::try_from(bytes.len() + random.below(2) * random.below(100)).unwrap();
        let layer = if random.below(20) == 0 { Layer::Ethernet } else { layer };
        let gso_size = [0, 0, 0, 100][random.below(4)];
        let packet = Packet { wire_len, gso_size, ..super::packets::packet(layer, &bytes) };
        decoder.add(&packet, |observation| {
            assert!(observation.message.bytes.len() <= observation.message.wire_len as usize);
            text.push_str(&super::line(observation));
        });
    }
    assert!(decoder.counts().add_up(), "{:?}", decoder.counts());
    let reached = decoder.counts().entries().filter(|(_, count)| *count > 0).count();
    assert!(reached >= 25, "{:?}", decoder.counts());
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
    let text = rdata::read(rtype, bytes, begin..begin + length).unwrap_or_else(|| {
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
    recorded.extend(records::tests::samples());
    let mut random = Random(0x1234_5678_9abc_def1);
    let mut complete = 0;
    for case in 0..CASES {
        let mut bytes = recorded[case as usize % recorded.len()].clone();
        change(&mut random, &mut bytes);
        let records = Records::read(&bytes).unwrap_or_default();
        complete += u32::from(records.is_complete());
        let shown: Vec<String> = records.answers().map(|record| records::tests::shown(&record)).collect();
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
