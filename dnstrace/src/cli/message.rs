//! Messages to a person, on standard error.

use std::fmt;
use std::io::{Write, stderr};
use std::sync::OnceLock;

use indicatif::ProgressBar;

use crate::sink::between_words;

/// What else is on that screen.
static PROGRESS: OnceLock<ProgressBar> = OnceLock::new();

/// From now on messages do not run into `bar`.
pub(super) fn keep_clear_of(bar: &ProgressBar) {
    PROGRESS.get_or_init(|| bar.clone());
}

/// Writes one line. Names of files and interfaces may be somebody else's: nothing in them moves the cursor.
pub(super) fn say(line: &str) {
    show(&plain(line));
}

/// Writes text that is safe on a terminal, no line longer than it is wide. A closed standard error is no reason to end.
pub(super) fn show(text: &str) {
    let columns = terminal_size::terminal_size_of(stderr()).map(|(width, _)| width.0.into());
    let broken = columns.map(|columns| between_words(text, columns));
    let text = broken.as_deref().unwrap_or(text).trim_end();
    let write = || drop(writeln!(stderr().lock(), "{text}"));
    match PROGRESS.get() {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// The bytes of control characters, and of what changes the direction of text or cannot be seen, as `\DDD`.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for letter in line.chars() {
        let is_hidden = matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
        if letter.is_control() || is_hidden {
            for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a `String` cannot fail.
                let _ = fmt::Write::write_fmt(&mut text, format_args!("\\{byte:03}"));
            }
        } else {
            text.push(letter);
        }
    }
    text
}
