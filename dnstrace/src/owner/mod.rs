//! Who: names for what the kernel gives as numbers.

mod interfaces;

pub use interfaces::{Interfaces, Owner};
