//! The records of a message, read in place when a sink wants more than header and question: text is made of what is shown.

use std::net::IpAddr;

pub use super::edns::{Edns, ExtendedError};
use super::record_name::RecordName;
use super::{Header, rdata};

const A: u16 = 1;
const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const PTR: u16 = 12;
const AAAA: u16 = 28;
const DNAME: u16 = 39;
/// The pseudo-record of EDNS (RFC 6891, 6.1.1).
const OPT: u16 = 41;

/// What a message says beside header and question.
#[derive(Clone, Copy, Debug, Default)]
pub struct Records<'a> {
    message: &'a [u8],
    /// Where the answer section begins, and how many of its records could be read.
    begin: usize,
    answers: u16,
    soa: Option<Record<'a>>,
    opt: Option<Record<'a>>,
    complete: bool,
}

/// A resource record.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    message: &'a [u8],
    name: RecordName<'a>,
    /// Where RDATA begins and ends.
    begin: usize,
    end: usize,
    /// TYPE.
    pub rtype: u16,
    /// CLASS.
    pub class: u16,
    /// Time to live in seconds.
    pub ttl: u32,
}

/// Why records could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordsError {
    /// There is no whole header.
    #[error("shorter than a DNS header")]
    Header,
    /// The records' beginning could not be found.
    #[error("the question is cut off or malformed")]
    Question,
}

impl<'a> Records<'a> {
    /// Reads the message that `bytes` are, or the beginning of.
    pub fn read(bytes: &'a [u8]) -> Result<Self, RecordsError> {
        Self::read_each(bytes, |_| {})
    }

    /// The same, giving the answer section's records on the way, as [`answers`](Self::answers) does.
    pub fn read_each(bytes: &'a [u8], answer: impl FnMut(Record<'a>)) -> Result<Self, RecordsError> {
        let header = Header::read(bytes).ok_or(RecordsError::Header)?;
        // Offsets in messages are 16 bits.
        let message = bytes.get(..usize::from(u16::MAX)).unwrap_or(bytes);
        let begin = skip_questions(message, header.counts[0]).ok_or(RecordsError::Question)?;
        let mut records = Self { message, begin, ..Self::default() };
        records.complete = records.read_sections(&header, answer).is_some();
        Ok(records)
    }

    /// The answer section, as far as it could be read.
    pub fn answers(&self) -> impl Iterator<Item = Record<'a>> + use<'a> {
        let (message, mut at) = (self.message, self.begin);
        (0..self.answers).map_while(move |_| {
            let record = Record::read(message, at)?;
            at = record.end;
            Some(record)
        })
    }

    /// The first SOA record of the authority section: that of the zone that says no (RFC 2308).
    #[must_use]
    pub fn soa(&self) -> Option<&Record<'a>> {
        self.soa.as_ref()
    }

    /// How many records [`answers`](Self::answers) gives.
    #[must_use]
    pub fn answer_count(&self) -> u16 {
        self.answers
    }

    /// Whether every record that the header announces was there and well-formed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// EDNS, if the message has it.
    #[must_use]
    pub fn edns(&self) -> Option<Edns> {
        self.opt.as_ref().map(|opt| Edns::read(opt.ttl, opt.class, opt.data()))
    }

    /// The rcode with the bits of EDNS.
    #[must_use]
    pub fn rcode(&self, header: &Header) -> u16 {
        let [high, ..] = self.opt.map_or(0, |opt| opt.ttl).to_be_bytes();
        u16::from(high) << 4 | u16::from(header.rcode())
    }

    fn read_sections(&mut self, header: &Header, mut each: impl FnMut(Record<'a>)) -> Option<()> {
        let [_, answer, authority, additional] = header.counts;
        let mut at = self.begin;
        while self.answers < answer {
            let record = Record::read(self.message, at)?;
            at = record.end;
            self.answers += 1;
            each(record);
        }
        for _ in 0..authority {
            let record = Record::read(self.message, at)?;
            at = record.end;
            if record.rtype == SOA && self.soa.is_none() {
                self.soa = Some(record);
            }
        }
        for _ in 0..additional {
            let record = Record::read(self.message, at)?;
            at = record.end;
            if record.rtype == OPT {
                self.opt = Some(record);
            }
        }
        Some(())
    }
}

/// Where the questions end.
fn skip_questions(message: &[u8], count: u16) -> Option<usize> {
    (0..count).try_fold(Header::LEN, |at, _| {
        let (_, end) = RecordName::read(message, at)?;
        Some(end + 4).filter(|end| *end <= message.len())
    })
}

impl<'a> Record<'a> {
    /// Reads the one at `at`, when everything before it was read.
    fn read(message: &'a [u8], at: usize) -> Option<Self> {
        let (name, at) = RecordName::read_further(message, at)?;
        let [t0, t1, c0, c1, l0, l1, l2, l3, d0, d1] = *message.get(at..)?.first_chunk()?;
        let begin = at + 10;
        let end = begin + usize::from(u16::from_be_bytes([d0, d1]));
        let (rtype, class) = (u16::from_be_bytes([t0, t1]), u16::from_be_bytes([c0, c1]));
        let record = Self { message, name, begin, end, rtype, class, ttl: u32::from_be_bytes([l0, l1, l2, l3]) };
        (end <= message.len()).then_some(record)
    }

    /// Appends whose record it is; like all names without the last dot, in printable ASCII.
    pub fn push_name(&self, text: &mut String) {
        self.name.push(text);
    }

    /// Appends RDATA in presentation format; in that of RFC 3597, 5 (`\# 2 beef`) for types without one and malformed
    /// data. It is printable ASCII.
    pub fn push_data(&self, text: &mut String) {
        let before = text.len();
        if rdata::push(self.rtype, self.message, self.begin..self.end, text).is_none() {
            text.truncate(before);
            rdata::push_unknown(self.data(), text);
        }
    }

    /// Whose record it is: labels, without the root.
    pub fn owner(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.name.labels()
    }

    /// Where its owner stands in the question, in bytes from the beginning of the name there, if it is a pointer to that.
    #[must_use]
    pub fn owner_in_question(&self) -> Option<usize> {
        self.name.pointer()?.checked_sub(Header::LEN)
    }

    /// The name that RDATA is: of CNAME, DNAME, NS, PTR.
    #[must_use]
    pub fn target(&self) -> Option<impl Iterator<Item = &'a [u8]> + use<'a>> {
        let (name, end) = RecordName::read(self.message, self.begin)?;
        (matches!(self.rtype, NS | CNAME | PTR | DNAME) && end == self.end).then(|| name.labels())
    }

    /// The address of an A or AAAA record.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self.rtype {
            A => Some(<[u8; 4]>::try_from(self.data()).ok()?.into()),
            AAAA => Some(<[u8; 16]>::try_from(self.data()).ok()?.into()),
            _ => None,
        }
    }

    /// MINIMUM of a SOA record, in seconds.
    #[must_use]
    pub fn minimum(&self) -> Option<u32> {
        let last = self.data().last_chunk().filter(|_| self.rtype == SOA)?;
        Some(u32::from_be_bytes(*last))
    }

    fn data(&self) -> &'a [u8] {
        &self.message[self.begin..self.end]
    }
}
