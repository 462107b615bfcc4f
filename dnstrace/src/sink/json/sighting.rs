//! The record of one sighting: `"kind":"observation"`.

use std::borrow::Cow;

use serde::Serialize;

use super::header::{Flags, Question, Reply};
use super::hop::{Addresses, Place, family, transport};
use super::who::WhoRecord;
use crate::sink::message::{id, is_cut, question};
use crate::sink::{Numbered, Sighting, iana, time};

#[derive(Debug, Serialize)]
pub(super) struct Record<'a> {
    ts: String,
    seq: u64,
    schema: &'static str,
    kind: &'static str,
    /// The transaction's `id`.
    transaction: String,
    #[serde(flatten)]
    place: Place,
    message: &'static str,
    proto: &'static str,
    family: u8,
    #[serde(flatten)]
    addresses: Addresses,
    #[serde(flatten)]
    who: WhoRecord<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vlan: Option<u16>,
    transaction_id: u16,
    opcode: Cow<'static, str>,
    #[serde(flatten)]
    question: Question,
    #[serde(flatten)]
    reply: Option<Reply>,
    flags: Flags,
    len: u32,
    capture_truncated: bool,
}

impl<'a> Record<'a> {
    pub(super) fn new(numbered: &'a Numbered<Sighting>) -> Self {
        let sighting = &*numbered.record;
        let header = sighting.message.header;
        let is_response = header.is_response();
        Self {
            ts: time::rfc3339(sighting.wall),
            seq: numbered.seq,
            schema: super::SCHEMA,
            kind: "observation",
            transaction: id(sighting.transaction),
            place: Place::new(sighting.point, &numbered.names.interfaces),
            message: if is_response { "response" } else { "query" },
            proto: transport(sighting.transport),
            family: family(sighting.src),
            addresses: Addresses::new(sighting.src, sighting.dst),
            who: WhoRecord::new(&numbered.names.who),
            vlan: sighting.vlan,
            transaction_id: header.id,
            opcode: iana::opcode(header.opcode().into()),
            question: Question::new(question(&sighting.message)),
            reply: is_response.then(|| Reply::new(header.rcode().into())),
            flags: Flags(Some(header)),
            len: sighting.message.wire_len,
            capture_truncated: is_cut(&sighting.message),
        }
    }
}
