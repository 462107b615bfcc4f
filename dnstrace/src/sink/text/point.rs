//! Observation points and sockets in words.

use crate::capture::{Hook, Point, Socket};
use crate::owner::Interfaces;
use crate::sink::escape;

/// A file that does not say where its packets were seen.
pub(super) const UNKNOWN: &str = "-";

/// The interface a point lies at, or `socket`.
pub(super) fn place(point: Point, interfaces: &Interfaces) -> String {
    match (point.hook, interfaces.name(point)) {
        (Hook::Socket, _) => "socket".to_owned(),
        (Hook::Device, Some(name)) => escape::printable(name.as_bytes()),
        (Hook::Device, None) if point.ifindex == 0 => UNKNOWN.to_owned(),
        (Hook::Device, None) => format!("if{}", point.ifindex),
    }
}

/// ` netns 4026531840` when that is not the one we are in.
pub(super) fn netns(point: Point, interfaces: &Interfaces) -> String {
    match point.netns {
        0 => String::new(),
        same if same == interfaces.netns => String::new(),
        other => format!(" netns {other}"),
    }
}

/// `curl[2211]`.
pub(super) fn process(socket: &Socket) -> Option<String> {
    let process = socket.process?;
    let comm = escape::comm(&process.comm).unwrap_or_default();
    Some(format!("{comm}[{}]", process.tgid))
}
