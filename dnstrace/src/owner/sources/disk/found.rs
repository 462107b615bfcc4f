//! What a look at one source gives.

use crate::capture::WallTime;
use crate::capture::live::{boot_time, boot_time_of};
use crate::owner::fact::Fact;
use crate::owner::sources::State;

/// A file that was written so lately may not be whole yet: it is written in place.
const YOUNG_NS: u64 = 5_000_000_000;

/// Everything a source says, and how it does.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// When it is `Failed`, what was told stays.
    pub(super) state: State,
    pub(super) facts: Vec<Fact>,
    /// What it yielded and where.
    pub(super) yielded: String,
    pub(super) remedy: &'static str,
    /// What made no sense.
    pub(super) skipped: u64,
    /// Something is not whole yet: another look soon is worth it.
    pub(super) again: bool,
}

impl Found {
    /// Facts that were found.
    pub(super) fn ready(facts: Vec<Fact>, yielded: String) -> Self {
        Self { state: State::Ready, facts, yielded, remedy: "", skipped: 0, again: false }
    }

    /// There is no such thing on this node.
    pub(super) fn absent(why: String) -> Self {
        Self { state: State::Absent, ..Self::ready(Vec::new(), why) }
    }

    /// It is there, and was not read.
    pub(super) fn failed(why: String, remedy: &'static str) -> Self {
        Self { state: State::Failed, remedy, ..Self::ready(Vec::new(), why) }
    }

    /// What an error with a folder means: one that is not there is nothing unusual.
    pub(super) fn error(place: &str, error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound => Self::absent(format!("no {place}")),
            std::io::ErrorKind::PermissionDenied => {
                Self::failed(format!("cannot read {place}: {error}"), "run as root, or with CAP_DAC_READ_SEARCH")
            }
            _ => Self::failed(format!("cannot read {place}: {error}"), ""),
        }
    }

    /// With what was skipped.
    pub(super) fn skipping(self, skipped: u64) -> Self {
        Self { skipped, ..self }
    }
}

/// Whether a file was written just now.
pub(super) fn is_young(modified: WallTime) -> bool {
    boot_time().0.saturating_sub(boot_time_of(modified).0) < YOUNG_NS
}

/// `1 pod`, `2 pods`.
pub(super) fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
