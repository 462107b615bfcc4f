//! Where something was seen, in words.

use super::world::World;
use crate::capture::{Direction, Hook};
use crate::join::{Hop, MessageKind};

/// `at its server's socket`, `leaving by eth0`; empty where that is not known. Names of interfaces are not escaped.
pub(super) fn words(hop: &Hop, world: &World<'_>) -> String {
    let point = hop.point;
    let name = || match world.owner.interface_name(point) {
        Some(name) => name.to_owned(),
        None => format!("interface {}", point.ifindex),
    };
    match (point.hook, point.direction) {
        (Hook::Socket, direction) => socket(direction, hop.message).to_owned(),
        (Hook::Drop, _) => "where the kernel dropped it".to_owned(),
        (Hook::Device, _) if point.ifindex == 0 && world.owner.interface_name(point).is_none() => String::new(),
        (Hook::Device, Direction::In) => format!("entering by {}", name()),
        (Hook::Device, Direction::Out) => format!("leaving by {}", name()),
        (Hook::Device, Direction::Unknown) => format!("at {}", name()),
    }
}

fn socket(direction: Direction, message: MessageKind) -> &'static str {
    match (direction, message) {
        (Direction::Out, MessageKind::Query) => "as it left its client's socket",
        (Direction::In, MessageKind::Query) => "at its server's socket",
        (Direction::Out, MessageKind::Response) => "as it left its server's socket",
        (Direction::In, MessageKind::Response) => "at its client's socket",
        (Direction::Unknown, _) => "at a socket",
    }
}
