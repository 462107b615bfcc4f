//! `dnstrace trace` on a node of network namespaces: real kernel, NAT, servers and clients, with tcpdump beside it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cast;
mod clients;
mod drops;
mod ending;
mod errors;
mod hostile;
mod local;
mod loss;
mod path;
mod remains;
mod sighting;
mod slow;
mod tcp;
mod tcpdump;
mod vlan;
mod watch;
mod way;
