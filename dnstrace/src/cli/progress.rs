//! How far a long run has come, on a standard error that is a terminal.

use std::io::{IsTerminal, stderr, stdout};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::message;
use super::quantity::shown_size;
use crate::sink::pcapng::Recorded;

/// What takes less than a moment needs no bar.
const LARGE_BYTES: u64 = 64 << 20;
/// A person sees that it goes on.
const INTERVAL: Duration = Duration::from_millis(200);

const READ: &str =
    "{bar:30} {percent:>3} %  {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta} left";
const RECORD: &str = "{elapsed_precise}  {msg}";

/// Shown until it is dropped.
#[derive(Clone)]
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Of reading `bytes`; of `None` nobody knows how many there are.
    pub(super) fn of_reading(bytes: Option<u64>) -> Self {
        // Lines that scroll show themselves how far it is.
        let wanted =
            bytes.is_some_and(|bytes| bytes >= LARGE_BYTES) && stderr().is_terminal() && !stdout().is_terminal();
        if wanted { Self::shown(ProgressBar::new(bytes.unwrap_or_default()), READ) } else { Self::hidden() }
    }

    /// Of recording to a file; transactions on the screen show by themselves that it goes on.
    pub(super) fn of_recording(print: bool) -> Self {
        if stderr().is_terminal() && !(print && stdout().is_terminal()) {
            Self::shown(ProgressBar::new_spinner(), RECORD)
        } else {
            Self::hidden()
        }
    }

    fn shown(bar: ProgressBar, template: &str) -> Self {
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(INTERVAL);
        message::keep_clear_of(&bar);
        Self(bar)
    }

    fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    /// So many more bytes were read.
    pub(super) fn read(&self, bytes: usize) {
        self.0.inc(bytes as u64);
    }

    /// So much was recorded by now.
    pub(super) fn recorded(&self, recorded: &Recorded) {
        if !self.0.is_hidden() {
            self.0.set_message(format!("{} packets, {}", recorded.packets, shown_size(recorded.bytes)));
        }
    }

    /// Takes it off the screen.
    pub(super) fn end(&self) {
        self.0.finish_and_clear();
    }
}
