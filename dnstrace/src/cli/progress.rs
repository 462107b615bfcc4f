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
    pub(super) fn of_reading(bytes: Option<u64>, print: bool) -> Self {
        let bytes = bytes.filter(|&bytes| bytes >= LARGE_BYTES && has_room(print));
        bytes.map_or_else(Self::hidden, |bytes| Self::shown(ProgressBar::new(bytes), READ))
    }

    /// Of recording to a file.
    pub(super) fn of_recording(print: bool) -> Self {
        if has_room(print) { Self::shown(ProgressBar::new_spinner(), RECORD) } else { Self::hidden() }
    }

    /// Whether there is one on the screen.
    pub(super) fn is_shown(&self) -> bool {
        !self.0.is_hidden()
    }

    fn shown(bar: ProgressBar, template: &str) -> Self {
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(INTERVAL);
        message::keep_clear_of(&bar);
        Self(bar)
    }

    /// None.
    pub(super) fn hidden() -> Self {
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

/// Transactions on the screen, if they are printed, show by themselves that it goes on.
fn has_room(print: bool) -> bool {
    stderr().is_terminal() && !(print && stdout().is_terminal())
}
