//! The product's reading.

use std::io::Read;

use anyhow::{Result, ensure};
use dnstrace::capture::Direction;
use dnstrace::capture::file::CaptureFile;
use dnstrace::decode::records::{self, AnswerRecord, Answers};
use dnstrace::decode::{DecodeOptions, Decoder, Observation, Transport};

use crate::message::{Edns, Message, Point, Record};

/// The messages of a capture file, in its order.
pub(crate) fn read(file: impl Read) -> Result<Vec<Message>> {
    let mut file = CaptureFile::open(file)?;
    let mut decoder = Decoder::new(&DecodeOptions { ports: vec![53] });
    let mut messages = Vec::new();
    while file.next(|packet| decoder.add(packet, |observation| messages.push(message(observation))))? {}
    ensure!(decoder.counts().add_up(), "{:?}", decoder.counts());
    Ok(messages)
}

fn message(observation: &Observation<'_>) -> Message {
    let message = observation.message;
    let answers = records::answers(message.bytes).unwrap_or_default();
    let question = message.question.map(|question| (question.name.wire().to_vec(), question.qtype, question.qclass));
    Message {
        point: Point { ifindex: observation.point.ifindex, out: observation.point.direction == Direction::Out },
        time: observation.wall.0,
        tcp: observation.transport == Transport::Tcp,
        src: observation.src,
        dst: observation.dst,
        vlan: observation.vlan,
        id: message.header.id,
        flags: message.header.flags,
        counts: message.header.counts,
        wire_len: message.wire_len as usize,
        question,
        edns: edns(&answers),
        answers: answers.answers.into_iter().map(record).collect(),
        complete: answers.complete,
        bytes: message.bytes.to_vec(),
    }
}

fn record(record: AnswerRecord) -> Record {
    let AnswerRecord { name, rtype, class, ttl, data } = record;
    Record { name, rtype, class, ttl, data }
}

fn edns(answers: &Answers) -> Option<Edns> {
    let edns = answers.edns.as_ref()?;
    Some(Edns {
        udp_size: edns.udp_size,
        rcode_high: edns.rcode_high,
        version: edns.version,
        dnssec_ok: edns.dnssec_ok,
        errors: edns.extended_errors.iter().map(|error| (error.code, error.text.clone())).collect(),
    })
}
