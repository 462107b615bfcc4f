//! A qname, read in place.

use std::fmt;

/// RFC 1035, 2.3.4: the longest label, and the longest name with its length bytes.
const LABEL_MAX: u8 = 63;
const NAME_MAX: usize = 255;

/// A qname in wire format, uncompressed, as it stands in the message, its root label included.
#[derive(Clone, Copy, Debug)]
pub struct QuestionName<'a>(pub(crate) &'a [u8]);

/// Why a name could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The bytes end before the name does.
    #[error("the name is cut off")]
    Cut,
    /// A label is longer than 63 bytes, or a compression pointer: nothing stands before a question to point at.
    #[error("a label is no label")]
    Label,
    /// The name is longer than 255 bytes.
    #[error("the name is too long")]
    TooLong,
}

impl<'a> QuestionName<'a> {
    /// Reads the name that `bytes` start with; returns what follows it, too.
    pub fn read(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), NameError> {
        let mut at = 0;
        loop {
            let length = *bytes.get(at).ok_or(NameError::Cut)?;
            at += 1 + usize::from(length);
            if length == 0 {
                break;
            }
            if length > LABEL_MAX {
                return Err(NameError::Label);
            }
            // The root label is still to come.
            if at >= NAME_MAX {
                return Err(NameError::TooLong);
            }
        }
        let (name, rest) = bytes.split_at_checked(at).ok_or(NameError::Cut)?;
        Ok((Self(name), rest))
    }

    /// The name's bytes: each label after its length, the empty root label last.
    #[must_use]
    pub fn wire(&self) -> &'a [u8] {
        self.0
    }

    /// The labels without the root label, most specific first.
    pub fn labels(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (&length, tail) = rest.split_first().filter(|(length, _)| **length != 0)?;
            let (label, tail) = tail.split_at_checked(usize::from(length))?;
            rest = tail;
            Some(label)
        })
    }

    /// Whether this is the root, `.`.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.len() <= 1
    }

    /// Whether both are the same name (RFC 4343: case does not matter).
    #[must_use]
    pub fn eq_ignore_case(&self, other: &QuestionName<'_>) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }

    /// Appends the name in wire format and lower case.
    pub fn write_lower(&self, out: &mut Vec<u8>) {
        // Length bytes are below `A`, so that they stay as they are.
        out.extend(self.0.iter().map(u8::to_ascii_lowercase));
    }

    /// Appends what `Display` gives.
    pub(crate) fn push(&self, text: &mut String) {
        // Writing to a `String` cannot fail.
        let _ = write_labels(self.labels(), text);
    }
}

impl fmt::Display for QuestionName<'_> {
    /// Presentation format (RFC 1035, 5.1; RFC 4343, 2.1) without the last dot. Only printable ASCII comes out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_labels(self.labels(), f)
    }
}

/// Labels in presentation format, without the last dot; `.` when there are none.
pub(super) fn write_labels<'l>(labels: impl Iterator<Item = &'l [u8]>, out: &mut impl fmt::Write) -> fmt::Result {
    let mut empty = true;
    for label in labels {
        if !std::mem::take(&mut empty) {
            out.write_char('.')?;
        }
        write_label(label, out)?;
    }
    if empty { out.write_char('.') } else { Ok(()) }
}

fn write_label(label: &[u8], out: &mut impl fmt::Write) -> fmt::Result {
    // Nearly every label can be written in one piece.
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    match str::from_utf8(label) {
        Ok(plain) if label.iter().all(is_plain) => out.write_str(plain),
        _ => label.iter().try_for_each(|byte| write_byte(*byte, out)),
    }
}

fn write_byte(byte: u8, out: &mut impl fmt::Write) -> fmt::Result {
    match byte {
        b'"' | b'$' | b'(' | b')' | b'.' | b';' | b'@' | b'\\' => write!(out, "\\{}", char::from(byte)),
        b'!'..=b'~' => out.write_char(char::from(byte)),
        _ => write!(out, "\\{byte:03}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wire: &[u8], text: &str) {
        let shown = match QuestionName::read(wire) {
            Ok((name, rest)) => format!("{name} +{}", rest.len()),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, text);
    }

    #[test]
    fn reads_names() {
        check(b"\0", ". +0");
        check(b"\x03wWw\x07example\0\0\x01", "wWw.example +2");
        check(b"\x02a.\x01\\\0", "a\\..\\\\ +0");
        check(b"\x04\x1b[\0m\x02\xc3\xa4\0", "\\027[\\000m.\\195\\164 +0");
        check(b"\x01 \x08(\"@$;~!)\0", "\\032.\\(\\\"\\@\\$\\;~!\\) +0");
    }

    #[test]
    fn tells_why_a_name_is_none() {
        check(b"", "the name is cut off");
        check(b"\x03ww", "the name is cut off");
        check(b"\x03www", "the name is cut off");
        check(b"\xc0\x0c", "a label is no label");
        check(b"\x40aaa", "a label is no label");
    }

    #[test]
    fn name_has_255_bytes_at_most() {
        let mut wire = b"\x3f".iter().copied().chain([b'a'; 63]).collect::<Vec<_>>().repeat(3);
        let mut longer = wire.clone();
        wire.extend([&[61][..], &[b'b'; 61], &[0]].concat());
        longer.extend([&[62][..], &[b'b'; 62], &[0]].concat());
        assert_eq!(wire.len(), 255);
        assert_eq!(QuestionName::read(&wire).map(|(name, _)| name.labels().count()), Ok(4));
        assert_eq!(QuestionName::read(&longer).map(|(name, _)| name.wire().len()), Err(NameError::TooLong));
    }

    #[test]
    fn case_does_not_matter() {
        let (upper, lower) = (QuestionName(b"\x03WwW\0"), QuestionName(b"\x03www\0"));
        assert!(upper.eq_ignore_case(&lower) && !upper.eq_ignore_case(&QuestionName(b"\x03wwv\0")));
        let mut wire = Vec::new();
        upper.write_lower(&mut wire);
        assert_eq!(wire, lower.wire());
        assert!(QuestionName(b"\0").is_root() && !lower.is_root());
    }
}
