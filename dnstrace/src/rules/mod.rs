//! Transactions with names to what is wrong, how surely, where, and what to do; and to what they add up to.
//!
//! [`Rules`] is the stage: a transaction becomes a [`Case`](case::Case), is kept in a `window`, folded to `lookups`,
//! and shown to every rule of the [`catalogue`]. What rules say is aggregated in [`Findings`].

mod answer;
mod cached;
pub mod case;
pub mod catalogue;
mod evidence;
pub mod finding;
mod findings;
mod found;
mod gathered;
mod heads;
mod kept;
mod key;
mod learned;
mod ledger;
mod libc;
pub mod lookup;
mod lookups;
mod loops;
pub mod name;
mod numbered;
mod occasion;
pub mod path;
mod place;
mod quality;
mod recent;
pub mod report;
mod search;
mod sets;
mod signs;
mod silence;
pub mod spent;
mod stage;
mod step;
mod stuck;
mod subject;
mod table;
#[cfg(test)]
mod tests;
mod told;
mod totals;
mod upstream;
mod watched;
mod went;
mod window;
mod world;

pub use answer::Answer;
pub use findings::Findings;
pub use found::{Claim, Found, LookupClaim};
pub use learned::Learned;
pub use ledger::Ledger;
pub use loops::{Cycle, CycleHop};
pub use quality::quality;
pub use stage::{Ended, Given, Rules};
pub use told::{RuleOptions, Settled, Told, Verdict};
pub use totals::Totals;
pub use watched::{Responder, Watched, Way};
pub use window::Window;
pub use world::World;
