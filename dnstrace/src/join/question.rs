//! What messages ask and answer, read where it is wanted.

use super::{MessageCopy, Transaction};
use crate::decode::Question;
use crate::decode::records::Records;

/// What a transaction asks: of its query, or of its response where no query was seen.
pub(crate) fn asked(transaction: &Transaction) -> Option<Question<'_>> {
    [&transaction.query, &transaction.response].into_iter().flatten().find_map(question)
}

/// The first entry of a message's question section.
pub(crate) fn question(message: &MessageCopy) -> Option<Question<'_>> {
    if message.header.counts[0] == 0 { None } else { Question::read(&message.bytes).ok() }
}

/// The rcode of a response, with the bits of EDNS.
pub(crate) fn rcode(response: &MessageCopy) -> u16 {
    Records::read(&response.bytes).unwrap_or_default().rcode(&response.header)
}
