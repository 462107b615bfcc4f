//! Messages to a person, on standard error.

use std::io::{Write, stderr};

/// Writes one line. A closed standard error is no reason to end.
pub(super) fn say(line: &str) {
    let _ = writeln!(stderr().lock(), "{line}");
}
