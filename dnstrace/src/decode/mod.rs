//! [`Packet`](crate::capture::Packet)s to [`Observation`]s: link, IP, fragments, UDP, TCP streams, DNS.
//! The only place that knows hickory.

mod decoder;
mod message;
mod name;
mod observation;

pub use decoder::{DecodeCounts, DecodeOptions, Decoder};
pub use message::{Header, Message, Question, Undecodable};
pub use name::{NameError, QuestionName};
pub use observation::{Observation, Transport};
