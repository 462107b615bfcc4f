//! Names for numbers: interfaces, and the process, container, pod, workload and Service behind sockets and addresses.

pub mod fact;
mod interfaces;
pub mod sources;
pub mod workload;

pub use self::interfaces::{Interfaces, Owner};
