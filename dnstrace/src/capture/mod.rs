//! Hooks or a file to [`Packet`]s: the only place that knows aya, capture files and ring buffers.

mod dropped;
pub mod file;
pub mod live;
mod packet;
pub mod prerequisites;

pub use dnstrace_ebpf::{Counter, Hook};
pub use dropped::Dropped;
pub use packet::{BootTime, Direction, Layer, Packet, Point, Process, Socket, Transport, WallTime};
