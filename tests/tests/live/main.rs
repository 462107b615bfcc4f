//! `dnstrace trace` on a node of network namespaces: real kernel, NAT, servers and clients, with tcpdump beside it.

mod cast;
mod loss;
mod path;
mod servers;
mod sighting;
mod tcp;
mod tcpdump;
mod watch;
