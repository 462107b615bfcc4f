//! What transactions add up to.

mod ledger;
mod totals;

pub use ledger::Ledger;
pub use totals::Totals;
