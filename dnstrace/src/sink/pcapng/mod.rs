//! Packets to pcapng: what Wireshark opens, and `dnstrace read` replays.
//!
//! `recorder` stands in the pipeline and decides what is recorded and when a file ends; `section` makes the blocks of one
//! file; `files` is the other end of the channel and writes them.

mod block;
mod files;
mod frame;
mod headers;
mod held;
mod names;
mod recorder;
mod section;
#[cfg(test)]
mod tests;

pub use files::{Place, Recorded, Recording, RecordingError};
pub use recorder::{Chunk, RecordCounts, Recorder, RecorderOptions, Rotation};
pub use section::{Maker, SeenMessage};
