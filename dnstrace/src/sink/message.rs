//! What sinks read in a transaction's messages.

use crate::decode::Question;
use crate::decode::records::{self, Answers};
use crate::join::{MessageCopy, Transaction, TransactionId};

/// The first entry of the question section, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// The name in lower case, in presentation format, without its trailing dot; the root is `.`.
    pub(super) name: String,
    /// The name as it stood there, when its case was another.
    pub(super) raw: Option<String>,
    /// Its type.
    pub(super) qtype: u16,
    /// Its class.
    pub(super) qclass: u16,
}

/// What a transaction asks: of its query, or of its response where no query was seen.
pub(super) fn asked(transaction: &Transaction) -> Option<Asked> {
    [&transaction.query, &transaction.response].into_iter().flatten().find_map(question)
}

/// The question of one message.
pub(super) fn question(message: &MessageCopy) -> Option<Asked> {
    if message.header.counts[0] == 0 {
        return None;
    }
    let Question { name, qtype, qclass } = Question::read(&message.bytes).ok()?;
    let raw = name.to_string();
    let name = raw.to_ascii_lowercase();
    let raw = (raw != name).then_some(raw);
    Some(Asked { name, raw, qtype, qclass })
}

/// The records of a message; none where it cannot be read.
pub(super) fn answers(message: &MessageCopy) -> Answers {
    records::answers(&message.bytes).unwrap_or_default()
}

/// The rcode of a response, with the bits of EDNS.
pub(super) fn rcode(response: &MessageCopy) -> u16 {
    answers(response).rcode(&response.header)
}

/// Whether less was captured than was sent.
pub(super) fn is_cut(message: &MessageCopy) -> bool {
    message.bytes.len() < message.wire_len as usize
}

/// A transaction's name as text.
pub(super) fn id(id: TransactionId) -> String {
    format!("{:016x}", id.0)
}
