//! The user half of dnstrace. The folder listing is the way the data goes:
//!
//! ```text
//! capture -> Packet -> decode -> Observation -> join -> Transaction -> owner -> rules -> sink
//! ```
//!
//! A stage owns its output type and uses only stages to its left; [`pipeline`] is the only place where they meet, and
//! [`cli`] is what a person types.

pub mod capture;
pub mod cli;
pub mod decode;
pub mod join;
pub mod owner;
pub mod pipeline;
pub mod rules;
pub mod sink;
