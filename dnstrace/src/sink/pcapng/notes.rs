//! What the owner stage knows of those who are recorded, in comments: so a recording has the names that were there.

use super::block::Block;
use super::section::COMMENT;
use crate::capture::file::owner_comment;
use crate::capture::file::pcapng::NAME_RESOLUTION;
use crate::owner::{Note, Owner, Told, Used, WallClock};

/// An option's length has 16 bits.
const COMMENT_MAX: usize = u16::MAX as usize;
/// Frame and end of records of a block, and what a comment has around it.
const BLOCK_BYTES: usize = 28;

/// Who tells, in which time.
#[derive(Clone, Copy)]
pub(super) struct Telling<'a> {
    pub(super) owner: &'a Owner,
    pub(super) clock: WallClock,
}

impl Telling<'_> {
    /// What is needed to know what was used, and was not told.
    pub(super) fn notes(&self, used: &Used<'_>, told: &mut Told) -> Vec<String> {
        let mut notes = Vec::new();
        let add = |note: &Note| {
            let comment = owner_comment(&note.line());
            // A fact that long is nobody's: names have 253 characters at most, pods a handful of addresses.
            notes.extend((comment.len() <= COMMENT_MAX).then_some(comment));
        };
        self.owner.tell(used, told, self.clock, add);
        notes
    }
}

/// How long they are in the file.
pub(super) fn len(notes: &[String]) -> u64 {
    notes.iter().map(|note| (note.len().next_multiple_of(4) + BLOCK_BYTES) as u64).sum()
}

/// Writes them, a block each: a name resolution block without names has room for comments, and may stand anywhere.
pub(super) fn write_notes(notes: &[String], out: &mut Vec<u8>) {
    for note in notes {
        Block::begin(out, NAME_RESOLUTION).u16(0).u16(0).option(COMMENT, note.as_bytes()).end();
    }
}
