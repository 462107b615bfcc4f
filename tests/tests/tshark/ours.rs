//! The product's reading.

use std::collections::HashMap;
use std::io::Read;

use anyhow::{Result, ensure};
use dnstrace::capture::file::{CaptureFile, FileInterface, FileItem};
use dnstrace::capture::{self, Direction, Hook};
use dnstrace::decode::records::{self, Records};
use dnstrace::decode::{DecodeOptions, Decoder, Observation, Transport};

use crate::message::{Edns, Message, Point, Record};

/// The messages of a capture file, in its order.
pub(crate) fn read(file: impl Read) -> Result<Vec<Message>> {
    let mut file = CaptureFile::open(file)?;
    let mut decoder = Decoder::new(&DecodeOptions { ports: vec![53], tunnels: true });
    let (mut messages, mut names) = (Vec::new(), HashMap::new());
    let mut read = |item: FileItem<'_>| match item {
        FileItem::Packet(packet) => {
            decoder.add(packet, |observation| messages.push(message(observation, &names)));
        }
        FileItem::Interface(FileInterface { netns, ifindex, name }) => {
            names.insert((*netns, *ifindex), name.clone());
        }
        FileItem::Until(_) | FileItem::Owner(_) => {}
    };
    while file.next(&mut read)? {}
    decoder.finish(|observation| messages.push(message(observation, &names)));
    ensure!(decoder.counts().add_up(), "{:?}", decoder.counts());
    Ok(messages)
}

/// Names of interfaces by netns and index.
type Names = HashMap<(u32, u32), String>;

fn point(point: capture::Point, names: &Names) -> Point {
    let name = names.get(&(point.netns, point.ifindex)).cloned();
    let interface = match point.hook {
        Hook::Socket | Hook::Drop => "socket".to_owned(),
        Hook::Device => name.unwrap_or_else(|| point.ifindex.to_string()),
    };
    Point { interface, out: point.direction == Direction::Out }
}

fn message(observation: &Observation<'_>, names: &Names) -> Message {
    let message = observation.message;
    let records = Records::read(message.bytes).unwrap_or_default();
    let question = message.question.map(|question| (question.name.wire().to_vec(), question.qtype, question.qclass));
    Message {
        point: point(observation.point, names),
        time: observation.wall.0,
        tcp: observation.transport == Transport::Tcp,
        src: observation.src,
        dst: observation.dst,
        vlan: observation.vlan,
        fragment: observation.fragment,
        id: message.header.id,
        flags: message.header.flags,
        counts: message.header.counts,
        wire_len: message.wire_len as usize,
        question,
        edns: records.edns().map(edns),
        answers: records.answers().map(|answer| record(&answer)).collect(),
        complete: records.is_complete(),
        bytes: message.bytes.to_vec(),
    }
}

fn record(record: &records::Record<'_>) -> Record {
    let (mut name, mut data) = (String::new(), String::new());
    record.push_name(&mut name);
    record.push_data(&mut data);
    Record { name, rtype: record.rtype, class: record.class, ttl: record.ttl, data }
}

fn edns(edns: records::Edns) -> Edns {
    Edns {
        udp_size: edns.udp_size,
        rcode_high: edns.rcode_high,
        version: edns.version,
        dnssec_ok: edns.dnssec_ok,
        errors: edns.extended_errors.into_iter().map(|error| (error.code, error.text)).collect(),
    }
}
