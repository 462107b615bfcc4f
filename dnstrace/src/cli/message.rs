//! Messages to a person, on standard error.

use std::io::{Write, stderr};
use std::sync::OnceLock;

use indicatif::ProgressBar;

/// What else is on that screen.
static PROGRESS: OnceLock<ProgressBar> = OnceLock::new();

/// From now on messages do not run into `bar`.
pub(super) fn keep_clear_of(bar: &ProgressBar) {
    PROGRESS.get_or_init(|| bar.clone());
}

/// Writes one line. A closed standard error is no reason to end.
pub(super) fn say(line: &str) {
    let write = || drop(writeln!(stderr().lock(), "{line}"));
    match PROGRESS.get() {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}
