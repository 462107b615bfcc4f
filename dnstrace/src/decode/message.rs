//! Header and question of a DNS message, read in place.

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

/// A qname in wire format, uncompressed, as it stands in the message, its root label included.
#[derive(Clone, Copy, Debug)]
pub struct QuestionName<'a>(pub(crate) &'a [u8]);

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

/// One DNS message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// What was captured of it, from the header on (over TCP: after the length).
    pub bytes: &'a [u8],
    /// Its length on the wire.
    pub wire_len: u32,
    /// Its header.
    pub header: Header,
    /// Its question; `None` when QDCOUNT is 0 or the question was cut off.
    pub question: Option<Question<'a>>,
}
