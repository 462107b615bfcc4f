//! [`Packet`](crate::capture::Packet)s to [`Observation`]s: link, IP, fragments, tunnels, UDP, TCP
//! streams, DNS.
//! The only place that knows hickory.

mod connection;
mod counts;
mod decoder;
mod edns;
mod end;
mod fragments;
pub(crate) mod iana;
mod icmp;
pub(crate) mod icmp_name;
mod message;
mod name;
mod network;
mod observation;
mod ports;
pub(crate) mod presentation;
mod rdata;
mod reassembly;
mod record_name;
pub mod records;
mod sighting;
mod signal;
mod stream;
mod streams;
mod subject;
#[cfg(test)]
mod tests;
mod transport;
mod tunnel;

pub use crate::capture::Transport;
pub use counts::DecodeCounts;
pub use decoder::{DecodeOptions, Decoded, Decoder};
pub use message::{Header, Message, Question, Undecodable};
pub use name::{NameError, QuestionName};
pub use observation::Observation;
pub use reassembly::FRAGMENT_TIMEOUT;
pub use signal::{IcmpError, SIGNAL_BYTES, Signal, SignalEvent, Subject, SubjectMessage};
pub use transport::Segment;
