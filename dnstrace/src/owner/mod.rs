//! Names for numbers: interfaces, and the process, container, pod, workload and Service behind sockets and addresses.

mod cluster_dns;
pub mod fact;
mod index;
mod interfaces;
mod named;
mod note;
pub mod sources;
mod stage;
#[cfg(test)]
mod tests;
mod waiting;
pub mod workload;

pub use self::cluster_dns::{ClusterDns, Known};
pub use self::index::{Index, IndexCounts, Told};
pub use self::interfaces::Interfaces;
pub use self::named::{Container, KnownBy, Party, Pod, Role, Service, Who};
pub use self::note::{Note, WallClock};
pub use self::stage::{Owner, OwnerCounts, Used};
