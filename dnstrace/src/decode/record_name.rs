//! A name that may be compressed (RFC 1035, 4.1.4), read in place, by the same rules as hickory.

use super::Header;
use super::name::write_labels;

/// RFC 1035, 2.3.4: the longest name with its length bytes.
const NAME_MAX: usize = 255;
/// RFC 1035, 4.1.4: what a pointer begins with.
const POINTER: u16 = 0xc000;
/// A pointer to what stands behind the header, of twelve bytes: the name of the question.
const TO_FIRST_NAME: [u8; 2] = [0xc0, 12];

/// A well-formed name somewhere in a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecordName<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> RecordName<'a> {
    /// Reads the name at `at`; says where it ends, too. `None` when it is cut off or malformed.
    pub(super) fn read(message: &'a [u8], at: usize) -> Option<(Self, usize)> {
        let mut walk = Walk::new(message, at);
        loop {
            match walk.next() {
                Step::Label(_) => {}
                Step::End => return Some((Self { message, at }, walk.end?)),
                Step::Malformed => return None,
            }
        }
    }

    /// The same somewhere behind the message's first name, which was read: most names are a pointer to that, and need not be
    /// followed again.
    pub(super) fn read_further(message: &'a [u8], at: usize) -> Option<(Self, usize)> {
        if at > Header::LEN && message.get(at..)?.first_chunk() == Some(&TO_FIRST_NAME) {
            return Some((Self { message, at }, at + TO_FIRST_NAME.len()));
        }
        Self::read(message, at)
    }

    /// Appends presentation format without the last dot.
    pub(super) fn push(&self, text: &mut String) {
        // Writing to a `String` cannot fail.
        let _ = write_labels(self.labels(), text);
    }

    /// Where in the message it leads, when it begins with a pointer.
    pub(super) fn pointer(&self) -> Option<usize> {
        let pointer = u16::from_be_bytes(*self.message.get(self.at..)?.first_chunk()?);
        (pointer >= POINTER).then(|| usize::from(pointer & !POINTER))
    }

    /// Labels, the leftmost first, without the root.
    pub(super) fn labels(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut walk = Walk::new(self.message, self.at);
        std::iter::from_fn(move || match walk.next() {
            Step::Label(label) => Some(label),
            Step::End | Step::Malformed => None,
        })
    }
}

enum Step<'a> {
    Label(&'a [u8]),
    End,
    Malformed,
}

/// On its way through a name's labels.
struct Walk<'a> {
    message: &'a [u8],
    at: usize,
    /// Where the labels in one piece began: a pointer must lead to before it,
    piece: usize,
    /// and what it leads to must end before it: so there are no loops.
    limit: usize,
    /// In wire format, with the root label.
    length: usize,
    /// Behind the name where it stands.
    end: Option<usize>,
}

impl<'a> Walk<'a> {
    fn new(message: &'a [u8], at: usize) -> Self {
        Self { message, at, piece: at, limit: message.len(), length: 1, end: None }
    }

    fn next(&mut self) -> Step<'a> {
        while self.at < self.limit {
            let byte = self.message[self.at];
            match byte {
                0 => {
                    self.end = self.end.or(Some(self.at + 1));
                    return Step::End;
                }
                1..=63 => return self.label(byte.into()).map_or(Step::Malformed, Step::Label),
                0xc0.. if self.follow_pointer().is_some() => {}
                _ => return Step::Malformed,
            }
        }
        Step::Malformed
    }

    fn label(&mut self, length: usize) -> Option<&'a [u8]> {
        let label = self.message.get(self.at + 1..=self.at + length)?;
        self.at += 1 + length;
        self.length += 1 + length;
        (self.length <= NAME_MAX).then_some(label)
    }

    fn follow_pointer(&mut self) -> Option<()> {
        let pointer = self.message.get(self.at..)?.first_chunk()?;
        let target = usize::from(u16::from_be_bytes(*pointer) & !POINTER);
        if target >= self.piece {
            return None;
        }
        self.end = self.end.or(Some(self.at + 2));
        (self.limit, self.piece, self.at) = (self.piece, target, target);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::Name;
    use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};

    use super::super::tests::Random;
    use super::*;

    /// Text and end, as hickory reads them.
    fn hickory(message: &[u8], at: usize) -> Option<(String, usize)> {
        let mut decoder = BinDecoder::new(message).clone(u16::try_from(at).unwrap());
        let name = Name::read(&mut decoder).ok()?;
        let mut text = String::new();
        write_labels(name.iter(), &mut text).unwrap();
        Some((text, decoder.index()))
    }

    fn own(message: &[u8], at: usize) -> Option<(String, usize)> {
        let (name, end) = RecordName::read(message, at)?;
        let mut text = String::new();
        name.push(&mut text);
        Some((text, end))
    }

    #[test]
    fn random_names_are_those_that_hickory_reads() {
        let mut random = Random(0x2545_f491_4f6c_dd1d);
        let mut well_formed = 0;
        for _ in 0..4_000 {
            let length = 1 + random.below(400);
            // Small numbers are labels, large ones pointers; now and then a character.
            let byte = |random: &mut Random| match random.below(8) {
                0 => 0xc0,
                1 => 0,
                2 => random.next().to_le_bytes()[0],
                3 => 63,
                _ => random.below(6).to_le_bytes()[0],
            };
            let message: Vec<u8> = (0..length).map(|_| byte(&mut random)).collect();
            for at in 0..length {
                let expected = hickory(&message, at);
                well_formed += usize::from(expected.is_some());
                assert_eq!(own(&message, at), expected, "{message:?} at {at}");
            }
        }
        assert!(well_formed > 20_000, "{well_formed}");
    }

    #[test]
    fn names_of_255_bytes_are_the_longest() {
        for last in [61, 62] {
            let labels = [63, 63, 63, last].map(|length: u8| [&[length][..], &vec![b'a'; length.into()]].concat());
            let message = [&labels.concat()[..], &[0]].concat();
            assert_eq!(own(&message, 0), hickory(&message, 0));
            assert_eq!(own(&message, 0).is_some(), last == 61);
        }
    }
}
