//! Text from the network, from processes and from interfaces to text that is safe on a terminal.
//!
//! Printable ASCII passes; everything else becomes `\DDD`, a byte in decimal, as in DNS presentation format (RFC 1035,
//! 5.1). That leaves no control character, no escape sequence (also not in its C1 form), no bidirectional override and
//! nothing of zero width, and it needs no table of what Unicode calls harmless.

use std::fmt::{self, Write};
use std::io;

use serde_json::ser::Formatter;

/// `bytes` with everything but printable ASCII as `\DDD`. Backslashes stay: what comes here may be escaped already.
pub(super) fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        push(&mut text, byte);
    }
    text
}

/// A command name up to its first zero byte, safe to show; `None` when it is empty.
pub(super) fn comm(comm: &[u8]) -> Option<String> {
    let name = comm.split(|&byte| byte == 0).next().unwrap_or_default();
    (!name.is_empty()).then(|| printable(name))
}

fn push(text: &mut String, byte: u8) {
    if matches!(byte, b' '..=b'~') {
        text.push(char::from(byte));
    } else {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "\\{byte:03}");
    }
}

/// JSON in ASCII: what is not becomes `\uXXXX`, which every reader turns back into the same string.
pub(super) struct AsciiJson;

impl Formatter for AsciiJson {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut plain = fragment;
        while let Some(at) = plain.find(|c: char| !matches!(c, ' '..='~')) {
            let (before, rest) = plain.split_at(at);
            writer.write_all(before.as_bytes())?;
            let Some(character) = rest.chars().next() else { break };
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            plain = &rest[character.len_utf8()..];
        }
        writer.write_all(plain.as_bytes())
    }
}

/// `text` padded with blanks to `width`, for columns. Safe text is ASCII, but arrows are not: characters count.
pub(super) struct Padded<'a>(pub(super) &'a str, pub(super) usize);

impl fmt::Display for Padded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)?;
        for _ in self.0.chars().count()..self.1 {
            f.write_char(' ')?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    const HOSTILE: [&str; 6] = [
        "\x1b[2Jgone",
        "\x1b]0;title\x07",
        "bell\x07 backspace\x08 delete\x7f",
        "one-character CSI \u{9b}31m",
        "bidi \u{202e}drowssap\u{202c} isolate \u{2066}",
        "zero\u{200b}width\u{feff} \r\nnew line\t",
    ];

    fn is_harmless(text: &str) -> bool {
        text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
    }

    #[test]
    fn hostile_text_comes_out_harmless() {
        for text in HOSTILE {
            assert!(is_harmless(&printable(text.as_bytes())), "{text:?}");
        }
        assert_eq!(printable(b"\x1b[1m"), "\\027[1m");
        assert_eq!(printable(&[0xff, b'a']), "\\255a");
    }

    #[test]
    fn command_name_ends_at_its_zero() {
        assert_eq!(comm(b"curl\0\0\0x").as_deref(), Some("curl"));
        assert_eq!(comm(b"a\x1bb\0").as_deref(), Some("a\\027b"));
        assert_eq!(comm(&[0; 16]), None);
    }

    #[test]
    fn json_is_ascii_and_reads_back_as_it_was() {
        for text in HOSTILE.into_iter().chain(["plain", "emoji \u{1f600} \"quoted\" \\"]) {
            let mut json = Vec::new();
            text.serialize(&mut serde_json::Serializer::with_formatter(&mut json, AsciiJson)).unwrap();
            let json = String::from_utf8(json).unwrap();
            assert!(is_harmless(&json), "{json}");
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }

    #[test]
    fn padding_counts_characters() {
        assert_eq!(Padded("a → b", 7).to_string(), "a → b  ");
        assert_eq!(Padded("longer", 3).to_string(), "longer");
    }
}
