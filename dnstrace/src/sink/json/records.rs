//! The sections of a response.

use serde::Serialize;

use crate::join::MessageCopy;

/// Sections and EDNS, as far as there is a response.
#[derive(Debug, Default, Serialize)]
pub(super) struct Sections {
    #[serde(skip_serializing_if = "Option::is_none")]
    answer_count: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authority_answer_count: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_answer_count: Option<u16>,
}

impl Sections {
    pub(super) fn new(response: Option<&MessageCopy>) -> Self {
        let Some(response) = response else { return Self::default() };
        let [_, answers, authority, additional] = response.header.counts;
        Self {
            answer_count: Some(answers),
            authority_answer_count: Some(authority),
            additional_answer_count: Some(additional),
        }
    }
}
