//! The sections of a response, and what EDNS says.

use std::borrow::Cow;

use serde::Serialize;

use super::is_false;
use crate::decode::records::{self, Edns, Records};
use crate::join::MessageCopy;
use crate::sink::iana;

/// A name with more records than these is a test, a zone transfer or an attack; `answer_count` tells how many.
const ANSWERS_MAX: usize = 64;

/// Sections and EDNS, as far as there is a response.
#[derive(Debug, Default, Serialize)]
pub(super) struct Sections {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    answer: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    answers: Vec<Record>,
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

#[derive(Debug, Serialize)]
struct Record {
    name: String,
    r#type: Cow<'static, str>,
    class: Cow<'static, str>,
    ttl: u32,
    data: String,
}

/// RFC 8914.
#[derive(Debug, Serialize)]
struct Ede {
    code: u16,
    text: String,
}

impl Sections {
    /// `query` tells what EDNS the initiator asked with.
    pub(super) fn new(response: Option<(&MessageCopy, Records<'_>)>, query: Option<Records<'_>>) -> Self {
        let edns = query.and_then(|query| query.edns());
        let asked = Self {
            edns_size: edns.as_ref().map(|edns| edns.udp_size),
            dnssec_ok: edns.is_some_and(|edns| edns.dnssec_ok),
            ..Self::default()
        };
        let Some((response, records)) = response else { return asked };
        let [_, answer_count, authority, additional] = response.header.counts;
        let answers: Vec<Record> = records.answers().take(ANSWERS_MAX).map(|record| Record::new(&record)).collect();
        Self {
            answer: answers.iter().map(|record| record.data.clone()).collect(),
            answers_truncated: answers.len() < usize::from(answer_count),
            answers,
            answer_count: Some(answer_count),
            authority_answer_count: Some(authority),
            additional_answer_count: Some(additional),
            ede: records.edns().map(extended_errors).unwrap_or_default(),
            ..asked
        }
    }
}

impl Record {
    fn new(record: &records::Record<'_>) -> Self {
        let (mut name, mut data) = (String::new(), String::new());
        record.push_name(&mut name);
        name.make_ascii_lowercase();
        record.push_data(&mut data);
        Self { name, r#type: iana::record_type(record.rtype), class: iana::class(record.class), ttl: record.ttl, data }
    }
}

fn extended_errors(edns: Edns) -> Vec<Ede> {
    edns.extended_errors.into_iter().map(|error| Ede { code: error.code, text: error.text }).collect()
}
