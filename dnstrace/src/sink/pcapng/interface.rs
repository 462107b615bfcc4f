//! Interface descriptions: which packets share one, and what it says.

use super::block::Block;
use super::frame::{Frame, Link};
use super::section::COMMENT;
use crate::capture::file::InterfaceNote;
use crate::capture::file::pcapng::INTERFACE_DESCRIPTION;
use crate::capture::{Hook, Packet, Point};

/// Options of interfaces.
const NAME: u16 = 2;
const DESCRIPTION: u16 = 3;
const TIME_RESOLUTION: u16 = 9;

/// Times are in 10^-9 seconds.
const NANOSECONDS: u8 = 9;
/// As tcpdump: more than any packet has.
const SNAPLEN: u32 = 262_144;

/// Which packets share an interface block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) hook: Hook,
    netns: u32,
    ifindex: u32,
    link: Link,
    /// Captured by another program: later fragments are there, and the direction need not be known.
    foreign: bool,
    /// Told by dnstap: headers are not those that were on the wire.
    made_up: bool,
}

impl Key {
    /// Of a packet.
    pub(super) fn of(packet: &Packet<'_>, frame: &Frame<'_>) -> Self {
        let Point { hook, ifindex, netns, .. } = packet.point;
        let (link, foreign, made_up) = (frame.link, packet.later_fragments, frame.made_up);
        match hook {
            Hook::Device => Self { hook, netns, ifindex, link, foreign, made_up },
            // Sockets, and drops, of all netns are one interface: what they have of their own stands in each packet.
            Hook::Socket | Hook::Drop => Self { hook, netns: 0, ifindex: 0, link, foreign, made_up },
        }
    }

    fn name<'a>(&self, name: Option<&'a str>) -> Option<&'a str> {
        match self.hook {
            Hook::Socket if self.made_up => Some("dnstap"),
            Hook::Socket => Some("socket"),
            Hook::Drop => Some("drop"),
            Hook::Device => name,
        }
    }

    fn description(&self) -> String {
        match (self.hook, self.netns, self.ifindex) {
            (Hook::Socket, ..) if self.made_up => {
                "what servers told by dnstap; IP, UDP and TCP headers are made up from it".to_owned()
            }
            (Hook::Socket, ..) => "what sockets of every netns send and receive".to_owned(),
            (Hook::Drop, ..) => "what the kernel threw away, in every netns".to_owned(),
            (Hook::Device, _, 0) => "interface that was not told".to_owned(),
            (Hook::Device, 0, ifindex) => format!("interface {ifindex}"),
            (Hook::Device, netns, ifindex) => format!("interface {ifindex} of netns {netns}"),
        }
    }

    /// The interface that a socket's packet was seen at, as far as it is one of the device hook.
    pub(super) fn device(self, point: Point) -> Self {
        let Point { netns, ifindex, .. } = point;
        Self { hook: Hook::Device, netns, ifindex, link: Link::Ethernet, made_up: false, ..self }
    }

    /// Writes its block.
    pub(super) fn describe(&self, name: Option<&str>, pod: Option<&str>, out: &mut Vec<u8>) {
        let Self { hook, netns, ifindex, foreign: later_fragments, made_up, .. } = *self;
        let note = InterfaceNote { hook, netns, ifindex, later_fragments, made_up };
        let mut block = Block::begin(out, INTERFACE_DESCRIPTION).u16(self.link as u16).u16(0).u32(SNAPLEN);
        if let Some(name) = self.name(name) {
            block = block.option(NAME, name.as_bytes());
        }
        let description = match pod {
            Some(pod) => format!("{}, of pod {pod}", self.description()),
            None => self.description(),
        };
        block
            .option(DESCRIPTION, description.as_bytes())
            .option(COMMENT, note.to_string().as_bytes())
            .option(TIME_RESOLUTION, &[NANOSECONDS])
            .end();
    }
}
