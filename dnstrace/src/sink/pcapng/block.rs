//! Blocks of pcapng (draft-ietf-opsawg-pcapng, 3.1) in little-endian byte order.

/// Ends a list of options.
const END_OF_OPTIONS: u32 = 0;
/// Every part of a block begins at a multiple of this.
const ALIGNMENT: usize = 4;

/// A block that is being written at the end of a buffer.
pub(super) struct Block<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    has_options: bool,
}

impl<'a> Block<'a> {
    /// Begins a block.
    pub(super) fn begin(out: &'a mut Vec<u8>, kind: u32) -> Self {
        let start = out.len();
        out.extend_from_slice(&kind.to_le_bytes());
        // Its length, known at the end.
        out.extend_from_slice(&[0; 4]);
        Self { out, start, has_options: false }
    }

    pub(super) fn u16(self, number: u16) -> Self {
        self.out.extend_from_slice(&number.to_le_bytes());
        self
    }

    pub(super) fn u32(self, number: u32) -> Self {
        self.out.extend_from_slice(&number.to_le_bytes());
        self
    }

    /// A time or a length of 64 bits, lower half first.
    pub(super) fn u64(self, number: u64) -> Self {
        self.out.extend_from_slice(&number.to_le_bytes());
        self
    }

    /// A time as blocks have it: upper half first.
    pub(super) fn time(self, ticks: u64) -> Self {
        self.u32((ticks >> 32) as u32).u32((ticks & 0xffff_ffff) as u32)
    }

    /// Bytes without anything behind them.
    pub(super) fn bytes(self, bytes: &[u8]) -> Self {
        self.out.extend_from_slice(bytes);
        self
    }

    /// Fills up to where the next part begins.
    pub(super) fn pad(self) -> Self {
        let length = (self.out.len() - self.start).next_multiple_of(ALIGNMENT);
        self.out.resize(self.start + length, 0);
        self
    }

    /// An option. What is longer than an option can be is cut.
    pub(super) fn option(mut self, code: u16, value: &[u8]) -> Self {
        self.has_options = true;
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        let value = &value[..usize::from(length)];
        self.u16(code).u16(length).bytes(value).pad()
    }

    /// An option that is a time.
    pub(super) fn time_option(mut self, code: u16, ticks: u64) -> Self {
        self.has_options = true;
        self.u16(code).u16(8).time(ticks)
    }

    /// Ends the block.
    pub(super) fn end(self) {
        let this = if self.has_options { self.u32(END_OF_OPTIONS) } else { self };
        let Self { out, start, .. } = this;
        let length = u32::try_from(out.len() - start + 4).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_le_bytes());
        if let Some(place) = out.get_mut(start + 4..start + 8) {
            place.copy_from_slice(&length.to_le_bytes());
        }
    }
}

/// How many of the first `length` bytes of `blocks` are whole blocks.
pub(super) fn whole(blocks: &[u8], length: usize) -> usize {
    let mut end = 0;
    while let Some(bytes) = blocks.get(end + 4..).and_then(<[u8]>::first_chunk) {
        let next = end + u32::from_le_bytes(*bytes) as usize;
        if next > length || next == end {
            break;
        }
        end = next;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_has_its_length_on_both_ends() {
        let mut out = vec![0xff];
        Block::begin(&mut out, 6).u16(1).u16(2).bytes(b"abcde").pad().option(1, b"x").end();
        let expected = b"\xff\x06\0\0\0\x24\0\0\0\x01\0\x02\0abcde\0\0\0\x01\0\x01\0x\0\0\0\0\0\0\0\x24\0\0\0";
        assert_eq!(out.escape_ascii().to_string(), expected.escape_ascii().to_string());
        let mut out = Vec::new();
        Block::begin(&mut out, 5).u32(7).time(1 << 32 | 2).end();
        assert_eq!(out, b"\x05\0\0\0\x18\0\0\0\x07\0\0\0\x01\0\0\0\x02\0\0\0\x18\0\0\0");
    }

    #[test]
    fn whole_blocks_of_a_part() {
        let mut out = Vec::new();
        for length in [0, 4, 8] {
            Block::begin(&mut out, 1).bytes(&vec![0; length]).end();
        }
        let cases = [(0, 0), (11, 0), (12, 12), (27, 12), (28, 28), (47, 28), (48, 48)];
        for (length, expected) in cases {
            assert_eq!(whole(&out, length), expected, "{length}");
        }
    }
}
