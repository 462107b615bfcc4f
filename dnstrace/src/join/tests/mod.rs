//! Scenarios in a small language, one sighting a line, and what must come of them.
//!
//! ```text
//! MILLISECONDS q|r POINT SRC > DST [id=N] [name=NAME] [type=N] [more=TEXT] [hop=N] [cgroup=N] [netns=N] [cookie=N] [tcp] [noquestion]
//! MILLISECONDS icmp|icmpr|drop|dropr POINT SRC > DST [as above] [by=ADDRESS] [quoted=BYTES]
//! MILLISECONDS syn|rst|fin POINT SRC > DST [seq=N] [ack=N]
//! MILLISECONDS expire
//! ```
//!
//! A point is `eth0<` (interface, received), `eth0>` (sent), `@pod>` (socket in a netns, sent) or `@pod<`; the interface
//! `?` is one that the capture does not name.

mod again;
mod bounds;
mod causes;
mod connections;
mod nat;
mod random;
mod responses;
mod retransmissions;
mod scenario;
mod signs;
mod simulation;
mod timing;
