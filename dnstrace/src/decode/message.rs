//! Header and question of a DNS message, read in place.

use super::name::{NameError, QuestionName};

/// The twelve bytes every message starts with (RFC 1035, 4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Message ID.
    pub id: u16,
    /// The second 16 bits: QR, opcode, AA, TC, RD, RA, Z, AD, CD, rcode.
    pub flags: u16,
    /// Entries in question, answer, authority, additional section, as the header says.
    pub counts: [u16; 4],
}

impl Header {
    /// Its length.
    pub const LEN: usize = 12;

    /// Reads it; `None` when `bytes` are fewer than twelve.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<{ Self::LEN }>()?;
        let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        Some(Self { id: word(0), flags: word(2), counts: [word(4), word(6), word(8), word(10)] })
    }

    /// QR: a response, not a query.
    #[must_use]
    pub fn is_response(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    /// OPCODE: 0 is QUERY, 4 NOTIFY, 5 UPDATE.
    #[must_use]
    pub fn opcode(&self) -> u8 {
        (self.flags >> 11 & 0xf) as u8
    }

    /// AA: the responder is authoritative for the qname.
    #[must_use]
    pub fn authoritative(&self) -> bool {
        self.flags & 0x0400 != 0
    }

    /// TC: the message was too long for its transport.
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.flags & 0x0200 != 0
    }

    /// RD: the initiator wants recursion.
    #[must_use]
    pub fn recursion_desired(&self) -> bool {
        self.flags & 0x0100 != 0
    }

    /// RA: the responder offers recursion.
    #[must_use]
    pub fn recursion_available(&self) -> bool {
        self.flags & 0x0080 != 0
    }

    /// AD: the data is authentic (RFC 4035).
    #[must_use]
    pub fn authentic_data(&self) -> bool {
        self.flags & 0x0020 != 0
    }

    /// CD: the initiator checks by itself (RFC 4035).
    #[must_use]
    pub fn checking_disabled(&self) -> bool {
        self.flags & 0x0010 != 0
    }

    /// RCODE without the bits that EDNS adds.
    #[must_use]
    pub fn rcode(&self) -> u8 {
        (self.flags & 0xf) as u8
    }
}

/// The first entry of the question section.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What is asked for.
    pub name: QuestionName<'a>,
    /// Its type.
    pub qtype: u16,
    /// Its class.
    pub qclass: u16,
}

impl<'a> Question<'a> {
    /// Reads the first question of the message that `bytes` are; its header says whether there is one.
    pub fn read(bytes: &'a [u8]) -> Result<Self, NameError> {
        let (name, rest) = QuestionName::read(bytes.get(Header::LEN..).unwrap_or_default())?;
        let &[type_high, type_low, class_high, class_low] = rest.first_chunk().ok_or(NameError::Cut)?;
        let (qtype, qclass) = ([type_high, type_low], [class_high, class_low]);
        Ok(Self { name, qtype: u16::from_be_bytes(qtype), qclass: u16::from_be_bytes(qclass) })
    }
}

/// One DNS message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// What was captured of it, from the header on (over TCP: after the length).
    pub bytes: &'a [u8],
    /// Its length on the wire.
    pub wire_len: u32,
    /// Its header.
    pub header: Header,
    /// Its question; `None` when QDCOUNT is 0, the question was cut off or is malformed.
    pub question: Option<Question<'a>>,
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// Shorter than a header on the wire.
    #[error("shorter than a DNS header")]
    TooShort,
    /// Less than a header was captured.
    #[error("the DNS header is cut off")]
    Cut,
    /// The header fits no DNS message.
    #[error("not a DNS header")]
    Implausible,
}

impl<'a> Message<'a> {
    /// Reads header and question. `bytes` may be the beginning of a message of `wire_len` bytes.
    pub fn read(bytes: &'a [u8], wire_len: u32) -> Result<Self, Undecodable> {
        if (wire_len as usize) < Header::LEN {
            return Err(Undecodable::TooShort);
        }
        let header = Header::read(bytes).ok_or(Undecodable::Cut)?;
        let question = if header.counts[0] == 0 { None } else { Question::read(bytes).ok() };
        let message = Self { bytes, wire_len, header, question };
        if message.plausible() { Ok(message) } else { Err(Undecodable::Implausible) }
    }

    /// Whether this can be DNS. The counts tell best: of random bytes, one in 10^13 announces no more than fits.
    fn plausible(&self) -> bool {
        let Header { counts, .. } = self.header;
        match self.header.opcode() {
            // QUERY, IQUERY, STATUS, NOTIFY, UPDATE; RFC 8490: DSO has no counted content.
            0 | 1 | 2 | 4 | 5 => self.counts_fit(),
            6 => counts == [0; 4],
            // Unassigned: somebody tests a server with an otherwise ordinary question.
            _ => self.question.is_some() && counts[..3] == [1, 0, 0] && counts[3] <= 1,
        }
    }

