//! The way of a transaction through the node.

use super::point::{UNKNOWN, push_place};
use crate::join::{Hop, MessageKind};
use crate::owner::Interfaces;

/// Between the points of a way.
pub(super) const STEP: &str = " ▸ ";

/// The way of the query's last sending, or of the response where no query was seen: interfaces in order, both ends of
/// one folded into one.
pub(super) fn push_way(line: &mut String, path: &[Hop], interfaces: &Interfaces) {
    let last = |kind: MessageKind| path.iter().rfind(|hop| hop.message == kind).map(|hop| (kind, hop.attempt));
    let Some(of) = last(MessageKind::Query).or_else(|| last(MessageKind::Response)) else { return };
    let begin = line.len();
    let mut before = begin..begin;
    for hop in path.iter().filter(|hop| (hop.message, hop.attempt) == of) {
        let end = line.len();
        line.push_str(if end == begin { "" } else { STEP });
        let place = line.len();
        push_place(line, hop.point, interfaces);
        if line[place..] == line[before.clone()] {
            line.truncate(end);
        } else {
            before = place..line.len();
        }
    }
    if line[begin..] == *UNKNOWN {
        line.truncate(begin);
    }
}
