//! The bytes of one DNS message: what hickory reads of it as a whole is what the product reads of it piece by piece.

use dnstrace::decode::records::{self, Edns, Records};
use dnstrace::decode::{Message, Question};
use hickory_proto::op;
use hickory_proto::rr::{Name, RData, Record};

use super::reading::{assert_all_printable, data, name};

/// Offsets in messages are 16 bits.
const LEN_MAX: usize = 65_535;

/// The bytes are the message.
pub(super) fn run(bytes: &[u8]) {
    let bytes = bytes.get(..LEN_MAX).unwrap_or(bytes);
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let question = Message::read(bytes, length).ok().and_then(|message| message.question);
    let records = Records::read(bytes);
    if let Ok(records) = &records {
        assert_all_printable(records);
    }
    let Ok(hickory) = op::Message::from_vec(bytes) else { return };
    if let (Some(ours), [theirs, ..]) = (question, &hickory.queries[..]) {
        assert_same_question(&ours, theirs);
    }
    let records = records.unwrap_or_default();
    assert!(records.is_complete(), "hickory reads all of it");
    assert_eq!(records.answers().count(), hickory.answers.len());
    for (ours, theirs) in records.answers().zip(&hickory.answers) {
        assert_same_record(&ours, theirs);
    }
    assert_eq!(records.edns().as_ref().map(ours), hickory.edns.as_ref().map(theirs));
}

fn assert_same_question(ours: &Question<'_>, theirs: &op::Query) {
    assert!(ours.name.labels().eq(theirs.name().iter()), "{ours:?}");
    assert_eq!((ours.qtype, ours.qclass), (theirs.query_type().into(), theirs.query_class().into()));
}

/// DS, RRSIG, NSEC, DNSKEY, NSEC3, NSEC3PARAM, CDS, CDNSKEY.
const DNSSEC: [u16; 8] = [43, 46, 47, 48, 50, 51, 59, 60];

fn assert_same_record(ours: &records::Record<'_>, theirs: &Record) {
    let head = (ours.rtype, ours.class, ours.ttl);
    assert_eq!(head, (theirs.record_type().into(), theirs.dns_class.into(), theirs.ttl));
    assert_same_name(&name(ours), &theirs.name);
    let text = data(ours);
    match &theirs.data {
        RData::A(address) => assert_eq!(text, address.to_string()),
        RData::AAAA(address) => assert_eq!(text, address.to_string()),
        RData::CNAME(target) => assert_same_name(&text, target),
        RData::NS(target) => assert_same_name(&text, target),
        RData::PTR(target) => assert_same_name(&text, target),
        RData::SRV(srv) => {
            let (numbers, target) = text.rsplit_once(' ').unwrap_or_default();
            assert_eq!(numbers, format!("{} {} {}", srv.priority, srv.weight, srv.port));
            assert_same_name(target, &srv.target);
        }
        // hickory does not read DNSSEC's here; only what is malformed stays as it is.
        RData::Unknown { rdata, .. } if DNSSEC.contains(&ours.rtype) => {
            assert!(!text.starts_with("\\# ") || text == unknown(&rdata.anything), "{text}");
        }
        // RFC 3597, 5.
        RData::Unknown { rdata, .. } => assert_eq!(text, unknown(&rdata.anything)),
        RData::NULL(null) => assert_eq!(text, unknown(&null.anything)),
        RData::Update0(_) | RData::OPT(_) => assert!(text.starts_with("\\# "), "{text}"),
        // No data has no text, where hickory takes it.
        known => assert!(text == "\\# 0" || !text.starts_with("\\# "), "{text}, {known:?}"),
    }
}

fn assert_same_name(ours: &str, theirs: &Name) {
    assert_eq!(labels(ours), theirs.iter().map(<[u8]>::to_vec).collect::<Vec<_>>());
}

fn unknown(data: &[u8]) -> String {
    let hex = data.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    format!("\\# {} {hex}", data.len()).trim_end().to_owned()
}

/// Presentation format, read back (RFC 1035, 5.1).
fn labels(name: &str) -> Vec<Vec<u8>> {
    let mut labels = vec![Vec::new()];
    let mut rest = name.as_bytes();
    while let [first, tail @ ..] = rest {
        let last = labels.len() - 1;
        rest = tail;
        match (first, tail) {
            (b'.', _) => labels.push(Vec::new()),
            (b'\\', &[a @ b'0'..=b'9', b, c, ref tail @ ..]) => {
                let digits = [a, b, c].map(|digit| u32::from(digit) - u32::from(b'0'));
                let value = digits[0] * 100 + digits[1] * 10 + digits[2];
                labels[last].push(u8::try_from(value).unwrap_or_default());
                rest = tail;
            }
            (b'\\', &[escaped, ref tail @ ..]) => {
                labels[last].push(escaped);
                rest = tail;
            }
            (byte, _) => labels[last].push(*byte),
        }
    }
    labels.retain(|label| !label.is_empty());
    labels
}

/// What both know of EDNS.
type Both = (u16, u8, u8, bool);

fn ours(edns: &Edns) -> Both {
    // RFC 6891, 6.2.5: what is below 512 counts as 512, which hickory says instead.
    (edns.udp_size.max(512), edns.rcode_high, edns.version, edns.dnssec_ok)
}

fn theirs(edns: &op::Edns) -> Both {
    (edns.max_payload(), edns.rcode_high(), edns.version(), edns.flags().dnssec_ok)
}