    fn counts_fit(&self) -> bool {
        let Header { counts, .. } = self.header;
        if counts == [0; 4] {
            return self.header.is_response() && self.wire_len as usize == Header::LEN;
        }
        if least_len(counts) <= self.wire_len {
            return true;
        }
        // Responders that cut a message, or refuse one unread, may leave the counts as they were.
        let refused = self.wire_len as usize == Header::LEN && self.header.rcode() != 0;
        let truncated = self.header.truncated() && counts[0] == 1 && self.question.is_some();
        self.header.is_response() && (refused || truncated)
    }
}

/// The shortest message with these counts: a question is a root label, type and class; a record has time to live and
/// data length, too.
fn least_len(counts: [u16; 4]) -> u32 {
    let [questions, answers, authority, additional] = counts.map(u32::from);
    12 + 5 * questions + 11 * (answers + authority + additional)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUESTION: &[u8] = b"\x07example\0\0\x1c\0\x01";

    #[track_caller]
    fn check(flags: u16, counts: [u16; 4], rest: &[u8], expected: &str) {
        let words = [0xbeef, flags, counts[0], counts[1], counts[2], counts[3]];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).chain(rest.iter().copied()).collect();
        let shown = match Message::read(&bytes, u32::try_from(bytes.len()).unwrap()) {
            Err(error) => error.to_string(),
            Ok(Message { question: None, .. }) => "no question".to_owned(),
            Ok(Message { question: Some(question), .. }) => {
                format!("{} {} {}", question.name, question.qtype, question.qclass)
            }
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn real_messages_pass() {
        check(0x0100, [1, 0, 0, 0], QUESTION, "example 28 1");
        check(0x8180, [1, 0, 0, 0], QUESTION, "example 28 1");
        // UPDATE and NOTIFY; an unassigned opcode with an ordinary question.
        check(0x2800, [1, 0, 0, 0], QUESTION, "example 28 1");
        check(0x2400, [1, 0, 0, 0], QUESTION, "example 28 1");
        check(0x3800, [1, 0, 0, 0], QUESTION, "example 28 1");
        // FORMERR of twelve bytes, with and without a count of the question that is not there.
        check(0x8001, [0, 0, 0, 0], b"", "no question");
        check(0x8001, [1, 0, 0, 1], b"", "no question");
        // RFC 7873, 5.4: a query for a cookie only has an OPT record.
        check(0x0000, [0, 0, 0, 1], b"\0\0\x29\x10\0\0\0\0\0\0\0", "no question");
        // RFC 8490: a keepalive of DNS stateful operations.
        check(0x3000, [0, 0, 0, 0], b"\0\x01\0\x08\0\0\x3a\x98\0\0\x3a\x98", "no question");
        // Cut by a responder that left the counts as they were.
        check(0x8380, [1, 100, 0, 1], QUESTION, "example 28 1");
    }

    #[test]
    fn malformed_question_is_none() {
        check(0x0100, [1, 0, 0, 0], b"\xc0\x0c\0\x01\0\x01", "no question");
        check(0x0100, [1, 0, 0, 0], b"\x07example", "no question");
        check(0x0100, [1, 0, 0, 0], b"\x07example\0\0\x1c\0", "no question");
    }

    #[test]
    fn garbage_is_no_message() {
        check(0x0000, [0, 0, 0, 0], &[0; 40], "not a DNS header");
        check(0x0100, [1, 9, 0, 0], QUESTION, "not a DNS header");
        check(0x5454, [0x502f, 0x312e, 0x310d, 0x0a00], b"host: example", "not a DNS header");
        check(0x7800, [0, 0, 0, 0], &[0; 40], "not a DNS header");
    }

    #[test]
    fn header_must_be_there() {
        assert_eq!(Message::read(&[0; 11], 11).map(|_| ()), Err(Undecodable::TooShort));
        assert_eq!(Message::read(&[0; 11], 60).map(|_| ()), Err(Undecodable::Cut));
    }

    #[test]
    fn flags_have_names() {
        let header = Header { id: 0, flags: 0xa7b3, counts: [0; 4] };
        assert!(header.is_response() && header.authoritative() && header.truncated() && header.recursion_desired());
        assert!(header.recursion_available() && header.authentic_data() && header.checking_disabled());
        assert_eq!((header.opcode(), header.rcode()), (4, 3));
        let none = Header { flags: 0x4840, ..header };
        assert!(!none.is_response() && !none.authoritative() && !none.truncated() && !none.recursion_desired());
        assert!(!none.recursion_available() && !none.authentic_data() && !none.checking_disabled());
    }
}
