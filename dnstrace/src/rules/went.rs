//! How a transaction went, as rules tell cases apart.

use super::answer::Answer;
use super::case::Case;
use crate::join::Outcome;

const NOERROR: u16 = 0;
const NXDOMAIN: u16 = 3;

impl Case {
    /// No response within the query timeout.
    #[must_use]
    pub fn is_unanswered(&self) -> bool {
        self.outcome == Outcome::NoResponse
    }

    /// The rcode of its response, with the bits of EDNS.
    #[must_use]
    pub fn rcode(&self) -> Option<u16> {
        self.answer.as_ref().filter(|_| self.outcome == Outcome::Answered).map(|answer| answer.rcode)
    }

    /// Answered with something else than NOERROR and NXDOMAIN.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.rcode().is_some_and(|rcode| rcode != NOERROR && rcode != NXDOMAIN)
    }

    /// A response was thrown away before it came to its client.
    #[must_use]
    pub fn is_response_lost(&self) -> bool {
        self.lost_by.is_some()
    }

    /// No response came to its client.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.is_unanswered() || self.is_response_lost()
    }

    /// No response came, or one that says that the responder could not answer.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.is_lost() || self.is_error()
    }

    /// NXDOMAIN.
    #[must_use]
    pub fn is_nxdomain(&self) -> bool {
        self.rcode() == Some(NXDOMAIN)
    }

    /// NOERROR with the records that were asked for.
    #[must_use]
    pub fn is_found(&self) -> bool {
        let asked = self.asked.as_ref().map(|asked| asked.qtype);
        let has = |answer: &Answer| answer.rcode == NOERROR && asked.is_some_and(|qtype| answer.has(qtype));
        self.outcome == Outcome::Answered && self.answer.as_ref().is_some_and(has)
    }

    /// NODATA: NOERROR without the records that were asked for (RFC 2308, 2.2).
    #[must_use]
    pub fn is_nodata(&self) -> bool {
        self.rcode() == Some(NOERROR) && !self.is_found() && !self.is_truncated()
    }

    /// NXDOMAIN, or NODATA.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.is_nxdomain() || self.is_nodata()
    }

    /// Answered with TC.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.truncated)
    }

    /// Sent once, answered in time, not truncated, with nothing that happened to its packets.
    #[must_use]
    pub fn went_well(&self) -> bool {
        let is_good = self.outcome == Outcome::Answered && !self.is_error() && !self.is_truncated();
        is_good && !self.is_slow && self.signs.is_empty() && self.attempts.len() <= 1
    }
}
