//! The answer section in a few words.

use crate::join::MessageCopy;

/// `None` when there is nothing to say.
pub(super) fn short(response: &MessageCopy) -> Option<String> {
    match response.header.counts[1] {
        0 => None,
        1 => Some("1 record".to_owned()),
        more => Some(format!("{more} records")),
    }
}
