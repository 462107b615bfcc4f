//! `dnstrace trace` on a node of network namespaces: real kernel, NAT, servers and clients, with tcpdump beside it.

mod cast;
mod path;
mod sighting;
mod tcpdump;
mod watch;
