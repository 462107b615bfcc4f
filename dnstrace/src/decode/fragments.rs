//! The fragments of one datagram (RFC 791, 3.2; RFC 8200, 4.5): where each belongs, and whether all of them are there.

use super::network::{Fragment, Upper};

/// 64 KiB over an MTU of 576, the least that every IPv4 host takes (RFC 791, 3.1), are 119; hostile ones are shorter.
const FRAGMENTS_MAX: usize = 128;
/// No datagram is longer: its length has 16 bits, and what a fragment says is to lie in it.
const DATAGRAM_MAX: u32 = 65_535;

/// A datagram as far as it has come.
#[derive(Default)]
pub(super) struct Fragments {
    /// In the order of their offsets; none overlaps another.
    pieces: Vec<Piece>,
    /// Their lengths on the wire together.
    wire_len: u32,
    /// Length of the whole, from the last fragment.
    end: Option<u32>,
    /// Bytes captured of them.
    held: usize,
}

struct Piece {
    offset: u32,
    wire_len: u32,
    bytes: Vec<u8>,
}

impl Piece {
    fn end(&self) -> u32 {
        self.offset + self.wire_len
    }
}

/// Why a fragment is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    Duplicate,
    /// It overlaps another one, or both cannot be true of where the datagram ends.
    Overlap,
    TooMany,
}

/// Whether a fragment can belong to any datagram: offsets count in eights, so that all but the last are as long.
pub(super) fn is_well_formed(fragment: Fragment, upper: &Upper<'_>) -> bool {
    let aligned = !fragment.more || upper.wire_len.is_multiple_of(8);
    aligned && upper.wire_len > 0 && fragment.offset.saturating_add(upper.wire_len) <= DATAGRAM_MAX
}

impl Fragments {
    /// Adds a well-formed fragment.
    pub(super) fn add(&mut self, fragment: Fragment, upper: &Upper<'_>) -> Result<(), Misfit> {
        let piece = Piece { offset: fragment.offset, wire_len: upper.wire_len, bytes: Vec::new() };
        let place = self.pieces.partition_point(|known| known.offset < piece.offset);
        self.check(place, &piece, fragment.more)?;
        if !fragment.more {
            self.end = Some(piece.end());
        }
        self.wire_len += piece.wire_len;
        self.held += upper.payload.len();
        self.pieces.insert(place, Piece { bytes: upper.payload.to_vec(), ..piece });
        Ok(())
    }

    fn check(&self, place: usize, piece: &Piece, more: bool) -> Result<(), Misfit> {
        let next = self.pieces.get(place);
        if self.is_beyond_end(piece, more) {
            return Err(Misfit::Overlap);
        }
        if next.is_some_and(|next| (next.offset, next.wire_len) == (piece.offset, piece.wire_len)) {
            return Err(Misfit::Duplicate);
        }
        let before = place.checked_sub(1).and_then(|before| self.pieces.get(before));
        if before.is_some_and(|before| before.end() > piece.offset)
            || next.is_some_and(|next| next.offset < piece.end())
        {
            return Err(Misfit::Overlap);
        }
        if self.pieces.len() < FRAGMENTS_MAX { Ok(()) } else { Err(Misfit::TooMany) }
    }

    fn is_beyond_end(&self, piece: &Piece, more: bool) -> bool {
        match self.end {
            Some(end) => piece.end() > end || !more && piece.end() != end,
            None => !more && self.pieces.last().is_some_and(|last| last.end() > piece.end()),
        }
    }

    /// How many bytes are held.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// The datagram's payload as far as it was captured without a gap, and its length on the wire, when all is there.
    pub(super) fn whole(&self) -> Option<(Vec<u8>, u32)> {
        // As nothing overlaps, nothing is missing when the lengths add up.
        let end = self.end.filter(|end| *end == self.wire_len)?;
        let mut payload = Vec::with_capacity(self.held);
        for piece in &self.pieces {
            payload.extend_from_slice(&piece.bytes);
            if piece.bytes.len() < piece.wire_len as usize {
                break;
            }
        }
        Some((payload, end))
    }

    /// The first fragment's payload, and its length on the wire.
    pub(super) fn into_first(self) -> Option<(Vec<u8>, u32)> {
        let first = self.pieces.into_iter().next()?;
        (first.offset == 0).then_some((first.bytes, first.wire_len))
    }
}
