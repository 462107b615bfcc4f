//! Packets to pcapng: what Wireshark opens, and `dnstrace read` replays.
//!
//! `recorder` stands in the pipeline and decides what is recorded and when a file ends; `section` makes the blocks of one
//! file; they go through `outgoing` to `files`, which writes them.

mod block;
mod clock;
mod files;
mod frame;
mod headers;
mod held;
mod interface;
mod names;
mod notes;
mod outgoing;
mod pod;
mod recorder;
mod section;
#[cfg(test)]
mod tests;

pub use files::{Place, Recorded, Recording, RecordingError};
pub use outgoing::Chunk;
pub use recorder::{Known, RecordCounts, Recorder, RecorderOptions, Rotation};
pub use section::{Maker, SeenMessage};
