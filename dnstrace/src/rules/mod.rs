//! What transactions add up to.

mod ledger;
mod quality;
pub mod report;
mod totals;

pub use ledger::Ledger;
pub use quality::quality;
pub use totals::Totals;
