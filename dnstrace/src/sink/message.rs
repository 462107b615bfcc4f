//! What sinks read in a transaction's messages.

use crate::decode::Question;
use crate::decode::records::Records;
use crate::join::{MessageCopy, TransactionId};
pub(super) use crate::join::{asked, question, rcode};

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

/// Whether less was captured than was sent.
pub(super) fn is_cut(message: &MessageCopy) -> bool {
    message.bytes.len() < message.wire_len as usize
}

/// A transaction's name as text.
pub(super) fn id(id: TransactionId) -> String {
    format!("{:016x}", id.0)
}

/// The same in short, for people: the first digits are enough to tell apart what is on one screen.
pub(super) fn mark(id: TransactionId) -> String {
    format!("#{:06x}", id.0 >> 40)
}
