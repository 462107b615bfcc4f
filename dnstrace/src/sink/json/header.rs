//! What a message's header and question say.

use std::borrow::Cow;

use serde::Serialize;

use crate::decode::{self, Header};
use crate::sink::iana;
use crate::sink::message::push_name;

/// The question, lower-cased.
#[derive(Debug, Default, Serialize)]
pub(super) struct Question {
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query_raw: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record_type: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<Cow<'static, str>>,
}

impl Question {
    pub(super) fn new(asked: Option<decode::Question<'_>>) -> Self {
        let Some(asked) = asked else { return Self::default() };
        let (mut query, mut raw) = (String::new(), String::new());
        push_name(&asked, &mut query);
        asked.name.push(&mut raw);
        Self {
            query_raw: (raw != query).then_some(raw),
            query: Some(query),
            record_type: Some(iana::record_type(asked.qtype)),
            class: Some(iana::class(asked.qclass)),
        }
    }
}

/// The rcode of a response.
#[derive(Debug, Serialize)]
pub(super) struct Reply {
    reply_code: Cow<'static, str>,
    reply_code_id: u16,
}

impl Reply {
    pub(super) fn new(rcode: u16) -> Self {
        Self { reply_code: iana::rcode(rcode), reply_code_id: rcode }
    }
}

/// Bits that are set, in CoreDNS's order.
pub(super) fn flags(header: Header) -> Vec<&'static str> {
    const FLAGS: [(u16, &str); 7] = [
        (0x8000, "qr"),
        (0x0400, "aa"),
        (0x0200, "tc"),
        (0x0100, "rd"),
        (0x0080, "ra"),
        (0x0020, "ad"),
        (0x0010, "cd"),
    ];
    FLAGS.iter().filter(|&&(bit, _)| header.flags & bit != 0).map(|&(_, name)| name).collect()
}
