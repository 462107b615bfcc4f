//! Transactions to bytes: text and JSON, and what of them is shown. Packets to pcapng.

mod batches;
mod escape;
mod explanation;
mod filter;
mod finding;
mod held;
mod item;
mod json;
mod losses;
mod message;
mod outlet;
mod owner;
mod owners;
mod palette;
pub mod pcapng;
mod report;
mod text;
mod time;
mod writer;

use crate::decode::iana;
use crate::decode::icmp_name as icmp;

pub use batches::WriterEnd;
pub use explanation::{explanation, explanations};
pub use filter::{Filter, Own, PartyFilter, rcode_number, record_type_number};
pub use item::{Item, Lost, Names, Numbered, Sighting, Summary};
pub use json::Json;
pub use losses::Losses;
pub use outlet::{Named, Outlet, OutletCounts, OutletOptions, Show, WhenFull};
pub use owners::{write_owners, write_owners_json};
pub use palette::Palette;
pub use report::{Observed, ReportFormat, write_report};
pub use text::{Layout, Text, TextOptions, between_words, summary};
pub use writer::{Format, write_all};
