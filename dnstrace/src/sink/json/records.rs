//! The sections of a response, and what EDNS says.

use std::borrow::Cow;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::is_false;
use crate::decode::records::{self, Edns, Records};
use crate::join::MessageCopy;
use crate::sink::iana;

/// A name with more records than these is a test, a zone transfer or an attack; `answer_count` tells how many.
const ANSWERS_MAX: u16 = 64;

/// Sections and EDNS, as far as there is a response.
#[derive(Debug, Default, Serialize)]
pub(super) struct Sections<'a> {
    #[serde(flatten)]
    answers: Answers<'a>,
    #[serde(skip_serializing_if = "is_false")]
    answers_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer_count: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authority_answer_count: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_answer_count: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    edns_size: Option<u16>,
    #[serde(rename = "do", skip_serializing_if = "is_false")]
    dnssec_ok: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ede: Vec<Ede>,
}

/// `answer` and `answers`, written out of the message.
#[derive(Debug, Default)]
struct Answers<'a>(Records<'a>);

/// The data of each record.
struct AnswerData<'a>(Records<'a>);

/// All of each record.
struct AnswerRecords<'a>(Records<'a>);

#[derive(Serialize)]
struct Record<'a> {
    name: &'a str,
    r#type: Cow<'static, str>,
    class: Cow<'static, str>,
    ttl: u32,
    data: &'a str,
}

/// RFC 8914.
#[derive(Debug, Serialize)]
struct Ede {
    code: u16,
    text: String,
}

impl<'a> Sections<'a> {
    /// `query` tells what EDNS the initiator asked with.
    pub(super) fn new(response: Option<(&MessageCopy, Records<'a>)>, query: Option<Records<'a>>) -> Self {
        let edns = query.and_then(|query| query.edns());
        let asked = Self {
            edns_size: edns.as_ref().map(|edns| edns.udp_size),
            dnssec_ok: edns.is_some_and(|edns| edns.dnssec_ok),
            ..Self::default()
        };
        let Some((response, records)) = response else { return asked };
        let [_, answer_count, authority, additional] = response.header.counts;
        Self {
            answers: Answers(records),
            answers_truncated: records.answer_count().min(ANSWERS_MAX) < answer_count,
            answer_count: Some(answer_count),
            authority_answer_count: Some(authority),
            additional_answer_count: Some(additional),
            ede: records.edns().map(extended_errors).unwrap_or_default(),
            ..asked
        }
    }
}

impl Serialize for Answers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if self.0.answer_count() != 0 {
            map.serialize_entry("answer", &AnswerData(self.0))?;
            map.serialize_entry("answers", &AnswerRecords(self.0))?;
        }
        map.end()
    }
}

impl Serialize for AnswerData<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut elements = serializer.serialize_seq(None)?;
        let mut data = String::new();
        for record in shown(&self.0) {
            data.clear();
            record.push_data(&mut data);
            elements.serialize_element(&data)?;
        }
        elements.end()
    }
}

impl Serialize for AnswerRecords<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut elements = serializer.serialize_seq(None)?;
        let (mut name, mut data) = (String::new(), String::new());
        for record in shown(&self.0) {
            name.clear();
            record.push_name(&mut name);
            name.make_ascii_lowercase();
            data.clear();
            record.push_data(&mut data);
            let (r#type, class) = (iana::record_type(record.rtype), iana::class(record.class));
            elements.serialize_element(&Record { name: &name, r#type, class, ttl: record.ttl, data: &data })?;
        }
        elements.end()
    }
}

fn shown<'a>(records: &Records<'a>) -> impl Iterator<Item = records::Record<'a>> + use<'a> {
    records.answers().take(ANSWERS_MAX.into())
}

fn extended_errors(edns: Edns) -> Vec<Ede> {
    edns.extended_errors.into_iter().map(|error| Ede { code: error.code, text: error.text }).collect()
}
