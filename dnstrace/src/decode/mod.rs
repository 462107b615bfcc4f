//! [`Packet`](crate::capture::Packet)s to [`Observation`]s: link, IP, fragments, UDP, TCP streams, DNS.
//! The only place that knows hickory.

mod decoder;
mod message;
mod observation;

pub use decoder::{DecodeCounts, DecodeOptions, Decoder};
pub use message::{Header, Message, Question, QuestionName};
pub use observation::{Observation, Transport};
