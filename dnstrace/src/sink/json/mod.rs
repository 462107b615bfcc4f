//! Items to JSON, one object a line: the native record, schema `dnstrace.dns/1`.

mod end;
mod finding;
mod header;
mod hop;
mod records;
mod sighting;
mod sign;
mod transaction;
mod who;

use std::io::{self, Write};

use serde::Serialize;

pub(super) use end::LedgerRecord;
pub(super) use finding::FindingRecord;
pub(super) use hop::{Place as PlaceRecord, micros};
pub(super) use who::PartyRecord;

use super::Item;
use super::escape::AsciiJson;

/// Version of the records: a change that a reader could stumble over gets another number.
const SCHEMA: &str = "dnstrace.dns/1";

/// Writes items as JSON.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json {
    /// Every hop of every transaction, too.
    pub path: bool,
}

impl Json {
    /// Writes one item as one line.
    pub fn write(&self, item: &Item, out: &mut Vec<u8>) -> io::Result<()> {
        match item {
            Item::Transaction(transaction) if self.path => {
                line(&transaction::Record::new(transaction).with_path(transaction), out)
            }
            Item::Transaction(transaction) => line(&transaction::Record::new(transaction), out),
            Item::Finding(finding) => line(&FindingRecord::line(finding), out),
            Item::Observation(sighting) => line(&sighting::Record::new(sighting), out),
            Item::Lost(lost) => line(&end::LostRecord::new(lost), out),
            Item::Summary(summary) => line(&end::SummaryRecord::new(summary), out),
        }
    }
}

/// The only control character that JSON may contain as it is.
const DELETE: u8 = 0x7f;

pub(super) fn line(record: &impl Serialize, out: &mut Vec<u8>) -> io::Result<()> {
    let begin = out.len();
    record.serialize(&mut serde_json::Serializer::new(&mut *out))?;
    // Nearly every record is ASCII by itself: looking at it once costs less than looking at each string.
    if !out[begin..].is_ascii() || out[begin..].contains(&DELETE) {
        out.truncate(begin);
        record.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, AsciiJson))?;
    }
    out.write_all(b"\n")
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}
