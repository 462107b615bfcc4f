//! What a message's header and question say.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

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
        // Lengths of labels are below `A`.
        let has_upper = asked.name.wire().iter().any(u8::is_ascii_uppercase);
        let mut query = String::with_capacity(asked.name.wire().len());
        push_name(&asked, &mut query);
        Self {
            query: Some(query),
            query_raw: has_upper.then(|| asked.name.to_string()),
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

/// Bits that are set, in CoreDNS's order; none without a header.
#[derive(Debug)]
pub(super) struct Flags(pub(super) Option<Header>);

impl Serialize for Flags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const FLAGS: [(u16, &str); 7] = [
            (0x8000, "qr"),
            (0x0400, "aa"),
            (0x0200, "tc"),
            (0x0100, "rd"),
            (0x0080, "ra"),
            (0x0020, "ad"),
            (0x0010, "cd"),
        ];
        let bits = self.0.map_or(0, |header| header.flags);
        serializer.collect_seq(FLAGS.iter().filter(|&&(bit, _)| bits & bit != 0).map(|&(_, name)| name))
    }
}
