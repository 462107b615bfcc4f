//! What sinks read in a transaction's messages.

use crate::decode::Question;
use crate::decode::records::Records;
use crate::join::{MessageCopy, Transaction, TransactionId};

/// What a transaction asks: of its query, or of its response where no query was seen.
pub(super) fn asked(transaction: &Transaction) -> Option<Question<'_>> {
    [&transaction.query, &transaction.response].into_iter().flatten().find_map(question)
}

/// The first entry of a message's question section.
pub(super) fn question(message: &MessageCopy) -> Option<Question<'_>> {
    if message.header.counts[0] == 0 { None } else { Question::read(&message.bytes).ok() }
}

/// Appends a question's name in lower case, in presentation format, without its trailing dot; the root is `.`.
pub(super) fn push_name(question: &Question<'_>, text: &mut String) {
    let begin = text.len();
    question.name.push(text);
    text[begin..].make_ascii_lowercase();
}

/// The records of a message; none where it cannot be read.
pub(super) fn records(message: &MessageCopy) -> Records<'_> {
    Records::read(&message.bytes).unwrap_or_default()
}

/// The rcode of a response, with the bits of EDNS.
pub(super) fn rcode(response: &MessageCopy) -> u16 {
    records(response).rcode(&response.header)
}

/// Whether less was captured than was sent.
pub(super) fn is_cut(message: &MessageCopy) -> bool {
    message.bytes.len() < message.wire_len as usize
}

/// A transaction's name as text.
pub(super) fn id(id: TransactionId) -> String {
    format!("{:016x}", id.0)
}
