//! `dnstrace trace` on a node of network namespaces: real kernel, NAT, servers and clients, with tcpdump beside it.

mod cast;
mod ending;
mod errors;
mod loss;
mod path;
mod remains;
mod servers;
mod sighting;
mod tcp;
mod tcpdump;
mod watch;
