//! Hooks or a file to [`Packet`]s: the only place that knows aya, capture files and ring buffers.

mod packet;

pub use dnstrace_ebpf::{Direction, Hook};
pub use packet::{BootTime, Layer, Packet, Point, Process, Socket, WallTime};
