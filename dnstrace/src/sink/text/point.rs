//! Observation points and sockets in words.

use crate::capture::{Direction, Hook, Point, Socket};
use crate::decode::presentation::push_number;
use crate::owner::Interfaces;
use crate::sink::escape;

/// A file that does not say where its packets were seen.
pub(super) const UNKNOWN: &str = "-";

/// Appends the interface a point lies at, or `socket`.
pub(super) fn push_place(text: &mut String, point: Point, interfaces: &Interfaces) {
    match (point.hook, interfaces.name(point)) {
        // A server that tells of its sockets, not the kernel, says who it is.
        (Hook::Socket, Some(server)) if point.netns == 0 => {
            text.push_str("socket ");
            text.push_str(&escape::printable(server.as_bytes()));
        }
        (Hook::Socket, _) => text.push_str("socket"),
        (Hook::Device | Hook::Drop, Some(name)) => text.push_str(&escape::printable(name.as_bytes())),
        (Hook::Device | Hook::Drop, None) if point.ifindex == 0 => text.push_str(UNKNOWN),
        (Hook::Device | Hook::Drop, None) => {
            text.push_str("if");
            push_number(text, point.ifindex.into(), 1);
        }
    }
}

/// Appends `vdns out`.
pub(super) fn push_sighted(text: &mut String, point: Point, interfaces: &Interfaces) {
    push_place(text, point, interfaces);
    text.push_str(match point.direction {
        Direction::In => " in",
        Direction::Out => " out",
        Direction::Unknown => "",
    });
}

/// `  netns 4026531840` when that is not the one we are in.
pub(super) fn netns(point: Point, interfaces: &Interfaces) -> String {
    match point.netns {
        0 => String::new(),
        same if same == interfaces.netns => String::new(),
        other => format!("  netns {other}"),
    }
}

/// `curl[2211]`.
pub(super) fn process(socket: &Socket) -> Option<String> {
    let process = socket.process?;
    let comm = escape::comm(&process.comm).unwrap_or_default();
    Some(format!("{comm}[{}]", process.tgid))
}
