//! DNSSEC's records in presentation format (RFC 4034; RFC 5155, 3.3 and 4.3). They are read here: hickory reads them only
//! together with a library of cryptography, which nothing else needs.

use data_encoding::{BASE32HEX_NOPAD, BASE64, Encoding, HEXLOWER};
use jiff::Timestamp;

use super::super::name::QuestionName;
use super::type_name;
use crate::decode::presentation::push_number;

/// A bitmap of types comes in windows of at most so many bytes (RFC 4034, 4.1.2).
const WINDOW_MAX: u8 = 32;

/// Appends the data of a record of type `rtype`; `None` where it is malformed, and then part of it may be there.
pub(super) fn push(rtype: u16, data: &[u8], text: &mut String) -> Option<()> {
    let mut data = Data { rest: data, begin: text.len(), text };
    match rtype {
        // DS and CDS: key tag, algorithm, digest type.
        43 | 59 => data.numbers(&[2, 1, 1])?.rest(&HEXLOWER),
        // DNSKEY and CDNSKEY: flags, protocol, algorithm.
        48 | 60 => data.numbers(&[2, 1, 1])?.rest(&BASE64),
        // RRSIG: the type that is signed, algorithm, labels, original TTL, expiration, inception, key tag, signer.
        46 => {
            data.rtype()?.numbers(&[1, 1, 4])?.time()?.time()?.numbers(&[2])?.name()?;
            data.rest(&BASE64)
        }
        // NSEC: the next name, its types.
        47 => data.name()?.types(),
        // NSEC3: hash algorithm, flags, iterations, salt, the next hash, its types.
        50 => data.numbers(&[1, 1, 2])?.salt()?.hash()?.types(),
        // NSEC3PARAM.
        51 => data.numbers(&[1, 1, 2])?.salt()?.rest.is_empty().then_some(()),
        _ => None,
    }
}

/// What is not read yet, and where it goes.
struct Data<'a, 't> {
    rest: &'a [u8],
    /// Where its text begins.
    begin: usize,
    text: &'t mut String,
}

impl<'a> Data<'a, '_> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn number(&mut self, length: usize) -> Option<u64> {
        Some(self.take(length)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// What comes after its length in one byte.
    fn counted(&mut self) -> Option<&'a [u8]> {
        let length = self.number(1)?;
        self.take(usize::try_from(length).ok()?)
    }

    /// Words stand apart.
    fn word(&mut self, word: &str) -> &mut Self {
        if self.text.len() > self.begin {
            self.text.push(' ');
        }
        self.text.push_str(word);
        self
    }

    fn numbers(&mut self, lengths: &[usize]) -> Option<&mut Self> {
        for length in lengths {
            let number = self.number(*length)?;
            self.word("");
            push_number(self.text, number, 1);
        }
        Some(self)
    }

    fn rtype(&mut self) -> Option<&mut Self> {
        let number = self.number(2)?;
        Some(self.word(&type_name(u16::try_from(number).ok()?)))
    }

    /// `20270115080000` (RFC 4034, 3.2).
    fn time(&mut self) -> Option<&mut Self> {
        let seconds = i64::try_from(self.number(4)?).ok()?;
        let time = Timestamp::from_second(seconds).ok()?;
        Some(self.word(&time.strftime("%Y%m%d%H%M%S").to_string()))
    }

    /// RFC 3597, 4: no compression.
    fn name(&mut self) -> Option<&mut Self> {
        let (name, rest) = QuestionName::read(self.rest).ok()?;
        self.rest = rest;
        self.word("");
        name.push(self.text);
        Some(self)
    }

    fn salt(&mut self) -> Option<&mut Self> {
        let salt = self.counted()?;
        Some(if salt.is_empty() { self.word("-") } else { self.word(&HEXLOWER.encode(salt)) })
    }

    fn hash(&mut self) -> Option<&mut Self> {
        let hash = self.counted()?;
        Some(self.word(&BASE32HEX_NOPAD.encode(hash)))
    }

    fn types(&mut self) -> Option<()> {
        while !self.rest.is_empty() {
            let window = u16::try_from(self.number(1)?).ok()? << 8;
            let bitmap = self.counted()?;
            if bitmap.is_empty() || bitmap.len() > usize::from(WINDOW_MAX) {
                return None;
            }
            let bits = bitmap.iter().flat_map(|byte| (0..8).map(move |bit| byte << bit & 0x80 != 0));
            for (number, _) in (window..).zip(bits).filter(|(_, is_set)| *is_set) {
                self.word(&type_name(number));
            }
        }
        Some(())
    }

    /// What is left, of which there must be something.
    fn rest(&mut self, encoding: &Encoding) -> Option<()> {
        if self.rest.is_empty() {
            return None;
        }
        self.word(&encoding.encode(self.rest));
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rtype: u16, data: &[u8], expected: Option<&str>) {
        let mut text = String::new();
        let found = push(rtype, data, &mut text).map(|()| text);
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn data_in_presentation_format() {
        check(43, b"\x30\x39\x08\x02\xbe\xef", Some("12345 8 2 beef"));
        check(59, b"\0\0\0\0\0", Some("0 0 0 00"));
        check(48, b"\x01\x01\x03\x08\x01\x02\x03\x04", Some("257 3 8 AQIDBA=="));
        let signature = b"\0\x01\x08\x02\0\0\x01\x2c\x6b\x49\xd2\0\x65\x53\xf1\0\x30\x39\x01a\0signature";
        check(46, signature, Some("A 8 2 300 20270115080000 20231114221320 12345 a c2lnbmF0dXJl"));
        check(47, b"\x01b\0\0\x06\x40\0\0\0\0\x03\x01\x01\x40", Some("b A RRSIG NSEC CAA"));
        check(47, b"\0\xff\x01\x80", Some(". TYPE65280"));
        check(50, b"\x01\0\0\x0a\x02\xab\xcd\x04\x01\x02\x03\x04\0\x01\x40", Some("1 0 10 abcd 0410610 A"));
        check(51, b"\x01\0\0\x0a\0", Some("1 0 10 -"));
    }

    #[test]
    fn malformed_data_is_none() {
        for (rtype, data) in [
            (43, &b"\x30\x39\x08\x02"[..]),
            (48, b"\x01\x01\x03"),
            (46, b"\0\x01\x08\x02\0\0\x01\x2c\x6b\x49\xd2\0\x65\x53\xf1\0\x30\x39\x01a"),
            (47, b"\xc0\x0c\0\x01\x40"),
            (47, b"\x01b\0\0\0"),
            (47, b"\x01b\0\0\x21\x40"),
            (50, b"\x01\0\0\x0a\x02\xab\xcd\x05\x01\x02\x03\x04"),
            (51, b"\x01\0\0\x0a\0\0"),
            (1, b"\x0a\0\0\x01"),
        ] {
            check(rtype, data, None);
        }
    }
}
